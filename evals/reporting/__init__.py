"""Reports of a run: in the terminal, as a page, against a baseline."""
