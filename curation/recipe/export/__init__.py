"""The last stage: approved rows become files. A schema per kind, a writer per format, shards, a manifest."""
