"""Language models, embedders and their weights."""
