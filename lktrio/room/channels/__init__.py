"""Channels between the network and programs: events and media, bounded and with a beginning."""
