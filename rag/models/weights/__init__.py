"""Weights that install as packages: verified, converted, adapted."""
