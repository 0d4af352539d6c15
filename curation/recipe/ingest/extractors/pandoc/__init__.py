"""Formats that pandoc reads: run in a process of its own with limits (`run`), and its tree as our Markdown (`write`)."""
