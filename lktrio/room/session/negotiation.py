"""Offers of ours and their answers, one after the other.

A negotiation is one offer and its answer. Whoever changes something about the publisher asks for a
negotiation and may wait for it; requests that come while one is under way share the next.

An exchange lasts as long as its peer connection. When the signalling is replaced in between, an
offer without an answer is made anew: nobody knows whether the server has seen it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import trio

from lktrio import proto
from lktrio.errors import ConnectTimeout
from lktrio.room.session.peer_connection import PeerConnection

__all__ = ["OfferExchange", "SendOffer"]

SendOffer: TypeAlias = Callable[[proto.SessionDescription], Awaitable[None]]
"""Hands an offer to the signalling."""


class OfferExchange:
    """Offers on the publisher, one after the other.

    Args:
        connection: The publisher.
        timeout: Seconds for an answer; then ``run`` raises.
        first_offer_is_out: Whether an offer travelled with the join request.
    """

    def __init__(
        self,
        connection: PeerConnection,
        timeout: float,
        *,
        first_offer_is_out: bool,
    ) -> None:
        self._connection = connection
        self._timeout = timeout
        self._wanted: int = 0  # requests so far
        self._covered: int = 0  # of these, those that the newest offer contains
        self._done: int = 0  # and those that the newest answer does
        self._open_offer = first_offer_is_out
        self._used = first_offer_is_out
        self._restarts_ice = False
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

    def request_ice_restart(self) -> None:
        """Ask for a negotiation that looks for a new path (RFC 8445 section 9)."""
        self._restarts_ice = True
        self.request()

    def interrupt(self) -> None:
        """The signalling is lost: an offer that waits for an answer has to be made anew."""
        if self._open_offer:
            self._open_offer = False
            self._connection.cancel_offer()
            self.request()

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

    async def run(self, send_offer: SendOffer) -> None:
        """Offer whenever something is asked for, until cancelled.

        Args:
            send_offer: Hands an offer to the signalling.

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
            offer = self._connection.offer(ice_restart=self._restarts_ice)
            self._restarts_ice = False
            await send_offer(offer)

    async def _wait_for_answer(self) -> None:
        with trio.move_on_after(self._timeout) as scope:
            while self._open_offer:
                await self._changed.park()
        if scope.cancelled_caught:
            raise ConnectTimeout(
                f"the server did not answer our offer of a connection within {self._timeout:g} s"
            )
        await trio.lowlevel.checkpoint()
