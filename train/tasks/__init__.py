"""Training examples of reading, from folders of openly licensed data; train/packed.py learns them."""
