"""What the server and the peers told of a room, as plain objects."""
