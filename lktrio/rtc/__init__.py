"""The sans-IO WebRTC core: every protocol as a state machine fed with bytes and time."""
