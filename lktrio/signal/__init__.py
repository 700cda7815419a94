"""Signalling: LiveKit's WebSocket protocol as a participant speaks it."""
