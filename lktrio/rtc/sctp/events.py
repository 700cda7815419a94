"""What the user of an SCTP association sets and sees: options, events, counters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

from lktrio._protocol_errors import LocalProtocolError

__all__ = [
    "DEFAULT_REMOTE_MAX_MESSAGE_SIZE",
    "MAX_MESSAGE_SIZE",
    "MAX_STREAMS",
    "BufferedAmountLow",
    "DataAcknowledged",
    "SctpClosed",
    "SctpConnected",
    "SctpEvent",
    "SctpMessage",
    "SctpOptions",
    "SctpStats",
    "StreamsReset",
    "StreamsResetDone",
]

MAX_MESSAGE_SIZE: Final = 16 * 1024 * 1024
"""Largest message size that can be configured, in bytes."""

DEFAULT_REMOTE_MAX_MESSAGE_SIZE: Final = 65536
"""What a peer accepts whose SDP has no ``a=max-message-size`` (RFC 8841 section 6)."""

MAX_STREAMS: Final = 1024
"""Streams in each direction, unless configured lower."""


@dataclass(frozen=True, slots=True)
class SctpOptions:
    """How an association behaves; every time is in seconds, every size in bytes."""

    max_message_size: int = 262144
    """Largest message accepted from the peer: what SDP's ``a=max-message-size`` announces."""
    receive_window: int = 8 * 1024 * 1024
    """Bytes of incomplete or undeliverable messages held; more are dropped unacknowledged."""
    send_buffer: int = 64 * 1024 * 1024
    """Bytes that may wait to be sent before :meth:`SctpAssociation.send` refuses."""
    mtu: int = 1188
    """Largest SCTP packet: 1280 less IPv6, UDP and DTLS overhead; rounded down to 4."""
    streams: int = MAX_STREAMS
    """Streams in each direction."""
    zero_checksum: bool = True
    """Offer to go without CRC32C, as DTLS authenticates packets anyway (RFC 9653)."""
    verify_checksum: bool = True
    """Verify checksums of packets that carry one."""
    rto_initial: float = 0.5
    """Retransmission timeout before the first measurement."""
    rto_min: float = 0.4
    """Smallest retransmission timeout; above the 200 ms by which peers delay a SACK."""
    rto_max: float = 10.0
    """Largest retransmission timeout, reached by doubling."""
    max_retransmissions: int = 10
    """Timeouts in a row without an answer after which the association fails."""
    sack_delay: float = 0.02
    """How long a lone packet waits for its SACK."""
    initial_window_packets: int = 10
    """Initial congestion window in packets (as RFC 6928)."""

    def __post_init__(self) -> None:
        if not 1 <= self.max_message_size <= MAX_MESSAGE_SIZE:
            raise LocalProtocolError(f"max_message_size must be 1..{MAX_MESSAGE_SIZE}")
        if not 576 <= self.mtu <= 16384:
            raise LocalProtocolError("mtu must be 576..16384")
        if not 1 <= self.streams <= 65535:
            raise LocalProtocolError("streams must be 1..65535")
        if self.receive_window < 65536:
            raise LocalProtocolError("receive_window must be at least 65536")


@dataclass(frozen=True, slots=True)
class SctpConnected:
    """The association is established."""


@dataclass(frozen=True, slots=True)
class SctpMessage:
    """A whole message arrived."""

    stream_id: int
    """Stream it came on."""
    protocol: int
    """Payload protocol identifier."""
    data: bytes
    """The message."""


@dataclass(frozen=True, slots=True)
class SctpClosed:
    """The association has ended; nothing is sent or received any more."""

    reason: str
    """Why, in a few words, for a person."""
    graceful: bool
    """Whether both sides agreed (SHUTDOWN) or our own user aborted."""


@dataclass(frozen=True, slots=True)
class StreamsReset:
    """The peer reset its side of streams: no more messages of the old kind will come on them."""

    stream_ids: tuple[int, ...]
    """The streams."""


@dataclass(frozen=True, slots=True)
class StreamsResetDone:
    """The peer answered our reset of our side of streams; their numbering starts anew."""

    stream_ids: tuple[int, ...]
    """The streams."""
    accepted: bool
    """Whether the peer performed it."""


@dataclass(frozen=True, slots=True)
class BufferedAmountLow:
    """What waits to be sent on a stream fell to its low-water mark."""

    stream_id: int
    """The stream."""


@dataclass(frozen=True, slots=True)
class DataAcknowledged:
    """The peer told what has arrived; only reported if asked for."""


SctpEvent: TypeAlias = (
    SctpConnected
    | SctpMessage
    | SctpClosed
    | StreamsReset
    | StreamsResetDone
    | BufferedAmountLow
    | DataAcknowledged
)
"""Everything that an association reports."""


@dataclass(slots=True)
class SctpStats:
    """Counters of one association since its start."""

    packets_sent: int = 0
    """Packets put out."""
    packets_received: int = 0
    """Packets accepted."""
    packets_dropped: int = 0
    """Packets dropped whole: ports, tag, checksum, size."""
    malformed: int = 0
    """Chunks that could not be parsed, or broke a rule."""
    data_chunks_sent: int = 0
    """DATA chunks, retransmissions included."""
    data_chunks_retransmitted: int = 0
    """DATA chunks sent again."""
    data_chunks_received: int = 0
    """DATA chunks accepted for the first time."""
    duplicates: int = 0
    """DATA chunks received more than once."""
    window_drops: int = 0
    """DATA chunks dropped because a limit was reached."""
    messages_sent: int = 0
    """Messages whose transmission began."""
    messages_received: int = 0
    """Messages delivered."""
    messages_abandoned: int = 0
    """Messages given up by partial reliability."""
    messages_skipped: int = 0
    """Partly received messages discarded because the peer gave them up."""
    timeouts: int = 0
    """Retransmission timeouts."""
    probes: int = 0
    """Tail loss probes."""
