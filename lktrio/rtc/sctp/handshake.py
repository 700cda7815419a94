"""What the two sides agree on: INIT and INIT-ACK as values, and the state cookie.

Theory of operation
-------------------
Both INIT and INIT-ACK announce a tag, a window, numbers of streams, the first TSN and abilities;
:meth:`Offer.agree` turns the peer's announcement and ours into an :class:`Agreement`.

Answering an INIT creates no state (RFC 9260 section 5.1.3). All that the answer agreed on goes
into the cookie, authenticated with a key that only this association knows; the COOKIE-ECHO brings
it back. Below is DTLS, so the cookie need not be secret and does not expire.

INIT, COOKIE-ECHO, SHUTDOWN and SHUTDOWN-ACK are repeated until something answers them
(:class:`Repetition`, the timers T1 and T2 of RFC 9260).
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from struct import Struct
from typing import Final

from lktrio.rtc.base import NEVER, RandomBytes
from lktrio.rtc.sctp.chunks import (
    EDMID_DTLS,
    MAX_REPORTED,
    Chunk,
    ChunkType,
    Init,
    InitAck,
    Parameter,
    ParameterType,
)
from lktrio.rtc.sctp.events import SctpOptions

__all__ = ["Agreement", "CookieJar", "Offer", "Repetition"]

_FIELDS: Final = Struct("!IIIIHH???")
_MAC_SIZE: Final = 16
_METHOD: Final = Struct("!I")
_PARAMETER: Final = Struct("!HH")
_EXTENSIONS: Final = bytes((ChunkType.RE_CONFIG, ChunkType.FORWARD_TSN))
_KNOWN_PARAMETERS: Final = frozenset(int(kind) for kind in ParameterType)
_ADDRESS_PARAMETERS: Final = frozenset((5, 6, 9, 11, 12))  # RFC 9260 3.3.2: one path, not needed


@dataclass(frozen=True, slots=True)
class Agreement:
    """What a handshake settles."""

    local_tag: int
    """Our verification tag."""
    remote_tag: int
    """The peer's verification tag."""
    remote_window: int
    """The peer's receiver window in bytes."""
    remote_tsn: int
    """The peer's first TSN."""
    outbound_streams: int
    """Streams that we may send on."""
    inbound_streams: int
    """Streams that the peer may send on."""
    forward_tsn: bool
    """Whether the peer understands FORWARD-TSN."""
    reconfig: bool
    """Whether the peer understands RE-CONFIG."""
    zero_checksum: bool
    """Whether the peer accepts packets without checksum."""


class CookieJar:
    """Seals and opens cookies.

    Args:
        random: Source of the key.
    """

    def __init__(self, random: RandomBytes) -> None:
        self._key = random(32)

    def seal(self, agreement: Agreement) -> bytes:
        """Make the cookie for an agreement."""
        fields = _FIELDS.pack(
            agreement.local_tag,
            agreement.remote_tag,
            agreement.remote_window,
            agreement.remote_tsn,
            agreement.outbound_streams,
            agreement.inbound_streams,
            agreement.forward_tsn,
            agreement.reconfig,
            agreement.zero_checksum,
        )
        return fields + self._mac(fields)

    def open(self, cookie: bytes) -> Agreement | None:
        """The agreement in a cookie, or None when the cookie is not one of ours."""
        if len(cookie) != _FIELDS.size + _MAC_SIZE:
            return None
        fields = cookie[: _FIELDS.size]
        if not hmac.compare_digest(cookie[_FIELDS.size :], self._mac(fields)):
            return None
        return Agreement(*_FIELDS.unpack(fields))

    def _mac(self, fields: bytes) -> bytes:
        return hmac.digest(self._key, fields, "sha256")[:_MAC_SIZE]


class Offer:
    """What this side announces, with its randomness drawn once.

    Args:
        random: Source of the tag, the first TSN and the cookie key.
        options: What to announce.
    """

    def __init__(self, random: RandomBytes, options: SctpOptions) -> None:
        self._options = options
        self._jar = CookieJar(random)
        self.tag = int.from_bytes(random(4), "big") or 1
        """Our verification tag."""
        self.initial_tsn = int.from_bytes(random(4), "big")
        """Our first TSN."""

    def init(self) -> Init:
        """The INIT chunk."""
        return Init(*self._fixed(), self._parameters())

    def answer(self, init: Init) -> InitAck:
        """The INIT-ACK for a peer's INIT, with everything needed later in its cookie."""
        cookie = self._jar.seal(self.agree(init))
        parameters = (
            *self._parameters(),
            (int(ParameterType.STATE_COOKIE), cookie),
            *_unrecognized(init),
        )
        return InitAck(*self._fixed(), parameters)

    def open(self, cookie: bytes) -> Agreement | None:
        """The agreement in a cookie of ours, or None."""
        agreement = self._jar.open(cookie)
        return agreement if agreement is not None and agreement.local_tag == self.tag else None

    def agree(self, remote: Init) -> Agreement:
        """Combine the peer's INIT or INIT-ACK with ours."""
        streams = self._options.streams
        extensions = remote.parameter(ParameterType.SUPPORTED_EXTENSIONS) or b""
        method = remote.parameter(ParameterType.ZERO_CHECKSUM)
        return Agreement(
            local_tag=self.tag,
            remote_tag=remote.initiate_tag,
            remote_window=remote.window,
            remote_tsn=remote.initial_tsn,
            outbound_streams=min(streams, remote.inbound_streams),
            inbound_streams=min(streams, remote.outbound_streams),
            forward_tsn=ChunkType.FORWARD_TSN in extensions
            or remote.parameter(ParameterType.FORWARD_TSN_SUPPORTED) is not None,
            reconfig=ChunkType.RE_CONFIG in extensions,
            zero_checksum=method == _METHOD.pack(EDMID_DTLS),
        )

    def _fixed(self) -> tuple[int, int, int, int, int]:
        options = self._options
        return (
            self.tag,
            options.receive_window,
            options.streams,
            options.streams,
            self.initial_tsn,
        )

    def _parameters(self) -> tuple[Parameter, ...]:
        found: list[Parameter] = [
            (int(ParameterType.FORWARD_TSN_SUPPORTED), b""),
            (int(ParameterType.SUPPORTED_EXTENSIONS), _EXTENSIONS),
        ]
        if self._options.zero_checksum:
            found.append((int(ParameterType.ZERO_CHECKSUM), _METHOD.pack(EDMID_DTLS)))
        return tuple(found)


def _unrecognized(init: Init) -> list[Parameter]:
    """Parameters to report back as their type demands (RFC 9260 section 3.2.1)."""
    report: list[Parameter] = []
    room = MAX_REPORTED
    for kind, value in init.parameters:
        if kind in _KNOWN_PARAMETERS or kind in _ADDRESS_PARAMETERS:
            continue
        if kind & 0x4000 and len(value) <= room:
            whole = _PARAMETER.pack(kind, len(value) + 4) + value
            report.append((int(ParameterType.UNRECOGNIZED), whole))
            room -= len(value) + 8
        if not kind & 0x8000:
            break
    return report


class Repetition:
    """The one chunk that is being sent again and again until it is answered.

    Args:
        options: The longest interval.
    """

    __slots__ = ("_chunk", "_longest", "at", "errors")

    def __init__(self, options: SctpOptions) -> None:
        self._longest = options.rto_max
        self._chunk: Chunk | None = None
        self.at = NEVER
        """When it is to be sent again."""
        self.errors = 0
        """How often it has been due without an answer."""

    def begin(self, chunk: Chunk, now: float, timeout: float) -> None:
        """A chunk was sent for the first time."""
        self._chunk = chunk
        self.errors = 0
        self.at = now + timeout

    def due(self, now: float, timeout: float) -> Chunk | None:
        """The chunk if it is to be sent again now; the interval doubles each time."""
        if now < self.at:
            return None
        self.errors += 1
        self.at = now + min(timeout * 2**self.errors, self._longest)
        return self._chunk

    def hurry(self, now: float) -> None:
        """Send again at once, and start the count anew."""
        if self._chunk is not None:
            self.errors = 0
            self.at = now

    def end(self) -> None:
        """It was answered."""
        self._chunk = None
        self.errors = 0
        self.at = NEVER
