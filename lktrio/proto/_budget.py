"""How much one message may hold: what a few bytes can become is bounded before it is made.

An empty message costs two bytes on the wire, and a thousand times that in time and memory once it
is an object. So reading counts two things: *values* (every field that is read, elements of lists,
entries of maps and fields that are not known included; a value takes about 0.3 us, and an unknown
field counts as three) and *messages* within the message (2 to 4 us each). A message that exceeds
its budget is refused at that point.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ANSWER", "DATA_PACKET", "SIGNAL_REQUEST", "SIGNAL_RESPONSE", "Budget", "budget_of"]

BYTES_PER_MESSAGE = 16
"""Bytes that pay for one more message: LiveKit's have 20 to 30 on average, names included."""
BYTES_PER_VALUE = 4
"""Bytes that pay for one more value: LiveKit's have about 5 on average."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Limits of one message.

    So many values and messages are free. Each further one has to be paid for by the bytes of the
    message, as in those that LiveKit sends, up to ``most``.
    """

    values: int
    """Values that a message may hold whatever its size."""
    messages: int
    """Messages that it may hold whatever its size."""
    most_values: int
    """Values that the largest message may hold."""
    most_messages: int
    """Messages that the largest message may hold."""

    def values_in(self, size: int) -> int:
        """How many values that many bytes may hold."""
        return min(self.values + size // BYTES_PER_VALUE, self.most_values)

    def messages_in(self, size: int) -> int:
        """How many messages that many bytes may hold."""
        return min(self.messages + size // BYTES_PER_MESSAGE, self.most_messages)


DATA_PACKET = Budget(3_000, 1_000, 3_000, 1_000)
"""For what any participant may send: at most 64 KiB, read in 5 ms whatever they hold. A packet is
one user message, one piece of a stream, or some tens of transcription segments or measurements."""
SIGNAL_REQUEST = Budget(12_000, 2_000, 12_000, 2_000)
"""For what a client may ask a server: 20 ms. The largest request tells all subscriptions of a room
with thousands of tracks, ids without messages around them."""
SIGNAL_RESPONSE = Budget(6_000, 2_000, 1_000_000, 100_000)
"""For what a server may tell a client: a flood of empty messages is refused within 20 ms. The join
response of a room tells everybody in it: per participant with sound and simulcast picture 15
messages and 90 values in 450 bytes. The largest rooms of LiveKit's server (3,000 participants) need
half of this; it takes about 100 ms for a thousand of them, and no limit can be lower."""
ANSWER = Budget(6_000, 2_000, 10_000_000, 1_000_000)
"""For answers of the server APIs, webhooks, and all else whose sender is known."""

_BUDGETS = {
    "DataPacket": DATA_PACKET,
    "JoinRequest": SIGNAL_REQUEST,
    "SignalRequest": SIGNAL_REQUEST,
    "SignalResponse": SIGNAL_RESPONSE,
    "WrappedJoinRequest": SIGNAL_REQUEST,
}


def budget_of(cls: type) -> Budget:
    """The budget of a message of this class, unless its reader says otherwise."""
    return _BUDGETS.get(cls.__name__, ANSWER)
