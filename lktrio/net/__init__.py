"""Sockets and tasks: the only package that moves bytes between the core and the network."""
