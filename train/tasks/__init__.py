"""Training examples of the four tasks, made from the folders of openly licensed data.

``python -m train.tasks.build --shared DIR --out DIR`` writes them; train/adapter.py reads them.
"""
