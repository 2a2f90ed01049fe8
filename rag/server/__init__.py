"""HTTP API, question queue, login, limits and metrics."""
