"""What runs in the background: planning, chunks, running, progress. `kinds/` is where rows meet records."""
