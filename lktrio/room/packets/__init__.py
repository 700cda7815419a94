"""Chat messages, telephone tones, transcriptions and metrics.

Each is a packet of its own kind (LiveKit's ``DataPacket``); chat messages and transcriptions are
also text streams of a topic, which is their form today. ``incoming`` turns both forms into the same
events, for which ``collecting`` puts the texts together; ``sending`` sends either.
"""
