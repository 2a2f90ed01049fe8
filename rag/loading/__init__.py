"""Files of many formats → articles."""
