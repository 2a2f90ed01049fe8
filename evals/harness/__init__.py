"""Asks the questions of a run, and keeps what comes back."""
