"""Offers of ours and their answers, one after the other.

A negotiation is one offer and its answer. Whoever changes something about the publisher asks for a
negotiation and may wait for it; requests that come while one is under way share the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable

import trio

from lktrio import proto
from lktrio.errors import ConnectTimeout
from lktrio.room.session.peer_connection import PeerConnection

__all__ = ["OfferExchange"]


class OfferExchange:
    """Offers on the publisher, one after the other.

    Args:
        connection: The publisher.
        send_offer: Hands an offer to the signalling.
        timeout: Seconds for an answer; then ``run`` raises.
        first_offer_is_out: Whether an offer travelled with the join request.
    """

    def __init__(
        self,
        connection: PeerConnection,
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
