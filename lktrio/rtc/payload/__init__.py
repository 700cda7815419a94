"""RTP payload formats: how encoded frames travel in RTP packets, one module per codec."""

from __future__ import annotations

from lktrio.rtc.payload.base import Depacketizer, Packetizer

__all__ = ["Depacketizer", "Packetizer"]
