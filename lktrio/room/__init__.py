"""What a participant sees: room, participants, publications, tracks, data and events."""
