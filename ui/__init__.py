"""The chat page: ``app`` builds and serves it, ``render`` turns records into safe HTML."""
