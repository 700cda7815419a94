"""Messages that were given up, and how the peer learns of it (RFC 3758 section 3.5).

The *advanced point* runs ahead of the cumulative TSN over chunks of abandoned messages. A
FORWARD-TSN tells it to the peer, with the ordered messages that it need not wait for; it is
repeated once per round trip until a SACK has caught up.
"""

from __future__ import annotations

from typing import Final

from lktrio.rtc.sctp.chunks import ForwardTsn
from lktrio.rtc.sctp.queue import OutboundMessage
from lktrio.rtc.sctp.scoreboard import ABANDONED, Scoreboard
from lktrio.rtc.sctp.serial import MASK

__all__ = ["ForwardPoint"]

_MAX_STREAMS: Final = 128  # entries in one FORWARD-TSN that we send


class ForwardPoint:
    """How far the peer can be told to skip.

    Args:
        board: What is outstanding.
        initial_tsn: Our first TSN.
    """

    __slots__ = ("_advanced", "_board", "_sent_at", "_skipped", "due")

    def __init__(self, board: Scoreboard, initial_tsn: int) -> None:
        self._board = board
        self._advanced = initial_tsn - 1
        self._sent_at = -1.0
        self._skipped: list[OutboundMessage] = []
        self.due = False
        """Whether a FORWARD-TSN is to be sent."""

    @property
    def ahead(self) -> bool:
        """Whether the peer has not caught up yet."""
        return self._advanced > self._board.cumulative

    def skip(self, message: OutboundMessage) -> None:
        """Note an ordered message that was given up after some of it was sent."""
        self._skipped.append(message)

    def acknowledged(self, round_trip: float, now: float) -> None:
        """Take a SACK: tell the peer again if it has not heard.

        Args:
            round_trip: Seconds.
            now: The time in seconds.
        """
        if self.ahead and now - self._sent_at > round_trip:
            self.due = True

    def advance(self) -> None:
        """Move over abandoned chunks (RFC 3758 3.5 C)."""
        records = self._board.records
        start = point = max(self._advanced, self._board.cumulative)
        while (record := records.get(point + 1)) is not None and record.state >= ABANDONED:
            point += 1
        self._advanced = point
        self.due = self.due or point > start

    def build(self, now: float) -> bytes:
        """The FORWARD-TSN chunk that is due."""
        self.due = False
        self._sent_at = now
        target = self._advanced
        self._skipped = [
            message for message in self._skipped if message.last_tsn > self._board.cumulative
        ]
        streams: dict[int, int] = {}
        for message in sorted(self._skipped, key=lambda message: message.last_tsn):
            stream_id = message.stream.stream_id
            if message.last_tsn > target:
                break
            if stream_id not in streams and len(streams) == _MAX_STREAMS:
                target = message.first_tsn - 1
                break
            streams[stream_id] = message.sequence
        return ForwardTsn(target & MASK, tuple(streams.items())).serialize()

    def clear(self) -> None:
        """Forget everything: the association has ended."""
        self._skipped.clear()
        self.due = False
