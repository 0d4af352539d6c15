"""Extractors: how each media type becomes text. One file each; `extract.EXTRACTORS` is their table."""
