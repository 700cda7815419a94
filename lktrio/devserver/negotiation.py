"""Exchanging descriptions with one client.

Two modes: with a single peer connection the client offers, and both directions share it; with two,
the client offers on the publisher's and the server on the subscriber's. One exchange that the
server began is under way at a time, and changes that come close to each other share one.
"""

from __future__ import annotations

from collections.abc import Callable

import trio

from lktrio import proto
from lktrio.devserver.downtrack_sections import DownTrackSections
from lktrio.devserver.uptracks import UpTracks

__all__ = ["Negotiation"]

_DELAY = 0.01  # seconds in which further changes join an exchange
_ANSWER_SECONDS = 15.0


class Negotiation:
    """The exchanges of descriptions with one client.

    Args:
        uptracks: What the client publishes.
        sections: What carries tracks to the client.
        send: Sends a message to the client.
        on_unanswered: Called when an exchange that the server began has come to nothing.
        single: Whether there is one peer connection for both directions.
    """

    def __init__(
        self,
        uptracks: UpTracks,
        sections: DownTrackSections,
        send: Callable[[proto.SignalResponse], None],
        on_unanswered: Callable[[], None],
        *,
        single: bool,
    ) -> None:
        self._uptracks = uptracks
        self._sections = sections
        self._send = send
        self._on_unanswered = on_unanswered
        self._single = single
        self._due = trio.Event()

    def begin_soon(self) -> None:
        """Exchange descriptions as soon as possible."""
        self._due.set()

    async def run(self) -> None:
        """Begin exchanges when they are due, until cancelled."""
        while True:
            await self._due.wait()
            await trio.sleep(_DELAY)
            self._due = trio.Event()
            if not self._sections.negotiate():
                continue
            with trio.move_on_after(_ANSWER_SECONDS):
                await self._sections.answered.wait()
                continue
            self._on_unanswered()

    def on_offer(self, offer: proto.SessionDescription) -> None:
        """Answer an offer of the client.

        Raises:
            RemoteProtocolError: It is malformed or contradicts earlier ones.
        """
        connection, now = self._uptracks.connection, trio.current_time()
        connection.peer.set_offer(offer.sdp, now)
        self._uptracks.choose_codecs()
        if self._single:
            self._sections.assign()
        sdp = connection.peer.create_answer(now)
        self._uptracks.match_sections()
        answer = proto.SessionDescription(type="answer", sdp=sdp, id=offer.id)
        if self._single:
            answer.mid_to_track_id = self._sections.mid_to_track_id()
        self._send(proto.SignalResponse(answer=answer))
        connection.flush()
        if self._single:
            self._sections.on_answered()
