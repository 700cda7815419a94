"""Sockets and tasks: the only package that moves bytes between the core and the network."""

from __future__ import annotations

from lktrio.net.ice_policy import IcePolicy
from lktrio.net.network import DatagramSocket, Network, StreamOpener, TcpListener, TcpStream
from lktrio.net.system import SystemNetwork

__all__ = [
    "DatagramSocket",
    "IcePolicy",
    "Network",
    "StreamOpener",
    "SystemNetwork",
    "TcpListener",
    "TcpStream",
]
