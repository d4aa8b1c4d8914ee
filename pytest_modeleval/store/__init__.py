"""The store: what a run leaves on disk, a folder for each."""
