"""From a question to passages to evidence sentences."""
