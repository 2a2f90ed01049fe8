"""Evals: ask questions whose answers are known, grade what comes back, and say how sure the figure is."""
