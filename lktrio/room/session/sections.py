"""The sections of a connection that carry local tracks, one after the other.

Sections cannot be removed from a connection. One that was turned off is used again for the next
track of the same codec, as LiveKit's server does not let a section change its codec; so a program
which publishes many short tracks does not run out of sections. Turning off is said once: later
offers describe an idle section as one that sends, only without a track. LiveKit's server stops the
receiver of a section each time that it reads ``inactive``, also one that waits for the next track,
and would then never notice the end of that one.
"""

from __future__ import annotations

from lktrio.errors import PublishError
from lktrio.media import Codec
from lktrio.room.session.negotiation import OfferExchange
from lktrio.room.session.peer_connection import PeerConnection
from lktrio.rtc import capabilities
from lktrio.rtc.capabilities import CodecCapability, MediaCapabilities
from lktrio.rtc.sdp import MAX_SECTIONS
from lktrio.rtc.transceiver import Transceiver

__all__ = ["SendingSections"]


class SendingSections:
    """The sections in which media is sent.

    Args:
        connection: The peer connection.
        negotiation: Its offers.
    """

    def __init__(self, connection: PeerConnection, negotiation: OfferExchange) -> None:
        self._connection = connection
        self._negotiation = negotiation
        self._idle: list[Transceiver] = []

    def take(self, codec: Codec, first: CodecCapability, cid: str) -> Transceiver:
        """Prepare a section for a track: one that was used before, or a new one.

        Raises:
            PublishError: The connection carries no more.
        """
        transceiver = next((one for one in self._idle if one.capabilities[0] == first), None)
        if transceiver is None:
            transceiver = self._add(codec, first)
        else:
            self._idle.remove(transceiver)
        self._connection.peer.set_local_track(transceiver, "-", cid)
        return transceiver

    def _add(self, codec: Codec, first: CodecCapability) -> Transceiver:
        peer = self._connection.peer
        if len(peer.transceivers) >= MAX_SECTIONS - 1:  # one is for data
            raise PublishError(
                f"a connection carries at most {MAX_SECTIONS - 1} tracks at once; unpublish "
                "others before"
            )
        codecs = capabilities.with_first(MediaCapabilities().codecs(codec.kind), first)
        return peer.add_transceiver(codec.kind, "sendonly", codecs)

    def turn_off(self, transceiver: Transceiver) -> None:
        """Stop sending in a section. The server is told first, lest it drops the last packets."""
        if transceiver.mid is None:  # it was in no offer, so nobody needs to be told
            self._connection.peer.remove_transceiver(transceiver)
        else:
            transceiver.direction = "inactive"
            self._negotiation.request_then(lambda: self._clear(transceiver))

    def _clear(self, transceiver: Transceiver) -> None:
        self._connection.peer.clear_local_track(transceiver)
        self._connection.driver.flush()
        if not transceiver.stopped:
            transceiver.direction = "sendonly"
            self._idle.append(transceiver)
