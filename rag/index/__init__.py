"""From articles to chunks to an index on disk."""
