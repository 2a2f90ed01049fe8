"""Question and evidence → a checked answer with citations."""
