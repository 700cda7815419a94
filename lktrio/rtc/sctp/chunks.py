"""SCTP packets, chunks and parameters as bytes: the codec, without any protocol state.

Theory of operation
-------------------
A packet is a 12-byte common header followed by chunks; a chunk is type, flags, 16-bit length and
a value, padded to four bytes (RFC 9260 section 3). Some values end in parameters of the same
shape: type, length, value, padding.

The association walks a packet itself and reads DATA and SACK in place, because they are nearly
all of the traffic. Everything else, and tests, go through the classes here: ``Chunk.parse`` takes
flags and value once, checks every length against the end of the *chunk*, and yields validated
fields, so that no later code has to look at raw bytes again. A length below four never advances
a walk, a walk ends after :data:`MAX_CHUNKS` or :data:`MAX_PARAMETERS` steps, and anything that does
not add up raises :class:`~lktrio.errors.RemoteProtocolError`.

Implements the formats of RFC 9260 section 3, RFC 3758 (FORWARD-TSN), RFC 6525 (RE-CONFIG),
RFC 5061 section 4.2.7 (supported extensions), RFC 7053 (I bit) and RFC 9653 (zero checksum).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from struct import error as struct_error
from typing import ClassVar, Final, TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.sctp.causes import Cause

__all__ = [
    "CHUNK_HEADER",
    "COMMON_HEADER",
    "DATA_BEGIN",
    "DATA_END",
    "DATA_HEADER",
    "DATA_IMMEDIATE",
    "DATA_FIELDS",
    "DATA_PACKET",
    "DATA_UNORDERED",
    "EDMID_DTLS",
    "GAP_BLOCK",
    "MAX_CHUNKS",
    "MAX_REPORTED",
    "MAX_GAP_BLOCKS",
    "MAX_PARAMETERS",
    "SACK_HEADER",
    "Abort",
    "Chunk",
    "ChunkType",
    "CookieAck",
    "CookieEcho",
    "Data",
    "Error",
    "ForwardTsn",
    "Heartbeat",
    "HeartbeatAck",
    "Init",
    "InitAck",
    "Parameter",
    "ParameterType",
    "ReConfig",
    "Sack",
    "Shutdown",
    "ShutdownAck",
    "ShutdownComplete",
    "UnknownChunk",
    "parse_chunk",
    "walk_parameters",
]

MAX_CHUNKS: Final = 64
"""Chunks read from one packet."""

MAX_PARAMETERS: Final = 64
"""Parameters or error causes read from one chunk."""

MAX_REPORTED: Final = 256
"""Bytes of chunks and parameters that we do not know which are reported back."""

MAX_GAP_BLOCKS: Final = 300
"""Gap blocks read from one SACK; more do not fit a packet of 1200 bytes anyway."""

MAX_FORWARD_STREAMS: Final = 512
"""Stream entries read from one FORWARD-TSN: as many as fit a datagram of 2048 bytes."""

EDMID_DTLS: Final = 1
"""Error detection method identifier "SCTP over DTLS" (RFC 9653 section 8)."""

COMMON_HEADER: Final = Struct("!HHII")
"""Source port, destination port, verification tag, checksum (little-endian in truth)."""

CHUNK_HEADER: Final = Struct("!BBH")
"""Type, flags, length without padding."""

DATA_HEADER: Final = Struct("!BBHIHHI")
"""Chunk header, TSN, stream identifier, stream sequence number, payload protocol identifier."""

DATA_PACKET: Final = Struct("!HHIIBBHIHHI")
"""Common header and DATA header in one step."""

SACK_HEADER: Final = Struct("!IIHH")
"""Cumulative TSN, receiver window, number of gap blocks, number of duplicate TSNs."""

GAP_BLOCK: Final = Struct("!HH")
"""Offsets of the first and last TSN received, relative to the cumulative TSN."""

DATA_END: Final = 0x01
DATA_BEGIN: Final = 0x02
DATA_UNORDERED: Final = 0x04
DATA_IMMEDIATE: Final = 0x08  # RFC 7053: please do not delay the SACK

_INIT: Final = Struct("!IIHHI")
DATA_FIELDS: Final = Struct("!IHHI")
_TSN: Final = Struct("!I")
_STREAM: Final = Struct("!HH")


class ChunkType(IntEnum):
    """Chunk types (RFC 9260 table 1, RFC 3758, RFC 6525)."""

    DATA = 0
    INIT = 1
    INIT_ACK = 2
    SACK = 3
    HEARTBEAT = 4
    HEARTBEAT_ACK = 5
    ABORT = 6
    SHUTDOWN = 7
    SHUTDOWN_ACK = 8
    ERROR = 9
    COOKIE_ECHO = 10
    COOKIE_ACK = 11
    SHUTDOWN_COMPLETE = 14
    RE_CONFIG = 130
    FORWARD_TSN = 192


class ParameterType(IntEnum):
    """Parameter types of INIT, INIT-ACK, HEARTBEAT and RE-CONFIG."""

    HEARTBEAT_INFO = 1
    STATE_COOKIE = 7
    UNRECOGNIZED = 8
    OUTGOING_RESET_REQUEST = 13
    INCOMING_RESET_REQUEST = 14
    TSN_RESET_REQUEST = 15
    RECONFIG_RESPONSE = 16
    ADD_OUTGOING_STREAMS = 17
    ADD_INCOMING_STREAMS = 18
    ZERO_CHECKSUM = 0x8001
    SUPPORTED_EXTENSIONS = 0x8008
    FORWARD_TSN_SUPPORTED = 0xC000


Parameter: TypeAlias = tuple[int, bytes]
"""Type and value of a parameter."""


def _padding(length: int) -> bytes:
    return bytes(-length & 3)


def walk_parameters(value: bytes) -> list[Parameter]:
    """Split the tail of a chunk into parameters or error causes.

    Args:
        value: The bytes, from the first parameter to the end of the chunk.

    Raises:
        RemoteProtocolError: A length is below 4 or beyond the end, or there are more than
            :data:`MAX_PARAMETERS`.
    """
    found: list[Parameter] = []
    position, end = 0, len(value)
    while end - position >= 4:
        kind = value[position] << 8 | value[position + 1]
        length = value[position + 2] << 8 | value[position + 3]
        if length < 4 or position + length > end:
            raise RemoteProtocolError(f"SCTP parameter {kind:#06x} has the bad length {length}")
        if len(found) == MAX_PARAMETERS:
            raise RemoteProtocolError(f"SCTP chunk holds more than {MAX_PARAMETERS} parameters")
        found.append((kind, value[position + 4 : position + length]))
        position += length + 3 & ~3
    if position < end:
        raise RemoteProtocolError("SCTP chunk ends inside a parameter header")
    return found


def _join_parameters(parameters: tuple[Parameter, ...]) -> bytes:
    """Parameters back to back; the last one's padding belongs to the chunk (RFC 9260 3.2)."""
    parts: list[bytes] = []
    for kind, value in parameters:
        if parts:
            parts.append(_padding(len(parts[-1])))
        parts.append(_STREAM.pack(kind, len(value) + 4) + value)
    return b"".join(parts)


class Chunk:
    """A chunk that is not DATA or SACK on the hot path: fields in, bytes out."""

    __slots__ = ()
    type: ClassVar[int]
    """The chunk type on the wire."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        return 0, b""

    def serialize(self) -> bytes:
        """The chunk with header and padding to four bytes."""
        flags, value = self.flags_and_value()
        return CHUNK_HEADER.pack(self.type, flags, len(value) + 4) + value + _padding(len(value))


@dataclass(frozen=True, slots=True)
class Data(Chunk):
    """One fragment of a user message (RFC 9260 section 3.3.1)."""

    type: ClassVar[int] = ChunkType.DATA
    flags: int
    """Bits :data:`DATA_BEGIN`, :data:`DATA_END`, :data:`DATA_UNORDERED`, :data:`DATA_IMMEDIATE`."""
    tsn: int
    """Transmission sequence number, 32 bits."""
    stream_id: int
    """Stream identifier."""
    stream_sequence: int
    """Stream sequence number, 16 bits."""
    protocol: int
    """Payload protocol identifier."""
    payload: bytes
    """User data, at least one byte."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        head = DATA_HEADER.pack(
            0, 0, 0, self.tsn, self.stream_id, self.stream_sequence, self.protocol
        )
        return self.flags, head[4:] + self.payload

    @classmethod
    def parse(cls, flags: int, value: bytes) -> Data:
        """Read flags and value of a DATA chunk."""
        if len(value) < 13:  # RFC 9260 3.3.1: a DATA chunk without data is an error
            raise RemoteProtocolError("SCTP DATA chunk without data")
        tsn, stream_id, sequence, protocol = DATA_FIELDS.unpack_from(value)
        return cls(flags, tsn, stream_id, sequence, protocol, value[12:])


@dataclass(frozen=True, slots=True)
class Init(Chunk):
    """Opens an association (RFC 9260 section 3.3.2)."""

    type: ClassVar[int] = ChunkType.INIT
    initiate_tag: int
    """Verification tag that packets to the sender shall carry; never 0."""
    window: int
    """Advertised receiver window in bytes."""
    outbound_streams: int
    """Streams that the sender wants to send on; never 0."""
    inbound_streams: int
    """Streams that the sender accepts; never 0."""
    initial_tsn: int
    """First TSN that the sender will use."""
    parameters: tuple[Parameter, ...] = ()
    """Optional parameters in order, unknown ones included."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        head = _INIT.pack(
            self.initiate_tag,
            self.window,
            self.outbound_streams,
            self.inbound_streams,
            self.initial_tsn,
        )
        return 0, head + _join_parameters(self.parameters)

    @classmethod
    def parse(cls, flags: int, value: bytes) -> Init:
        """Read flags and value of an INIT or INIT-ACK chunk."""
        tag, window, outbound, inbound, tsn = _INIT.unpack_from(value)
        parameters = tuple(walk_parameters(value[_INIT.size :]))
        return cls(tag, window, outbound, inbound, tsn, parameters)

    def parameter(self, kind: int) -> bytes | None:
        """The value of the first parameter of a type, or None."""
        return next((value for found, value in self.parameters if found == kind), None)


@dataclass(frozen=True, slots=True)
class InitAck(Init):
    """Answers an INIT and carries the state cookie (RFC 9260 section 3.3.3)."""

    type: ClassVar[int] = ChunkType.INIT_ACK


@dataclass(frozen=True, slots=True)
class Sack(Chunk):
    """Acknowledges DATA (RFC 9260 section 3.3.4)."""

    type: ClassVar[int] = ChunkType.SACK
    cumulative_tsn: int
    """Everything up to this TSN has arrived."""
    window: int
    """Remaining receiver window in bytes."""
    gaps: tuple[tuple[int, int], ...] = ()
    """First and last offset of each block received beyond a gap."""
    duplicates: tuple[int, ...] = ()
    """TSNs received more than once since the last SACK."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        parts = [
            SACK_HEADER.pack(self.cumulative_tsn, self.window, len(self.gaps), len(self.duplicates))
        ]
        parts += [GAP_BLOCK.pack(first, last) for first, last in self.gaps]
        parts += [_TSN.pack(tsn) for tsn in self.duplicates]
        return 0, b"".join(parts)

    @classmethod
    def parse(cls, flags: int, value: bytes) -> Sack:
        """Read flags and value of a SACK chunk."""
        cumulative, window, gap_count, duplicate_count = SACK_HEADER.unpack_from(value)
        start = SACK_HEADER.size + 4 * gap_count
        end = start + 4 * duplicate_count
        if end > len(value):
            raise RemoteProtocolError("SCTP SACK is shorter than its counts")
        gaps = tuple(GAP_BLOCK.iter_unpack(value[SACK_HEADER.size : start]))
        duplicates = tuple(tsn for (tsn,) in _TSN.iter_unpack(value[start:end]))
        return cls(cumulative, window, gaps, duplicates)


@dataclass(frozen=True, slots=True)
class _Opaque(Chunk):
    """A chunk whose value only the other side can read."""

    value: bytes = b""
    """The value as received or to be sent."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        return 0, self.value


@dataclass(frozen=True, slots=True)
class Heartbeat(_Opaque):
    """Asks for an answer (RFC 9260 section 3.3.5); the value is one parameter, echoed whole."""

    type: ClassVar[int] = ChunkType.HEARTBEAT

    @classmethod
    def parse(cls, flags: int, value: bytes) -> Heartbeat:
        """Read flags and value."""
        return cls(value)


@dataclass(frozen=True, slots=True)
class HeartbeatAck(_Opaque):
    """Answers a HEARTBEAT (RFC 9260 section 3.3.6)."""

    type: ClassVar[int] = ChunkType.HEARTBEAT_ACK

    @classmethod
    def parse(cls, flags: int, value: bytes) -> HeartbeatAck:
        """Read flags and value."""
        return cls(value)


@dataclass(frozen=True, slots=True)
class CookieEcho(_Opaque):
    """Returns the state cookie (RFC 9260 section 3.3.11)."""

    type: ClassVar[int] = ChunkType.COOKIE_ECHO

    @classmethod
    def parse(cls, flags: int, value: bytes) -> CookieEcho:
        """Read flags and value."""
        return cls(value)


@dataclass(frozen=True, slots=True)
class CookieAck(Chunk):
    """Accepts the cookie (RFC 9260 section 3.3.12)."""

    type: ClassVar[int] = ChunkType.COOKIE_ACK

    @classmethod
    def parse(cls, flags: int, value: bytes) -> CookieAck:
        """Read flags and value."""
        return cls()


@dataclass(frozen=True, slots=True)
class _Failure(Chunk):
    """A chunk made of error causes."""

    causes: tuple[Cause, ...] = ()
    """Code and value of each error cause."""
    tag_reflected: bool = False
    """The T bit: the packet carries the receiver's own tag because the sender has no other."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        return int(self.tag_reflected), _join_parameters(self.causes)


@dataclass(frozen=True, slots=True)
class Abort(_Failure):
    """Ends the association at once (RFC 9260 section 3.3.7)."""

    type: ClassVar[int] = ChunkType.ABORT

    @classmethod
    def parse(cls, flags: int, value: bytes) -> Abort:
        """Read flags and value."""
        return cls(tuple(walk_parameters(value)), bool(flags & 1))


@dataclass(frozen=True, slots=True)
class Error(_Failure):
    """Reports an error that need not be fatal (RFC 9260 section 3.3.10)."""

    type: ClassVar[int] = ChunkType.ERROR

    @classmethod
    def parse(cls, flags: int, value: bytes) -> Error:
        """Read flags and value."""
        return cls(tuple(walk_parameters(value)), bool(flags & 1))


@dataclass(frozen=True, slots=True)
class Shutdown(Chunk):
    """Begins the graceful end (RFC 9260 section 3.3.8)."""

    type: ClassVar[int] = ChunkType.SHUTDOWN
    cumulative_tsn: int
    """Everything up to this TSN has arrived."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        return 0, _TSN.pack(self.cumulative_tsn)

    @classmethod
    def parse(cls, flags: int, value: bytes) -> Shutdown:
        """Read flags and value."""
        return cls(_TSN.unpack_from(value)[0])


@dataclass(frozen=True, slots=True)
class ShutdownAck(Chunk):
    """Accepts a SHUTDOWN (RFC 9260 section 3.3.9)."""

    type: ClassVar[int] = ChunkType.SHUTDOWN_ACK

    @classmethod
    def parse(cls, flags: int, value: bytes) -> ShutdownAck:
        """Read flags and value."""
        return cls()


@dataclass(frozen=True, slots=True)
class ShutdownComplete(Chunk):
    """The last packet of an association (RFC 9260 section 3.3.13)."""

    type: ClassVar[int] = ChunkType.SHUTDOWN_COMPLETE
    tag_reflected: bool = False
    """The T bit: the packet carries the receiver's own tag because the sender has no other."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        return int(self.tag_reflected), b""

    @classmethod
    def parse(cls, flags: int, value: bytes) -> ShutdownComplete:
        """Read flags and value."""
        return cls(bool(flags & 1))


@dataclass(frozen=True, slots=True)
class ForwardTsn(Chunk):
    """Tells the receiver to stop waiting for abandoned messages (RFC 3758 section 3.2)."""

    type: ClassVar[int] = ChunkType.FORWARD_TSN
    cumulative_tsn: int
    """The new cumulative TSN."""
    streams: tuple[tuple[int, int], ...] = ()
    """Stream identifier and last skipped sequence number of each ordered stream."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        parts = [_TSN.pack(self.cumulative_tsn)]
        parts += [_STREAM.pack(stream, sequence) for stream, sequence in self.streams]
        return 0, b"".join(parts)

    @classmethod
    def parse(cls, flags: int, value: bytes) -> ForwardTsn:
        """Read flags and value."""
        (cumulative,) = _TSN.unpack_from(value)
        if len(value) & 3 or len(value) // 4 - 1 > MAX_FORWARD_STREAMS:
            raise RemoteProtocolError(f"SCTP FORWARD-TSN of {len(value)} bytes")
        return cls(cumulative, tuple(_STREAM.iter_unpack(value[4:])))


@dataclass(frozen=True, slots=True)
class ReConfig(Chunk):
    """Carries requests and responses of stream reconfiguration (RFC 6525 section 3.1)."""

    type: ClassVar[int] = ChunkType.RE_CONFIG
    parameters: tuple[Parameter, ...] = ()
    """One or two parameters."""

    def flags_and_value(self) -> tuple[int, bytes]:
        """The flags and the value to serialize."""
        return 0, _join_parameters(self.parameters)

    @classmethod
    def parse(cls, flags: int, value: bytes) -> ReConfig:
        """Read flags and value."""
        return cls(tuple(walk_parameters(value)))


@dataclass(frozen=True, slots=True)
class UnknownChunk:
    """A chunk of a type that is not implemented, kept as it came."""

    type: int
    """The chunk type on the wire."""
    flags: int
    """The chunk flags."""
    value: bytes
    """The value without padding."""

    def serialize(self) -> bytes:
        """The chunk with header and padding to four bytes."""
        head = CHUNK_HEADER.pack(self.type, self.flags, len(self.value) + 4)
        return head + self.value + _padding(len(self.value))


_PARSERS: Final[dict[int, Callable[[int, bytes], Chunk]]] = {
    kind.type: kind.parse
    for kind in (
        Data,
        Init,
        InitAck,
        Sack,
        Heartbeat,
        HeartbeatAck,
        Abort,
        Shutdown,
        ShutdownAck,
        Error,
        CookieEcho,
        CookieAck,
        ShutdownComplete,
        ReConfig,
        ForwardTsn,
    )
}


def parse_chunk(kind: int, flags: int, value: bytes) -> Chunk | UnknownChunk:
    """Read one chunk.

    Args:
        kind: The chunk type.
        flags: The chunk flags.
        value: The value, without padding.

    Raises:
        RemoteProtocolError: The value does not have the form of its type.
    """
    parser = _PARSERS.get(kind)
    if parser is None:
        return UnknownChunk(kind, flags, value)
    try:
        return parser(flags, value)
    except struct_error:
        raise RemoteProtocolError(
            f"SCTP {ChunkType(kind).name} chunk is too short: {len(value)} bytes"
        ) from None
