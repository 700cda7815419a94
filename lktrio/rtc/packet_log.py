"""What the packets of peer connections look like in a log for Wireshark.

Theory of operation: each connection is two interfaces of the log. One has what lies on the wire:
STUN, TURN, and the handshake of DTLS with the secret that decrypts it. The other has what was
encrypted, in clear: RTP, RTCP, and SCTP with the data channels. Of these Wireshark can decrypt only
SCTP by itself, and it shows none of them without being told what they are.

The log decrypts for itself, with keys of the handshake and with windows against repetitions of its
own, so the connections work as they do without it, and what cannot be decrypted is seen as well: it
is logged as it came. So is what comes before the keys do, and media of more than 1,024 SSRCs.

Implements the framing of RFC 8656 section 12.4 (ChannelData) to look into relayed packets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, TypeAlias

from lktrio.rtc.base import Address
from lktrio.rtc.dtls import DtlsSecrets, DtlsStats
from lktrio.rtc.dtls.records import (
    EPOCH_1,
    RECORD_HEADER,
    RECORD_HEADER_LENGTH,
    RecordReader,
    protected_reader,
)
from lktrio.rtc.dtls.registry import ContentType
from lktrio.rtc.pcapng import (
    LinkType,
    enhanced_packet,
    exported_pdu,
    interface_description,
    section_header,
    tls_secrets,
    udp_datagram,
)
from lktrio.rtc.srtp import EXPORTER_LABEL, SrtpKeys, SrtpProfile, SrtpReceiver

__all__ = ["ConnectionBlocks", "LogBlocks"]

_MAX_SSRCS = 1024  # of which 8 kB each are kept
_MAX_PAYLOAD = 65_507  # of UDP over IPv4; streams could carry more
_CHANNEL_DATA_HEADER = 4
_UNKNOWN_HOSTS = ("0.0.0.0", "::")  # noqa: S104 - stands for an address that nobody knows

_Plain: TypeAlias = "tuple[Literal['rtp', 'rtcp', 'sctp'], bytes]"
"""Wireshark's name of a protocol, and what was decrypted."""


class LogBlocks:
    """The blocks of one log.

    Args:
        application: The program that writes it.
    """

    def __init__(self, application: str) -> None:
        self.header = section_header(application)
        """What it begins with."""
        self._interfaces = 0
        self._streams = 0

    def open_connection(self, name: str) -> ConnectionBlocks:
        """The blocks of one more connection; the order of calls is that of ``begin``."""
        wire = self._interfaces
        self._interfaces += 2
        return ConnectionBlocks(name, wire, self._new_port)

    def _new_port(self) -> int:
        """A port that tells a stream from others."""
        self._streams += 1
        return (self._streams - 1) % 0xFFFF + 1


class ConnectionBlocks:
    """The blocks of one peer connection.

    Args:
        name: What it is called.
        wire: The number of its first interface.
        new_port: Numbers streams.
    """

    def __init__(self, name: str, wire: int, new_port: Callable[[], int]) -> None:
        self._name = name
        self._wire, self._clear = wire, wire + 1
        self._new_port = new_port
        self._ports: dict[int, int] = {}
        self._srtp: dict[bool, SrtpReceiver] = {}
        self._dtls: dict[bool, RecordReader] = {}

    def begin(self) -> bytes:
        """Introduce its interfaces."""
        return interface_description(self._name, LinkType.RAW) + interface_description(
            f"{self._name}, decrypted", LinkType.UPPER_PDU
        )

    def secured(self, keys: DtlsSecrets) -> bytes:
        """A handshake has succeeded."""
        secrets = keys.secrets
        traffic, suite = secrets.traffic_keys(), secrets.suite
        for is_client in (True, False):
            key, iv = traffic.server_key, traffic.server_iv
            if is_client:
                key, iv = traffic.client_key, traffic.client_iv
            sent = is_client is keys.is_client
            self._dtls[sent] = protected_reader(suite, key, iv, DtlsStats())
        self._srtp = {}
        if keys.srtp_profile is not None:
            profile = SrtpProfile(keys.srtp_profile)
            material = secrets.export(EXPORTER_LABEL, profile.exporter_length)
            ours, theirs = SrtpKeys.from_exporter(profile, material, keys.is_client)
            for sent, one in ((True, ours), (False, theirs)):
                self._srtp[sent] = SrtpReceiver(profile, one.key, one.salt, max_ssrcs=_MAX_SSRCS)
        return tls_secrets(secrets.key_log_line() + "\n")

    def datagrams(
        self,
        time: float,
        batch: Sequence[tuple[bytes, Address]],
        *,
        sent: bool,
        local: Address | int,
    ) -> bytes:
        """Datagrams that came, or went, together.

        Args:
            time: When, in seconds since 1970.
            batch: Each with the address of the other side.
            sent: Whether they went.
            local: Our address; for a stream the number of its path, as nobody knows the address.
        """
        return b"".join(self._datagram(time, data, local, remote, sent) for data, remote in batch)

    def _datagram(
        self, time: float, data: bytes, local: Address | int, remote: Address, sent: bool
    ) -> bytes:
        comment = "over TCP" if isinstance(local, int) else ""
        here = self._place(local, remote) if isinstance(local, int) else local
        source, destination = (here, remote) if sent else (remote, here)
        inner, relayed = _unwrap(data)
        plain = self._decrypt(inner, sent)
        if not plain:
            packet = udp_datagram(source, destination, data[:_MAX_PAYLOAD])
            return enhanced_packet(self._wire, time, packet, sent=sent, comment=comment)
        comment = ", ".join(filter(None, (comment, relayed)))
        packets = [exported_pdu(name, source, destination, content) for name, content in plain]
        return b"".join(
            enhanced_packet(self._clear, time, packet, sent=sent, comment=comment)
            for packet in packets
        )

    def _place(self, path: int, remote: Address) -> Address:
        if path not in self._ports:
            self._ports[path] = self._new_port()
        return _UNKNOWN_HOSTS[":" in remote[0]], self._ports[path]

    def _decrypt(self, data: bytes, sent: bool) -> list[_Plain]:
        """What is in a datagram; nothing if it is to be logged as it is."""
        first = data[0] if data else 0
        if 128 <= first <= 191 and sent in self._srtp:
            return self._open_media(self._srtp[sent], data)
        if first == ContentType.APPLICATION_DATA and sent in self._dtls:
            return self._open_records(self._dtls[sent], data)
        return []

    def _open_media(self, srtp: SrtpReceiver, data: bytes) -> list[_Plain]:
        if len(data) > 1 and 192 <= data[1] <= 223:  # RFC 5761 section 4
            packet = srtp.unprotect_rtcp(data)
            return [] if packet is None else [("rtcp", packet)]
        opened = srtp.unprotect(data)
        if opened is None:
            return []
        _, header_length, payload = opened
        return [("rtp", data[:header_length] + payload)]

    def _open_records(self, reader: RecordReader, data: bytes) -> list[_Plain]:
        """The application data of a datagram, if it consists of nothing else."""
        found: list[_Plain] = []
        start = 0
        while len(data) - start > RECORD_HEADER_LENGTH:
            kind, _, number, length = RECORD_HEADER.unpack_from(data, start)
            body = start + RECORD_HEADER_LENGTH
            start = body + length
            if kind != ContentType.APPLICATION_DATA or number < EPOCH_1 or start > len(data):
                return []
            content = reader.open(kind, number, data, body, start)
            if content is None:
                return []
            found.append(("sctp", content))
        return found


def _unwrap(data: bytes) -> tuple[bytes, str]:
    """Look into ChannelData of a TURN server: what it carries, and how to say so."""
    if len(data) < _CHANNEL_DATA_HEADER or not 64 <= data[0] <= 79:
        return data, ""
    channel, length = int.from_bytes(data[:2], "big"), int.from_bytes(data[2:4], "big")
    content = data[_CHANNEL_DATA_HEADER : _CHANNEL_DATA_HEADER + length]
    return content, f"relayed by channel {channel:#x}"
