"""Question → passages → evidence sentences."""
