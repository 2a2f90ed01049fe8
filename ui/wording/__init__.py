"""The words of the page, and text from outside as harmless HTML."""
