"""Articles → chunks → an index on disk."""
