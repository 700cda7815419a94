"""Flights that are sent: what they hold, how they become datagrams.

Theory of operation: a flight is a list of handshake messages and ChangeCipherSpecs. It is kept as
long as the peer may have missed it, and is cut into records and datagrams anew each time it is
sent: message numbers stay, record numbers are fresh, and the size may shrink when large datagrams
do not seem to arrive.

Sources: RFC 6347 4.1.1 (several records in a datagram, PMTU), 4.2.3 and 4.2.4.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias

from lktrio.rtc.dtls.fragments import FRAGMENT_HEADER_LENGTH, HandshakeMessage
from lktrio.rtc.dtls.records import PlainWriter, RecordWriter
from lktrio.rtc.dtls.registry import ContentType

__all__ = ["CHANGE_CIPHER_SPEC", "Flight", "FlightItem", "build_datagrams"]

CHANGE_CIPHER_SPEC: Final = b"\x01"  # RFC 5246 7.1
_SMALLEST_PIECE = 32  # a shorter fragment is not worth its headers


class FlightItem(NamedTuple):
    """One entry of a flight."""

    message: HandshakeMessage | None
    """A handshake message, or None for a ChangeCipherSpec."""
    protected: bool = False
    """Whether it goes out under the negotiated keys."""


Flight: TypeAlias = tuple[FlightItem, ...]


class _Packer:
    """Fills datagrams with records."""

    def __init__(self, mtu: int) -> None:
        self._mtu = mtu
        self._records: list[bytes] = []
        self._used = 0
        self.datagrams: list[bytes] = []

    def room(self, overhead: int) -> int:
        return self._mtu - self._used - overhead

    def add(self, record: bytes) -> None:
        self._records.append(record)
        self._used += len(record)

    def flush(self) -> None:
        if self._records:
            self.datagrams.append(b"".join(self._records))
        self._records = []
        self._used = 0


def build_datagrams(
    flight: Sequence[FlightItem], mtu: int, plain: PlainWriter, protected: RecordWriter | None
) -> list[bytes]:
    """Cut a flight into datagrams of at most ``mtu`` bytes.

    Args:
        flight: What to send.
        mtu: Largest UDP payload.
        plain: Writer of epoch 0.
        protected: Writer of epoch 1; needed when the flight holds a protected item.
    """
    packer = _Packer(mtu)
    for item in flight:
        writer: RecordWriter = plain
        if item.protected:
            assert protected is not None
            writer = protected
        if item.message is None:
            if packer.room(writer.overhead) < len(CHANGE_CIPHER_SPEC):
                packer.flush()
            packer.add(writer.seal(ContentType.CHANGE_CIPHER_SPEC, CHANGE_CIPHER_SPEC))
        else:
            _pack_message(packer, item.message, writer)
    packer.flush()
    return packer.datagrams


def _pack_message(packer: _Packer, message: HandshakeMessage, writer: RecordWriter) -> None:
    overhead = writer.overhead + FRAGMENT_HEADER_LENGTH
    offset, length = 0, len(message.body)
    while True:
        if packer.room(overhead) < min(length - offset, _SMALLEST_PIECE):
            packer.flush()
        piece = message.fragment(offset, packer.room(overhead))
        packer.add(writer.seal(ContentType.HANDSHAKE, piece.serialize()))
        offset += len(piece.data)
        if offset >= length:
            return
