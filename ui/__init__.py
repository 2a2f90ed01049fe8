"""The chat page: ``ui.app`` builds and serves it, ``ui.render`` turns records into safe HTML."""
