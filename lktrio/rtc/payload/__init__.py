"""RTP payload formats: how encoded frames travel in RTP packets, one module per codec."""

from __future__ import annotations

from collections.abc import Callable

from lktrio._protocol_errors import LocalProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.payload.base import Depacketizer, Packetizer
from lktrio.rtc.payload.h264 import H264Depacketizer, H264Packetizer
from lktrio.rtc.payload.single import SingleDepacketizer, SinglePacketizer
from lktrio.rtc.payload.vp8 import Vp8Depacketizer, Vp8Packetizer

__all__ = ["MIME_TYPES", "Depacketizer", "Packetizer", "depacketizer", "packetizer"]

MIME_TYPES = ("audio/opus", "video/VP8", "video/H264", "audio/PCMU", "audio/PCMA")
"""The codecs with a payload format here, in the spelling of their registration."""

_PACKETIZERS: dict[str, Callable[[RandomBytes | None], Packetizer]] = {
    "audio/opus": lambda random: SinglePacketizer("Opus packet"),
    "audio/pcmu": lambda random: SinglePacketizer("G.711 frame"),
    "audio/pcma": lambda random: SinglePacketizer("G.711 frame"),
    "video/vp8": Vp8Packetizer,
    "video/h264": lambda random: H264Packetizer(),
}
_DEPACKETIZERS: dict[str, Depacketizer] = {
    "audio/opus": SingleDepacketizer("Opus packet"),
    "audio/pcmu": SingleDepacketizer("G.711 frame"),
    "audio/pcma": SingleDepacketizer("G.711 frame"),
    "video/vp8": Vp8Depacketizer(),
    "video/h264": H264Depacketizer(),
}


def packetizer(mime: str, *, random: RandomBytes | None = None) -> Packetizer:
    """Make the sending half of a payload format, for one outbound stream.

    Args:
        mime: Such as ``"video/VP8"``; upper and lower case are the same.
        random: Draws what the format wants to be random, such as the first picture id.

    Raises:
        LocalProtocolError: The codec is not one of `MIME_TYPES`.
    """
    try:
        return _PACKETIZERS[mime.lower()](random)
    except KeyError:
        raise _unknown(mime) from None


def depacketizer(mime: str) -> Depacketizer:
    """The receiving half of a payload format, shared by every stream.

    Args:
        mime: Such as ``"video/VP8"``; upper and lower case are the same.

    Raises:
        LocalProtocolError: The codec is not one of `MIME_TYPES`.
    """
    try:
        return _DEPACKETIZERS[mime.lower()]
    except KeyError:
        raise _unknown(mime) from None


def _unknown(mime: str) -> LocalProtocolError:
    return LocalProtocolError(
        f"there is no RTP payload format for {mime!r}, only for {', '.join(MIME_TYPES)}"
    )
