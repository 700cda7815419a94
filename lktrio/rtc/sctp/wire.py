"""Packets on their way out and in: bundling, verification tags, checksums.

:class:`PacketWriter` bundles chunks up to the MTU (RFC 9260 section 6.10); :class:`PacketGate`
decides which packets are for this association at all (sections 6.8 and 8.5). Both know the rule of
RFC 9653: no checksum where both sides agreed, but always one around INIT and COOKIE-ECHO.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct
from typing import Final

from lktrio.rtc.sctp.chunks import COMMON_HEADER, DATA_HEADER, ChunkType
from lktrio.rtc.sctp.crc32c import crc32c
from lktrio.rtc.sctp.events import SctpOptions, SctpStats
from lktrio.rtc.sctp.scoreboard import Outstanding

__all__ = ["CHECKSUM", "PacketGate", "PacketWriter"]

_ALWAYS_CHECKED: Final = frozenset((ChunkType.INIT, ChunkType.COOKIE_ECHO))  # RFC 9653 5.2
_ORDINARY: Final = frozenset((int(ChunkType.DATA), int(ChunkType.SACK)))
_REFLECTING: Final = frozenset((ChunkType.ABORT, ChunkType.SHUTDOWN_COMPLETE))  # have a T bit
_MIN_PACKET: Final = COMMON_HEADER.size + 4
_MAX_PACKET: Final = 65535

CHECKSUM: Final = Struct("<I")
"""The checksum field: CRC32C with its bytes in little-endian order (RFC 9260 appendix A)."""
_MIN_CHUNK: Final = DATA_HEADER.size + 4  # nothing worth bundling is smaller
_HEADER: Final = COMMON_HEADER.size


class PacketWriter:
    """Builds the packets of one association.

    Args:
        ports: Source and destination port.
        mtu: Largest packet in bytes.
        stats: Counters to update.
    """

    def __init__(self, ports: tuple[int, int], mtu: int, stats: SctpStats) -> None:
        self._ports = ports
        self._mtu = mtu & ~3
        self._stats = stats
        self._tag = 0
        self._zero_checksum = False

    def connect(self, tag: int, *, zero_checksum: bool) -> None:
        """Learn what the handshake brought: the peer's tag, and whether to leave checksums out."""
        self._tag = tag
        self._zero_checksum = zero_checksum

    def write(
        self,
        control: Sequence[bytes],
        records: Sequence[Outstanding] = (),
        *,
        tag: int | None = None,
    ) -> list[bytes]:
        """Bundle chunks into packets; a record that fills a packet goes out as it is.

        Args:
            control: Chunks to put first.
            records: DATA to put after them.
            tag: Verification tag, when it is not the peer's.
        """
        out: list[bytes] = []
        mtu, solo = self._mtu, self._mtu - _MIN_CHUNK
        bundle: list[bytes] = []
        size = _HEADER
        for chunk in control:
            if size + len(chunk) > mtu and bundle:
                out.append(self._join(bundle, tag))
                bundle, size = [], _HEADER
            bundle.append(chunk)
            size += len(chunk)
        for record in records:
            packet = record.packet
            length = len(packet) - _HEADER
            if bundle and size + length > mtu:
                out.append(self._join(bundle, tag))
                bundle, size = [], _HEADER
            if not bundle and length + _HEADER > solo:
                out.append(packet if self._zero_checksum else _checked(packet))
            else:
                bundle.append(packet[_HEADER:])
                size += length
        if bundle:
            out.append(self._join(bundle, tag))
        self._stats.packets_sent += len(out)
        return out

    def _join(self, chunks: list[bytes], tag: int | None) -> bytes:
        header = COMMON_HEADER.pack(*self._ports, self._tag if tag is None else tag, 0)
        packet = header + b"".join(chunks)
        if self._zero_checksum and chunks[0][0] not in _ALWAYS_CHECKED and tag is None:
            return packet
        return _checked(packet)


def _checked(packet: bytes) -> bytes:
    """The packet with its checksum filled in; the field must be 0 before."""
    return packet[:8] + CHECKSUM.pack(crc32c(packet)) + packet[12:]


class PacketGate:
    """Admits the packets that belong to one association.

    Args:
        ports: Our and the peer's port.
        tag: Our verification tag.
        options: Whether a checksum may be missing, and whether to verify one.
    """

    def __init__(self, ports: tuple[int, int], tag: int, options: SctpOptions) -> None:
        self._ports = (ports[1], ports[0])
        self._tag = tag
        self._prefix = COMMON_HEADER.pack(*self._ports, tag, 0)
        self._zero_accepted = options.zero_checksum
        self._verify = options.verify_checksum
        self.remote_tag = 0
        """The peer's tag, once it is known."""

    def admits(self, packet: bytes) -> bool:
        """Whether size, ports, verification tag and checksum are right."""
        if not _MIN_PACKET <= len(packet) <= _MAX_PACKET:
            return False
        if packet[:12] == self._prefix and self._zero_accepted and packet[12] in _ORDINARY:
            return True  # nearly all traffic
        source, destination, tag, checksum = COMMON_HEADER.unpack_from(packet)
        if (source, destination) != self._ports:
            return False
        kind = packet[COMMON_HEADER.size]
        if (tag != self._tag or kind == ChunkType.INIT) and not self._tag_excused(packet, tag):
            return False
        if not checksum and self._zero_accepted and kind not in _ALWAYS_CHECKED:
            return True
        if not self._verify:
            return True
        return CHECKSUM.pack(crc32c(packet[:8] + bytes(4) + packet[12:])) == packet[8:12]

    def _tag_excused(self, packet: bytes, tag: int) -> bool:
        """The exceptions of RFC 9260 section 8.5.1: INIT has no tag, the T bit reflects one."""
        kind, flags = packet[COMMON_HEADER.size], packet[COMMON_HEADER.size + 1]
        if kind == ChunkType.INIT:
            length = packet[COMMON_HEADER.size + 2] << 8 | packet[COMMON_HEADER.size + 3]
            return tag == 0 and COMMON_HEADER.size + length + 4 > len(packet)  # it is alone
        return kind in _REFLECTING and bool(flags & 1) and tag == self.remote_tag != 0
