"""Fits how passages and sentences are ranked."""
