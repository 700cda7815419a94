"""LiveKit's protocol messages as dataclasses, and the one door between them and bytes."""
