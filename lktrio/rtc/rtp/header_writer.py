"""Writes the RTP headers of one outbound SSRC, extensions included.

Theory of operation
    A stream's packets all carry the same header extensions, and of those only a few bytes change.
    So the whole header is one precompiled ``Struct``: the fixed header, the extension block's own
    header, the changing elements (send time, transport sequence number, audio level), then the
    constant ones (mid, rid) as bytes. When the set changes, a new writer is made.

Implements: RFC 3550 section 5.1; RFC 8285 section 4.2 (one-byte form).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from struct import Struct

from lktrio.rtc.rtp.extensions import (
    ONE_BYTE_MAX_ID,
    ONE_BYTE_MAX_SIZE,
    ONE_BYTE_PROFILE,
    ExtensionIds,
    abs_send_time,
    build_extensions,
    parse_extensions,
)
from lktrio.rtc.rtp.header import (
    EXTENSION_BIT,
    EXTENSION_HEADER_SIZE,
    FIXED_HEADER_SIZE,
    HEADER,
    VERSION_BITS,
)

__all__ = ["HeaderWriter", "TransportSequence", "with_extensions"]

_ONE_BYTE_FORM = ONE_BYTE_PROFILE << 16


class TransportSequence:
    """The transport-wide sequence number, shared by all streams of a transport.

    Attributes:
        next: Number of the next packet, not wrapped.
    """

    __slots__ = ("next",)

    def __init__(self) -> None:
        self.next = 1

    def take(self) -> int:
        """Return the next number, wrapped to 16 bits."""
        number = self.next
        self.next = number + 1
        return number & 0xFFFF


class HeaderWriter:
    """Writes RTP headers of one SSRC with one set of extensions.

    Args:
        ssrc: The stream.
        extensions: Element ids; those of the changing elements are used where they are not 0.
        texts: Ids and values of constant elements.
        level: Whether to write audio levels.
        transport: Whether to write transport sequence numbers.

    Attributes:
        size: Bytes of a header.

    Elements whose id or size does not fit the one-byte form are left out: they are all optional.
    """

    __slots__ = ("_constants", "_level", "_pack", "_send_time", "_ssrc", "_transport", "size")

    def __init__(
        self,
        ssrc: int,
        extensions: ExtensionIds,
        texts: Iterable[tuple[int, str]],
        *,
        level: bool,
        transport: bool,
    ) -> None:
        self._ssrc = ssrc
        self._send_time = _element(extensions.abs_send_time, 3) << 24
        self._transport = _element(extensions.transport_cc, 2) if transport else 0
        self._level = _element(extensions.audio_level, 1) if level else 0
        tail = b"".join(_text_element(number, text) for number, text in texts)
        size = 4 * bool(self._send_time) + 3 * bool(self._transport) + 2 * bool(self._level)
        size += len(tail)
        padding = -size % 4
        parts = [HEADER.format]
        if size:
            parts.append("I")
            parts.append("I" * bool(self._send_time))
            parts.append("BH" * bool(self._transport))
            parts.append("BB" * bool(self._level))
            parts.append(f"{len(tail)}s{padding}x")
        block = _ONE_BYTE_FORM | (size + padding) // 4
        self._constants = (block, tail) if size else None
        self._pack = Struct("".join(parts)).pack
        self.size = FIXED_HEADER_SIZE
        if size:
            self.size += EXTENSION_HEADER_SIZE + size + padding

    def write(
        self,
        second: int,
        index: int,
        timestamp: int,
        now: float,
        sequence: TransportSequence | None,
        level: int,
    ) -> bytes:
        """Write one header; ``level`` is the value of the audio level element."""
        constants = self._constants
        if constants is None:
            return self._pack(VERSION_BITS, second, index & 0xFFFF, timestamp, self._ssrc)
        block, tail = constants
        values: list[int | bytes] = [
            VERSION_BITS | EXTENSION_BIT,
            second,
            index & 0xFFFF,
            timestamp,
            self._ssrc,
            block,
        ]
        if self._send_time:
            values.append(self._send_time | abs_send_time(now))
        if self._transport and sequence is not None:
            values += (self._transport, sequence.take())
        if self._level:
            values += (self._level, level)
        values.append(tail)
        return self._pack(*values)


def _element(number: int, size: int) -> int:
    """First byte of a one-byte form element, 0 for one that is not in use."""
    return number << 4 | size - 1 if 0 < number <= ONE_BYTE_MAX_ID else 0


def _text_element(number: int, text: str) -> bytes:
    value = text.encode()
    if not value or len(value) > ONE_BYTE_MAX_SIZE or not 0 < number <= ONE_BYTE_MAX_ID:
        return b""
    return bytes((_element(number, len(value)),)) + value


def with_extensions(header: bytes, extensions: Mapping[int, bytes]) -> bytes:
    """Add extensions to a header of ours, which has no CSRCs and the one-byte form."""
    merged = parse_extensions(header, len(header))
    merged.update(extensions)
    return (
        bytes((header[0] | EXTENSION_BIT,)) + header[1:FIXED_HEADER_SIZE] + build_extensions(merged)
    )
