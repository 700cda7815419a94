"""Blocks of pcapng files, and the IP and UDP headers of the packets in them.

Theory of operation: a file is one section: a header, then in any order interfaces, packets and
secrets. Every block says its length before and after its content, so a file that breaks off can be
read up to there. What lies on the wire is in packets of IP. Datagrams come to us without these
headers, as the kernel makes them, so they are made here once more. What was decrypted is in packets
of another kind, which name the protocol and the addresses (Wireshark's exported PDUs): below the
header of UDP that it came with, a reader would take it for what is encrypted.

Implements: draft-ietf-opsawg-pcapng sections 3.5, 4.1 to 4.3 and 4.7, the link types LINKTYPE_RAW
and LINKTYPE_WIRESHARK_UPPER_PDU; RFC 791, RFC 8200, RFC 768 (headers); RFC 1071 (checksums).
"""

from __future__ import annotations

import ipaddress
import struct
from enum import IntEnum
from functools import lru_cache

from lktrio.rtc.base import Address

__all__ = [
    "LinkType",
    "enhanced_packet",
    "exported_pdu",
    "interface_description",
    "section_header",
    "tls_secrets",
    "udp_datagram",
]

_SECTION_HEADER = 0x0A0D0D0A
_INTERFACE_DESCRIPTION = 1
_ENHANCED_PACKET = 6
_DECRYPTION_SECRETS = 0x0A

_BYTE_ORDER_MAGIC = 0x1A2B3C4D
_VERSION = (1, 0)
_UNKNOWN_LENGTH = -1  # of the section: until the end of the file
_TLS_KEY_LOG = 0x544C534B

_END_OF_OPTIONS = b"\0\0\0\0"
_COMMENT = 1
_INTERFACE_NAME = 2
_USER_APPLICATION = 4
_PACKET_FLAGS = 2
_INBOUND, _OUTBOUND = 1, 2

_MICROSECONDS = 1e6  # the resolution of times, as no interface says otherwise

_UDP = 17
_IPV4_HEADER = struct.Struct("!BBHHHBBH4s4s")
_IPV6_HEADER = struct.Struct("!IHBB16s16s")
_UDP_HEADER = struct.Struct("!HHHH")
_HOP_LIMIT = 64
_IPV4_SIZE = 4

_PDU_DISSECTOR = 12
_PDU_IPV4 = 20, 21  # of the sender, of the receiver
_PDU_IPV6 = 22, 23
_PDU_PORTS = 25, 26
_PDU_END = b"\0\0\0\0"

_pack_packet = struct.Struct("<IIIII").pack


class LinkType(IntEnum):
    """What packets of an interface begin with."""

    RAW = 101
    """The header of IPv4 or IPv6."""
    UPPER_PDU = 252
    """The tags of `exported_pdu`."""


def _pad(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + _pad(value)


def _block(kind: int, body: bytes) -> bytes:
    length = len(body) + 12
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def section_header(application: str) -> bytes:
    """The block that a file begins with; it names the program that writes it."""
    fixed = struct.pack("<IHHq", _BYTE_ORDER_MAGIC, *_VERSION, _UNKNOWN_LENGTH)
    options = _option(_USER_APPLICATION, application.encode()) + _END_OF_OPTIONS
    return _block(_SECTION_HEADER, fixed + options)


def interface_description(name: str, link_type: LinkType) -> bytes:
    """The block that introduces an interface; they are numbered from 0 on."""
    options = _option(_INTERFACE_NAME, name.encode()) + _END_OF_OPTIONS
    return _block(_INTERFACE_DESCRIPTION, struct.pack("<HHI", link_type, 0, 0) + options)


def enhanced_packet(
    interface: int, time: float, packet: bytes, *, sent: bool, comment: str = ""
) -> bytes:
    """The block of one packet.

    Args:
        interface: Number of the interface that it passed.
        time: When, in seconds since 1970.
        packet: It, as the link type of the interface has it.
        sent: Whether we have sent it.
        comment: What readers are to be told.
    """
    ticks = round(time * _MICROSECONDS)
    size = len(packet)
    fixed = _pack_packet(interface, ticks >> 32, ticks & 0xFFFFFFFF, size, size)
    flags = (_OUTBOUND if sent else _INBOUND).to_bytes(4, "little")
    options = _option(_PACKET_FLAGS, flags)
    if comment:
        options += _option(_COMMENT, comment.encode())
    return _block(_ENHANCED_PACKET, fixed + _pad(packet) + options + _END_OF_OPTIONS)


def tls_secrets(key_log: str) -> bytes:
    """The block of secrets that the packets after it can be decrypted with.

    Args:
        key_log: Lines of an NSS key log.
    """
    secrets = key_log.encode()
    return _block(
        _DECRYPTION_SECRETS, struct.pack("<II", _TLS_KEY_LOG, len(secrets)) + _pad(secrets)
    )


def exported_pdu(dissector: str, source: Address, destination: Address, content: bytes) -> bytes:
    """Put tags before what has no headers of its own.

    The kind of the ports is left out: Wireshark would find by it what it knows of the encrypted
    conversation of these addresses, and take the content for a part of it.

    Args:
        dissector: Wireshark's name of the protocol.
        source: Who has sent it.
        destination: To whom.
        content: It.
    """
    hosts = [_packed(source[0]), _packed(destination[0])]
    kinds = _PDU_IPV4
    if {len(host) for host in hosts} != {_IPV4_SIZE}:
        hosts, kinds = [_mapped(host) for host in hosts], _PDU_IPV6
    tags = [_tag(_PDU_DISSECTOR, _pad(dissector.encode()))]
    tags += [_tag(kind, host) for kind, host in zip(kinds, hosts, strict=True)]
    ports = (source[1], destination[1])
    tags += [
        _tag(kind, port.to_bytes(4, "big")) for kind, port in zip(_PDU_PORTS, ports, strict=True)
    ]
    return b"".join(tags) + _PDU_END + content


def _tag(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value


def udp_datagram(source: Address, destination: Address, payload: bytes) -> bytes:
    """Put headers of UDP and IP before a payload: those of IPv6 if one of the hosts has it."""
    length = _UDP_HEADER.size + len(payload)
    sender, receiver = _packed(source[0]), _packed(destination[0])
    if len(sender) == len(receiver) == _IPV4_SIZE:
        udp = _UDP_HEADER.pack(source[1], destination[1], length, 0)  # no checksum
        return _ipv4_header(sender, receiver, length) + udp + payload
    sender, receiver = _mapped(sender), _mapped(receiver)
    pseudo = sender + receiver + length.to_bytes(4, "big") + _UDP.to_bytes(4, "big")
    udp = _UDP_HEADER.pack(source[1], destination[1], length, 0)
    checksum = _checksum(pseudo + udp + payload) or 0xFFFF  # 0 would be none
    udp = _UDP_HEADER.pack(source[1], destination[1], length, checksum)
    header = _IPV6_HEADER.pack(6 << 28, length, _UDP, _HOP_LIMIT, sender, receiver)
    return header + udp + payload


def _ipv4_header(sender: bytes, receiver: bytes, length: int) -> bytes:
    total = _IPV4_HEADER.size + length
    fields = (0x45, 0, total, 0, 0, _HOP_LIMIT, _UDP)
    checksum = _checksum(_IPV4_HEADER.pack(*fields, 0, sender, receiver))
    return _IPV4_HEADER.pack(*fields, checksum, sender, receiver)


@lru_cache(maxsize=64)
def _packed(host: str) -> bytes:
    return ipaddress.ip_address(host.partition("%")[0]).packed


def _mapped(address: bytes) -> bytes:
    """An IPv4 address as one of IPv6 (RFC 4291 section 2.5.5.2)."""
    return address if len(address) != _IPV4_SIZE else bytes(10) + b"\xff\xff" + address


def _checksum(data: bytes) -> int:
    """The Internet checksum: the sum of words in ones' complement is their sum modulo 65,535."""
    rest = int.from_bytes(data + bytes(len(data) % 2), "big") % 0xFFFF
    return ~(rest or 0xFFFF if any(data) else 0) & 0xFFFF
