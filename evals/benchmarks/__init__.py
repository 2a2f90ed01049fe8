"""Benchmarks: how long indexing, searching and answering take, and beside which other systems."""
