"""Hello extensions: the block, and the bodies that matter here.

Theory of operation: a hello's extensions are kept as they came, a tuple of ``(type, body)`` pairs
in wire order, so a message encodes back to the same bytes and unknown extensions cost nothing.
The functions below read and build single bodies. No extension may occur twice (RFC 5246 7.4.1.4).

Sources: RFC 5246 7.4.1.4, RFC 8422 5.1, RFC 5764 4.1.1 (use_srtp), RFC 7627 5.1
(extended_master_secret), RFC 5746 3.2 (renegotiation_info), RFC 8446 4.2.1 (supported_versions).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.dtls.codec import Reader, u16_list, vector8, vector16
from lktrio.rtc.dtls.registry import UNCOMPRESSED_POINT

__all__ = [
    "EMPTY_RENEGOTIATION_INFO",
    "UNCOMPRESSED_POINTS",
    "Extensions",
    "build_extensions",
    "build_use_srtp",
    "parse_extensions",
    "parse_point_formats",
    "parse_supported_versions",
    "parse_u16_list",
    "parse_use_srtp",
]

Extensions: TypeAlias = tuple[tuple[int, bytes], ...]
"""Pairs of extension type and body, in wire order."""

EMPTY_RENEGOTIATION_INFO = vector8(b"")
UNCOMPRESSED_POINTS = vector8(bytes([UNCOMPRESSED_POINT]))


def parse_extensions(reader: Reader) -> Extensions:
    """Read the extension block that ends a hello; a hello without one has no extensions.

    Raises:
        RemoteProtocolError: The block is malformed or an extension occurs twice.
    """
    if not reader.remaining:
        return ()
    block = Reader(reader.vector16(), "extension block")
    extensions: dict[int, bytes] = {}
    while block.remaining:
        kind = block.number(2)
        if kind in extensions:
            raise RemoteProtocolError(f"extension {kind} occurs twice")
        extensions[kind] = block.vector16()
    return tuple(extensions.items())


def build_extensions(extensions: Extensions) -> bytes:
    """Build the extension block; without extensions there is none."""
    if not extensions:
        return b""
    return vector16(b"".join(kind.to_bytes(2, "big") + vector16(body) for kind, body in extensions))


def parse_u16_list(body: bytes) -> tuple[int, ...]:
    """Read supported_groups or signature_algorithms."""
    reader = Reader(body, "extension list")
    values = reader.u16_list()
    reader.finish()
    return values


def parse_point_formats(body: bytes) -> bytes:
    """Read ec_point_formats: one byte per format."""
    reader = Reader(body, "ec_point_formats")
    formats = reader.vector8(1)
    reader.finish()
    return formats


def parse_supported_versions(body: bytes) -> tuple[int, ...]:
    """Read the client's supported_versions."""
    reader = Reader(body, "supported_versions")
    versions = reader.vector8(2)
    reader.finish()
    if len(versions) % 2:
        raise RemoteProtocolError("supported_versions has an odd length")
    return tuple(int.from_bytes(versions[i : i + 2], "big") for i in range(0, len(versions), 2))


def parse_use_srtp(body: bytes) -> tuple[tuple[int, ...], bytes]:
    """Read use_srtp: the protection profiles and the MKI."""
    reader = Reader(body, "use_srtp")
    profiles = reader.u16_list()
    mki = reader.vector8()
    reader.finish()
    return profiles, mki


def build_use_srtp(profiles: Sequence[int]) -> bytes:
    """Build use_srtp with an empty MKI."""
    return u16_list(profiles) + vector8(b"")
