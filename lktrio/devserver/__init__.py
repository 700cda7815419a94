"""The embedded LiveKit-compatible server, for development and tests."""
