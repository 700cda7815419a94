"""The RTP streams that we send: one for the local track of each section that sends."""

from __future__ import annotations

from lktrio._protocol_errors import LocalProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.payload import MIME_TYPES, packetizer
from lktrio.rtc.rtp.extensions import ExtensionIds
from lktrio.rtc.rtp.outbound import OutboundStream, TransportSequence
from lktrio.rtc.rtp.rtx import Rtx
from lktrio.rtc.srtp import SrtpSender
from lktrio.rtc.transceiver import Transceiver

__all__ = ["OutboundStreams"]


class OutboundStreams:
    """Our streams.

    Args:
        random: Source of first sequence numbers.

    Attributes:
        bound: The streams by SSRC, each with its section.
    """

    def __init__(self, random: RandomBytes) -> None:
        self.bound: dict[int, tuple[Transceiver, OutboundStream]] = {}
        self._random = random
        self._sender: SrtpSender | None = None
        self._transport_sequence = TransportSequence()

    def secured(self, sender: SrtpSender) -> None:
        """Take the keys; with others than before, the streams begin anew."""
        self._sender = sender
        for _, stream in self.bound.values():
            stream.secure(sender)

    def unsecured(self) -> None:
        """Another peer takes the place of the one that is known; its keys will follow."""
        self._sender = None

    def open(self, transceiver: Transceiver, mime: str) -> OutboundStream:
        """Make the stream of a section's local track, or return the one that there is.

        Args:
            transceiver: A section that was negotiated for sending.
            mime: The codec of the media; frames can be sent if it is one of ``MIME_TYPES``.

        Raises:
            LocalProtocolError: The section does not send, or not with this codec.
        """
        track = transceiver.local_track
        if track is None or not transceiver.sending:
            raise LocalProtocolError("this section was not negotiated for sending")
        if track.ssrc in self.bound:
            return self.bound[track.ssrc][1]
        codec = transceiver.codec_for(mime)
        if codec is None:
            raise LocalProtocolError(f"the peer did not accept {mime} for this section")
        rtx = transceiver.rtx_for(codec)
        repair = None
        if rtx is not None and track.rtx_ssrc is not None:
            repair = Rtx(track.rtx_ssrc, rtx.payload_type)
        stream = OutboundStream(
            ssrc=track.ssrc,
            payload_type=codec.payload_type,
            clock_rate=codec.clock_rate,
            packetizer=packetizer(mime, random=self._random) if mime in MIME_TYPES else None,
            random=self._random,
            extensions=_extension_ids(transceiver),
            mid=transceiver.mid or "",
            cname=track.cname,
            rtx=repair,
            transport_sequence=self._transport_sequence,
        )
        if self._sender is not None:
            stream.secure(self._sender)
        self.bound[track.ssrc] = (transceiver, stream)
        return stream

    def of(self, transceiver: Transceiver) -> OutboundStream | None:
        """The stream of a section's local track, if it was opened."""
        track = transceiver.local_track
        bound = None if track is None else self.bound.get(track.ssrc)
        return None if bound is None else bound[1]

    def change_codec(self, transceiver: Transceiver, mime: str) -> OutboundStream:
        """Let the stream of a section's local track go on in another codec.

        Raises:
            LocalProtocolError: The section does not send, or not with this codec.
        """
        stream = self.open(transceiver, mime)
        codec = transceiver.codec_for(mime)
        if codec is None:
            raise LocalProtocolError(f"the peer did not accept {mime} for this section")
        rtx = transceiver.rtx_for(codec)
        stream.change_codec(
            payload_type=codec.payload_type,
            clock_rate=codec.clock_rate,
            packetizer=packetizer(mime, random=self._random) if mime in MIME_TYPES else None,
            rtx_payload_type=rtx.payload_type if rtx is not None else None,
        )
        return stream

    def remove(self, transceiver: Transceiver) -> int | None:
        """Forget the stream of a section's local track; its SSRC if there was one."""
        track = transceiver.local_track
        if track is None or self.bound.pop(track.ssrc, None) is None:
            return None
        return track.ssrc


def _extension_ids(transceiver: Transceiver) -> ExtensionIds:
    return ExtensionIds.from_uris(transceiver.extension_ids.items())
