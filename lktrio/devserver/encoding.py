"""One codec in which a track is sent, and the layers that carry it.

A section of the publisher's description carries one codec of a track. Its media arrives as one
stream, or with simulcast as one per layer, named by rid.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lktrio import proto
from lktrio.devserver.limits import if_short
from lktrio.devserver.svc import (
    DEPENDENCY_DESCRIPTOR_URI,
    Av1Reader,
    SpatialSelector,
    read_vp9,
    starts_av1,
    starts_vp9,
)
from lktrio.rtc.payload import MIME_TYPES, depacketizer
from lktrio.rtc.rtp import RtpPacket
from lktrio.rtc.rtp.inbound import InboundStream
from lktrio.rtc.transceiver import Transceiver

__all__ = ["Encoding", "Layer"]

_RIDS = {"q": 0, "h": 1, "f": 2, "2": 0, "1": 1, "0": 2}
"""Names of layers and the quality they have: what LiveKit's clients use."""
ACTIVE_WINDOW = 1.0
"""Seconds without a packet after which a layer counts as stopped."""


@dataclass(slots=True, eq=False)
class Layer:
    """One stream of a track: all of it, or a simulcast layer."""

    rid: str
    spatial: int
    """0 is the smallest picture."""
    stream: InboundStream
    last_packet: float = -ACTIVE_WINDOW
    """When the newest packet arrived."""

    def is_active(self, now: float) -> bool:
        """Whether packets are arriving."""
        return now - self.last_packet < ACTIVE_WINDOW


class Encoding:
    """A codec in which a track is sent.

    Args:
        mime: The codec, such as ``video/VP8``.
        transceiver: The section.
        request_keyframe: Asks the publisher for a keyframe of a stream.

    Attributes:
        layers: The streams known so far, smallest picture first.
        began: Whether any media has arrived.
    """

    def __init__(
        self,
        mime: str,
        transceiver: Transceiver,
        request_keyframe: Callable[[InboundStream], None],
    ) -> None:
        self.mime = mime
        self.transceiver = transceiver
        self.layers: list[Layer] = []
        self.began = False
        self._starts = _starts(mime)
        self._request_keyframe = request_keyframe
        self._by_stream: dict[InboundStream, Layer] = {}

    def starts(self, packet: RtpPacket) -> bool:
        """Whether a subscriber can begin with this packet: for video, the start of a keyframe."""
        return bool(packet.payload) and self._starts(packet.payload)

    def selector(self) -> SpatialSelector | None:
        """What chooses among spatial layers that share a stream, None for other codecs."""
        match self.mime.lower():
            case "video/vp9":
                return SpatialSelector(read_vp9)
            case "video/av1":
                return SpatialSelector(Av1Reader(self.descriptor_id))
            case _:
                return None

    @property
    def descriptor_id(self) -> int:
        """Number of the header extension that tells AV1's layers, 0 if there is none."""
        return self.transceiver.extension_ids.get(DEPENDENCY_DESCRIPTOR_URI, 0)

    def add_stream(self, stream: InboundStream, rid: str) -> Layer:
        """Take up a stream that was recognised as part of the track."""
        layer = Layer(rid, self._spatial(rid), stream)
        self.layers = [known for known in self.layers if known.rid != rid] + [layer]
        self.layers.sort(key=lambda known: known.spatial)
        self._by_stream = {known.stream: known for known in self.layers}
        return layer

    def layer_of(self, stream: InboundStream) -> Layer | None:
        """The layer that a stream carries."""
        return self._by_stream.get(stream)

    def _spatial(self, rid: str) -> int:
        """Number of a layer; what is not named as usual is counted in the order of its section."""
        rids = self.transceiver.remote_rids
        if all(name in _RIDS for name in rids):
            order = sorted(rids, key=_RIDS.__getitem__)
        else:
            order = list(rids)
        return order.index(rid) if rid in order else 0

    def describe(self, layer: Layer, described: list[proto.VideoLayer]) -> None:
        """Put the SSRC and the rid of a layer where a description lists it."""
        if layer.spatial < len(described):
            described[layer.spatial].ssrc = layer.stream.ssrc
            described[layer.spatial].rid = if_short(layer.rid)
            described[layer.spatial].spatial_layer = layer.spatial

    def request_keyframe(self, layer: Layer) -> None:
        """Ask the publisher for a keyframe of a layer."""
        self._request_keyframe(layer.stream)


def _starts(mime: str) -> Callable[[bytes], bool]:
    """What tells whether a decoder can begin with a payload of a codec."""
    name = mime.lower()
    if name == "video/vp9":
        return starts_vp9
    if name == "video/av1":
        return starts_av1
    if name.startswith("audio/") or name not in (known.lower() for known in MIME_TYPES):
        return bool
    codec = depacketizer(mime)
    return lambda payload: codec.starts_frame(payload) and codec.is_keyframe(payload)
