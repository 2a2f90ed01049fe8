"""Makes and measures the tables of translation."""
