"""Which ways to the server media and data may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["IcePolicy"]


@dataclass(frozen=True, slots=True)
class IcePolicy:
    """Which ways to the server media and data may take.

    The default is what a browser does: UDP where it works, TCP where it does not.
    """

    udp: bool = True
    """Whether to use UDP."""
    tcp: bool = True
    """Whether to connect by TCP (RFC 6544) where UDP does not work."""

    def __post_init__(self) -> None:
        if not (self.udp or self.tcp):
            raise ValueError("with neither UDP nor TCP there is no way to the server")
