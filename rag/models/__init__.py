"""Language model, embedder and their weights."""
