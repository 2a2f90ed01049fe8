"""HTTP API, login, limits and metrics."""
