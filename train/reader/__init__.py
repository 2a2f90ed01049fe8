"""Trains and measures the adapter of the model that reads the evidence."""
