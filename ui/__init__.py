"""The chat page: ``ui.app`` builds and serves it, ``ui.html.render`` turns records into safe HTML."""
