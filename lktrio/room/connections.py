"""The peer connections of one stay in a room.

Theory of operation: LiveKit knows two arrangements. In the newer one (``v1``) there is a single
peer connection that the client always offers; the server asks for sections to send in with
``media_sections_requirement``. In the older one (``v0``) there are two: the *publisher*, offered
by the client, carries what we send, and the *subscriber*, offered by the server, what we receive,
data channels included. Both are the same thing here: a list of connections, of which the
publisher is ours to negotiate.

A negotiation is one offer and its answer. Whoever changes something about the publisher asks for a
negotiation and may wait for it; requests that come while one is under way share the next.
"""

from __future__ import annotations

import datetime
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

import trio

from lktrio import proto
from lktrio.errors import ConnectTimeout
from lktrio.net.driver import PeerDriver
from lktrio.net.network import Network
from lktrio.rtc.capabilities import MediaCapabilities, MediaKind
from lktrio.rtc.datachannel import DataChannel, DataChannelOpened
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.transport import TransportState, TransportStateChanged
from lktrio.signal import OfferNumbers

__all__ = ["LOSSY", "RELIABLE", "UDP_BLOCKED", "Connection", "Negotiation"]

RELIABLE = "_reliable"
LOSSY = "_lossy"
UDP_BLOCKED = "is UDP blocked between this machine and the server's media ports?"
_DATA_TRACK = "_data_track"
_INITIAL_SECTIONS: tuple[MediaKind, ...] = ("audio",) * 3 + ("video",) * 3
"""What livekit-client and the Rust SDK offer, so that the first tracks need no second offer."""


class Connection:
    """One peer connection with its sockets.

    Args:
        target: The server's name for it.
        addresses: Local addresses to open sockets on.
        network: Where to open them.

    Attributes:
        channels: Data channels by label, ours and the server's; the newest of a label.
        connected: Set when the transport is up for the first time.
        handle_event: Called synchronously with this connection and every event.

    The sockets are open from construction until ``close``, or until the driver has ended.
    """

    def __init__(
        self, target: proto.SignalTarget, addresses: Sequence[str], network: Network
    ) -> None:
        self.target = target
        self.numbers = OfferNumbers()
        self.channels: dict[str, DataChannel] = {}
        self.connected = trio.Event()
        self.handle_event: Callable[[Connection, PeerEvent], None] = _ignore
        now = network.wall_time()
        self.peer = Peer(
            PeerConfig(capabilities=MediaCapabilities()),
            certificate=Certificate.generate(
                datetime.datetime.fromtimestamp(now, datetime.UTC), random=network.random_bytes
            ),
            random=network.random_bytes,
            ntp_offset=now - trio.current_time(),
        )
        self.driver = PeerDriver(self.peer, self._on_event, addresses, network)

    def _on_event(self, event: PeerEvent) -> None:
        if isinstance(event, DataChannelOpened):
            self.channels[event.channel.label] = event.channel
        elif isinstance(event, TransportStateChanged) and event.state is TransportState.CONNECTED:
            self.connected.set()
        self.handle_event(self, event)

    def open_data_channels(self) -> None:
        """Prepare the three channels that LiveKit uses, before the first offer."""
        create = self.peer.create_data_channel
        self.channels[RELIABLE] = create(RELIABLE)
        self.channels[LOSSY] = create(LOSSY, ordered=False, max_retransmits=0)
        self.channels[_DATA_TRACK] = create(_DATA_TRACK, ordered=False, max_retransmits=0)

    def add_receiving_sections(self, kinds: Sequence[MediaKind] = _INITIAL_SECTIONS) -> None:
        """Add sections for the server to send in (single peer connection only)."""
        for kind in kinds:
            self.peer.add_transceiver(kind, "recvonly")

    def offer(self, *, ice_restart: bool = False) -> proto.SessionDescription:
        """Make an offer as it goes to the server."""
        sdp = self.peer.create_offer(trio.current_time(), ice_restart=ice_restart)
        return proto.SessionDescription(type="offer", sdp=sdp, id=self.numbers.next())

    def answer(self, offer: proto.SessionDescription) -> proto.SessionDescription:
        """Answer an offer of the server.

        Raises:
            RemoteProtocolError: The offer cannot be understood.
        """
        now = trio.current_time()
        self.peer.set_offer(offer.sdp, now)
        sdp = self.peer.create_answer(now)
        self.driver.flush()
        return proto.SessionDescription(type="answer", sdp=sdp, id=offer.id)

    def take_answer(self, answer: proto.SessionDescription) -> bool:
        """Take over the server's answer; False if it answers an older offer of ours.

        Raises:
            RemoteProtocolError: The answer cannot be understood.
        """
        if not self.numbers.answers_latest(answer):
            return False
        self.peer.set_answer(answer.sdp, trio.current_time())
        self.driver.flush()
        return True

    def add_remote_candidate(self, candidate: str) -> None:
        """Take a candidate that the server trickled.

        Raises:
            RemoteProtocolError: It is malformed.
        """
        self.peer.add_remote_candidate(candidate, trio.current_time())
        self.driver.flush()

    def close(self) -> None:
        """Say goodbye without blocking and close the sockets. Idempotent."""
        self.driver.close()


def _ignore(connection: Connection, event: PeerEvent) -> None:
    """Nobody looks at the connection yet."""


class Negotiation:
    """Offers on the publisher, one after the other.

    Args:
        connection: The publisher.
        send_offer: Hands an offer to the signalling.
        timeout: Seconds for an answer; then ``run`` raises.
        first_offer_is_out: Whether an offer travelled with the join request.
    """

    def __init__(
        self,
        connection: Connection,
        send_offer: Callable[[proto.SessionDescription], Awaitable[None]],
        timeout: float,
        *,
        first_offer_is_out: bool,
    ) -> None:
        self._connection = connection
        self._send_offer = send_offer
        self._timeout = timeout
        self._wanted = 0  # requests so far
        self._covered = 0  # of these, those that the newest offer contains
        self._done = 0  # and those that the newest answer does
        self._open_offer = first_offer_is_out
        self._used = first_offer_is_out
        self._ended = False
        self._changed = trio.lowlevel.ParkingLot()
        self._later: deque[tuple[int, Callable[[], None]]] = deque()

    @property
    def used(self) -> bool:
        """Whether the connection was ever offered, or is about to be."""
        return self._used

    def request(self) -> int:
        """Ask for a negotiation of everything changed so far; returns its number."""
        self._wanted += 1
        self._used = True
        self._changed.unpark_all()
        return self._wanted

    def request_then(self, call: Callable[[], None]) -> None:
        """Ask for a negotiation, and call this when it is complete; never if there is no answer."""
        self._later.append((self.request(), call))

    async def wait(self, number: int) -> None:
        """Wait until the negotiation with that number is complete, or none will be any more."""
        while self._done < number and not self._ended:
            await self._changed.park()
        await trio.lowlevel.checkpoint()

    def answered(self, answer: proto.SessionDescription) -> bool:
        """Take an answer over; False when it is to an offer that is no longer of interest.

        Raises:
            RemoteProtocolError: The answer cannot be understood.
        """
        if not self._open_offer or not self._connection.take_answer(answer):
            return False
        self._open_offer = False
        self._done = self._covered
        self._changed.unpark_all()
        while self._later and self._later[0][0] <= self._done:
            self._later.popleft()[1]()
        return True

    def end(self) -> None:
        """No answer will come any more: let everybody who waits go on. Idempotent."""
        self._ended = True
        self._changed.unpark_all()

    async def run(self) -> None:
        """Offer whenever something is asked for, until cancelled.

        Raises:
            ConnectTimeout: The server does not answer an offer in time.
        """
        while True:
            if self._open_offer:
                await self._wait_for_answer()
            while self._wanted == self._covered:
                await self._changed.park()
            self._covered = self._wanted
            self._open_offer = True
            await self._send_offer(self._connection.offer())

    async def _wait_for_answer(self) -> None:
        with trio.move_on_after(self._timeout) as scope:
            while self._open_offer:
                await self._changed.park()
        if scope.cancelled_caught:
            raise ConnectTimeout(
                f"the server did not answer our offer of a connection within {self._timeout:g} s"
            )
        await trio.lowlevel.checkpoint()
