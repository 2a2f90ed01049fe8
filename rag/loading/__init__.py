"""Loading: files of many formats become articles."""
