"""Grades answers, and says how sure a score or a difference is."""
