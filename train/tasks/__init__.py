"""Training examples of reading, from folders of openly licensed data; train/reader/packed.py learns them."""
