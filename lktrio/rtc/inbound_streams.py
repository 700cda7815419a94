"""The RTP streams that the peer sends: which SSRC belongs to which media section.

Theory of operation: media packets carry nothing but an SSRC. It is bound to a media section in one
of three ways, tried in this order: the peer's description lists it (``a=ssrc``), its packets carry
the section's mid (and, for simulcast, the rid of the layer) in a header extension, or only one
section can be meant because of the payload type. With simulcast the rid of a packet decides, and
the SSRCs of a description are hints: which layer is meant when a packet names none, and which SSRC
repairs which. A packet that cannot be bound is dropped: it is a probe, or belongs to a section that
is gone. Binding happens after authentication, so strangers cannot make streams.

Streams are dropped whenever the track of their section changes. Their SSRCs are retired, which no
packet and no description can undo under the same keys, or recorded media of one track could come
back in the next. Only those that the same description lists for the next track are bound anew, from
the newest packet on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.payload import MIME_TYPES, depacketizer
from lktrio.rtc.rtp.arrivals import ArrivalMonitor, TwccReceiver
from lktrio.rtc.rtp.estimator import ReceiveBandwidth
from lktrio.rtc.rtp.extensions import ExtensionIds, parse_extensions
from lktrio.rtc.rtp.inbound import InboundFormat, InboundOptions, InboundStream
from lktrio.rtc.sdp import Msid, RtpCodec
from lktrio.rtc.srtp import SrtpReceiver
from lktrio.rtc.transceiver import Transceiver

__all__ = ["MAX_STREAMS", "MAX_UNLISTED", "Bound", "InboundStreams", "StreamBound"]

MAX_UNLISTED = 64
"""Inbound SSRCs of one peer connection that no description lists, such as simulcast layers."""
MAX_STREAMS = 2048
"""Inbound SSRCs of one peer connection, retransmissions and listed ones included."""

Bound: TypeAlias = tuple[Transceiver, InboundStream]
"""A stream with its section."""
_Feed: TypeAlias = Callable[[int, bytes, int, bytes, float], None]


@dataclass(frozen=True, slots=True)
class StreamBound:
    """An SSRC of the peer was recognised as media of a section."""

    transceiver: Transceiver
    """The section."""
    stream: InboundStream
    """The stream; ``stream.rid`` names the simulcast layer."""
    rid: str
    """Simulcast layer, empty without simulcast."""


class InboundStreams:
    """The streams of the peer.

    Args:
        report_ssrc: Who asks the peer for packets and keyframes.

    Attributes:
        bound: The streams by SSRC, each with its section.
        feeds: By SSRC, of retransmissions too: what takes a packet, and the stream that it is of.
        news: Streams that were bound, to be taken whole.
        arrivals: What watches the times of arrival of all packets.
    """

    def __init__(self, report_ssrc: int) -> None:
        self.bound: dict[int, Bound] = {}
        self.feeds: dict[int, tuple[_Feed, Bound]] = {}
        self.news: list[StreamBound] = []
        self._extensions = ExtensionIds()
        self.arrivals = ArrivalMonitor(self._extensions, None, None)
        self._report_ssrc = report_ssrc
        self._receiver: SrtpReceiver | None = None
        self._limit = MAX_UNLISTED
        self._sections: Sequence[Transceiver] = ()
        self._rids: dict[tuple[Transceiver, str], InboundStream] = {}
        self._tracks: dict[Transceiver, Msid | None] = {}
        self._formats: dict[Transceiver, dict[int, InboundFormat]] = {}

    def secured(self, receiver: SrtpReceiver) -> None:
        """Take the receiver, which is to be told of SSRCs that are gone."""
        self._receiver = receiver
        receiver.max_ssrcs = max(receiver.max_ssrcs, self._limit)

    def unsecured(self) -> None:
        """Forget all that the peer sent, as another one takes its place."""
        self._receiver = None
        for _, stream in list(self.bound.values()):
            self._drop(stream)
        self._tracks.clear()
        self.arrivals = ArrivalMonitor(self._extensions, None, None)

    def configure(self, sections: Sequence[Transceiver]) -> None:
        """Take over what the newest exchange of descriptions agreed on.

        Args:
            sections: All of the connection.
        """
        self._sections = sections
        receiving = [section for section in sections if section.receiving]
        ids = {uri: number for each in receiving for uri, number in each.extension_ids.items()}
        self._extensions = ExtensionIds.from_uris(ids.items())
        self._watch_arrivals(receiving)
        listed = sum(len(each.remote.ssrcs) for each in receiving if each.remote is not None)
        self._limit = min(MAX_UNLISTED + listed, MAX_STREAMS)
        if self._receiver is not None:
            self._receiver.max_ssrcs = max(self._receiver.max_ssrcs, self._limit)
        for section in sections:
            self._follow_track(section)

    def _watch_arrivals(self, receiving: Sequence[Transceiver]) -> None:
        self.arrivals.set_extensions(self._extensions)
        feedback = {kind for each in receiving for codec in each.codecs for kind in codec.feedback}
        if "transport-cc" in feedback and self.arrivals.twcc is None:
            self.arrivals.twcc = TwccReceiver()
        if "goog-remb" in feedback and self.arrivals.bandwidth is None:
            self.arrivals.bandwidth = ReceiveBandwidth()

    def _follow_track(self, transceiver: Transceiver) -> None:
        """Drop the streams of a section whose track changed; bind the signalled ones."""
        track = transceiver.remote_track if transceiver.receiving else None
        formats = self._formats[transceiver] = _formats(transceiver)
        if self._tracks.get(transceiver) != track:
            self._tracks[transceiver] = track
            for stream in self.of(transceiver):
                self._drop(stream)
        if track is None:
            return
        for stream in self.of(transceiver):
            stream.set_formats(formats)
        if len(transceiver.remote_rids) > 1:
            return  # packets tell which layer an SSRC carries
        for ssrc in transceiver.remote_ssrcs():
            self._bind_media(transceiver, ssrc, "")

    def of(self, transceiver: Transceiver) -> list[InboundStream]:
        """The bound streams of a section: one, or one per simulcast layer."""
        return [stream for owner, stream in self.bound.values() if owner is transceiver]

    def _drop(self, stream: InboundStream) -> None:
        self.bound.pop(stream.ssrc, None)
        self.feeds.pop(stream.ssrc, None)
        if stream.repair is not None:
            self.feeds.pop(stream.repair.ssrc, None)
        self._rids = {key: value for key, value in self._rids.items() if value is not stream}
        self._retire(stream.ssrc)
        if stream.repair is not None:
            self._retire(stream.repair.ssrc)

    def _retire(self, ssrc: int) -> None:
        """Let no packet of an ended track come back, even if another one keeps its SSRC."""
        if self._receiver is None:
            return
        listed = (t.remote.ssrcs for t in self._sections if t.remote is not None)
        if any(ssrc in ssrcs for ssrcs in listed):
            self._receiver.seal(ssrc)
        else:
            self._receiver.retire(ssrc)

    def _is_refused(self, ssrc: int) -> bool:
        """Whether an SSRC can have no stream: it is retired, or there are too many."""
        retired = self._receiver is not None and self._receiver.is_retired(ssrc)
        return retired or len(self.feeds) >= self._limit

    def _bind_media(self, transceiver: Transceiver, ssrc: int, rid: str) -> InboundStream | None:
        bound = self.bound.get(ssrc)
        if bound is not None:
            return bound[1] if bound[0] is transceiver else None
        if self._is_refused(ssrc):
            return None
        feedback = {kind for codec in transceiver.codecs for kind in codec.feedback}
        stream = InboundStream(
            ssrc=ssrc,
            kind=transceiver.kind,
            clock_rate=_clock_rate(transceiver),
            formats=self._formats[transceiver],
            options=InboundOptions(
                nack="nack" in feedback, pli="nack pli" in feedback, fir="ccm fir" in feedback
            ),
            sender_ssrc=self._report_ssrc,
            arrivals=self.arrivals,
            rid=rid,
        )
        self.bound[ssrc] = (transceiver, stream)
        self.feeds[ssrc] = (stream.feed, self.bound[ssrc])
        if rid:
            self._rids[transceiver, rid] = stream
        self.news.append(StreamBound(transceiver, stream, rid))
        repair = transceiver.remote_ssrcs().get(ssrc)
        if repair is not None:
            self._bind_repair(stream, repair)
        return stream

    def _bind_repair(self, stream: InboundStream, ssrc: int) -> None:
        if ssrc not in self.feeds and not self._is_refused(ssrc):
            stream.add_repair(ssrc)
            self.feeds[ssrc] = (stream.feed_repair, self.bound[stream.ssrc])

    def bind_by_packet(self, ssrc: int, packet: bytes, header_length: int) -> None:
        """Find the section of an authenticated packet whose SSRC has no feed yet."""
        try:
            values = parse_extensions(packet, header_length)
        except RemoteProtocolError:
            return
        ids = self._extensions
        payload_type = packet[1] & 0x7F
        transceiver = self._section_of(_text(values, ids.mid), payload_type, ssrc)
        if transceiver is None:
            return
        repaired = _text(values, ids.repaired_rid)
        form = self._formats[transceiver].get(payload_type)
        if repaired or (form is not None and form.role == "rtx"):
            stream = self._repaired_stream(transceiver, repaired)
            if stream is not None:
                self._bind_repair(stream, ssrc)
            return
        rid = _text(values, ids.rid) or _listed_layer(transceiver, ssrc)
        if not rid or rid in transceiver.remote_rids:
            self._bind_media(transceiver, ssrc, rid)

    def _section_of(self, mid: str, payload_type: int, ssrc: int) -> Transceiver | None:
        """The section of a mid or, without one, the only section that can be meant."""
        live = [transceiver for transceiver, track in self._tracks.items() if track is not None]
        if mid:
            return next((transceiver for transceiver in live if transceiver.mid == mid), None)
        listing = next((each for each in live if ssrc in each.remote_ssrcs()), None)
        if listing is not None:
            return listing
        fitting = [
            transceiver
            for transceiver in live
            if payload_type in self._formats[transceiver] and not transceiver.remote_ssrcs()
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _repaired_stream(self, transceiver: Transceiver, rid: str) -> InboundStream | None:
        if rid:
            return self._rids.get((transceiver, rid))
        streams = self.of(transceiver)
        return streams[0] if len(streams) == 1 else None


def _clock_rate(transceiver: Transceiver) -> int:
    media = [codec for codec in transceiver.codecs if codec.name.lower() not in ("rtx", "red")]
    return media[0].clock_rate if media else 90_000


def _formats(transceiver: Transceiver) -> dict[int, InboundFormat]:
    return {codec.payload_type: _format(transceiver, codec) for codec in transceiver.codecs}


def _format(transceiver: Transceiver, codec: RtpCodec) -> InboundFormat:
    name = codec.name.lower()
    if name == "rtx":
        return InboundFormat("rtx", associated=-1 if codec.apt is None else codec.apt)
    if name == "red":
        return InboundFormat("red", mime="audio/red")
    mime = f"{transceiver.kind}/{codec.name}"
    known = mime.lower() in (known.lower() for known in MIME_TYPES)
    return InboundFormat("media", depacketizer(mime) if known else None, mime=mime)


def _listed_layer(transceiver: Transceiver, ssrc: int) -> str:
    """The layer that a listed SSRC carries if a section lists as many as it has layers, else ""."""
    ssrcs, rids = list(transceiver.remote_ssrcs()), transceiver.remote_rids
    return rids[ssrcs.index(ssrc)] if len(ssrcs) == len(rids) and ssrc in ssrcs else ""


def _text(values: Mapping[int, bytes], number: int) -> str:
    return values.get(number, b"").decode("ascii", "replace") if number else ""
