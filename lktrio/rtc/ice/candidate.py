"""ICE candidates: one transport address each, and the text form they travel in.

Theory of operation
-------------------

A candidate says where an agent might be reached: a host address of its own, a server-reflexive
one that a STUN server saw (srflx), a peer-reflexive one that the other agent saw (prflx), or one
relayed by a TURN server. Its priority orders it among the agent's candidates; type counts most,
then the local preference, then the component.

The parser takes what is seen in practice: with or without ``a=`` and ``candidate:``, any case of
the transport, and extensions in any order. Unknown transports and types parse; the ICE agent
ignores what it cannot use.

Implements RFC 8839 section 5.1 (grammar), RFC 8445 section 5.1.2 (priorities), RFC 6544 section
4.5 (``tcptype``), and the ``ufrag`` extension that marks the generation of a candidate.
"""

from __future__ import annotations

import binascii
import ipaddress
import re
from dataclasses import dataclass
from typing import Literal, TypeAlias

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import MAX_PORT, Address

__all__ = [
    "TYPE_PREFERENCES",
    "Candidate",
    "candidate_priority",
    "foundation",
    "host_candidate",
    "normalize_host",
    "reflexive_candidate",
    "relay_candidate",
    "stream_candidate",
]

CandidateType: TypeAlias = Literal["host", "srflx", "prflx", "relay"]

TYPE_PREFERENCES: dict[str, int] = {"host": 126, "prflx": 110, "srflx": 100, "relay": 0}
"""RFC 8445 section 5.1.2.2."""

_STREAM_HOST_PREFERENCE = 90  # below everything that is direct over UDP, as libwebrtc has it
_DIRECTION_PREFERENCES = {"active": 6, "passive": 4}  # RFC 6544 section 4.2
_DIRECTION_SHIFT = 13
_ACTIVE_PORT = 9  # RFC 6544 section 4.5: nobody can connect to it

MAX_LINE_LENGTH = 1024
"""Characters; real candidates have fewer than 250."""

MAX_EXTENSIONS = 16
"""Extension pairs of one candidate; more is refused."""

_FIXED_FIELDS = 8  # foundation to type, with the word "typ"
_RTP_COMPONENT = 1
_MAX_LOCAL_PREFERENCE = 65535
_MAX_COMPONENT = 256
_MAX_PRIORITY = 2**32 - 1
_TOKEN = re.compile(r"[!-~]{1,256}")
_NUMBER = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One ICE candidate (RFC 8839 section 5.1)."""

    foundation: str
    """Equal for candidates of the same type, base address and server."""
    component: int
    """1 for RTP and everything multiplexed with it, 2 for separate RTCP."""
    transport: str
    """``"udp"`` or ``"tcp"``, in lower case."""
    priority: int
    """Larger is better."""
    address: str
    """Numeric IP address, or a host name such as ``"....local"``."""
    port: int
    """Port; 9 for active TCP candidates."""
    type: str
    """``"host"``, ``"srflx"``, ``"prflx"`` or ``"relay"``."""
    related_address: str | None = None
    """For other than host: the address behind it, or a placeholder that hides it."""
    related_port: int | None = None
    """For other than host: the port behind it, or a placeholder that hides it."""
    tcp_type: str | None = None
    """For TCP: ``"active"``, ``"passive"`` or ``"so"``."""
    extensions: tuple[tuple[str, str], ...] = ()
    """Further pairs of name and value, in order: generation, ufrag, network-id, ..."""

    @classmethod
    def parse(cls, line: str) -> Candidate:
        """Decode a candidate.

        Args:
            line: The value of ``a=candidate``, with or without ``a=`` and ``candidate:``.

        Raises:
            RemoteProtocolError: The text is not a candidate.
        """
        if len(line) > MAX_LINE_LENGTH:
            raise RemoteProtocolError("ICE candidate is too long")
        words = line.strip().removeprefix("a=").removeprefix("candidate:").split()
        if len(words) < _FIXED_FIELDS or words[6] != "typ":
            raise RemoteProtocolError("ICE candidate lacks fields")
        if not all(_TOKEN.fullmatch(word) for word in words):
            raise RemoteProtocolError("ICE candidate holds characters that are not allowed")
        extensions = list(zip(words[8::2], words[9::2], strict=False))
        if len(extensions) > MAX_EXTENSIONS:
            raise RemoteProtocolError("ICE candidate has too many extensions")
        known = dict(reversed(extensions))
        related_port = known.get("rport")
        return cls(
            foundation=words[0],
            component=_number(words[1], "component", _MAX_COMPONENT),
            transport=words[2].lower(),
            priority=_number(words[3], "priority", _MAX_PRIORITY),
            address=words[4],
            port=_number(words[5], "port", MAX_PORT),
            type=words[7],
            related_address=known.get("raddr"),
            related_port=None if related_port is None else _number(related_port, "rport", MAX_PORT),
            tcp_type=known.get("tcptype"),
            extensions=tuple(
                pair for pair in extensions if pair[0] not in ("raddr", "rport", "tcptype")
            ),
        )

    def __str__(self) -> str:
        """The value of ``a=candidate`` with its name: ``candidate:...`` (RFC 8839 section 5.1)."""
        parts = [
            f"candidate:{self.foundation} {self.component} {self.transport} {self.priority}",
            f"{self.address} {self.port} typ {self.type}",
        ]
        if self.related_address is not None:
            parts.append(f"raddr {self.related_address}")
        if self.related_port is not None:
            parts.append(f"rport {self.related_port}")
        if self.tcp_type is not None:
            parts.append(f"tcptype {self.tcp_type}")
        parts.extend(f"{name} {value}" for name, value in self.extensions)
        return " ".join(parts)

    def extension(self, name: str) -> str | None:
        """The value of an extension, or None."""
        for key, value in self.extensions:
            if key == name:
                return value
        return None

    @property
    def is_stream(self) -> bool:
        """Whether it is for TCP."""
        return self.transport == "tcp"

    @property
    def ufrag(self) -> str | None:
        """The user name fragment of the generation this candidate belongs to, if it says so."""
        return self.extension("ufrag")


def candidate_priority(
    kind: CandidateType,
    local_preference: int = _MAX_LOCAL_PREFERENCE,
    component: int = _RTP_COMPONENT,
) -> int:
    """The recommended priority (RFC 8445 section 5.1.2.1).

    Args:
        kind: The type.
        local_preference: 0 to 65535, larger for better interfaces and address families.
        component: 1 or 2.
    """
    return (TYPE_PREFERENCES[kind] << 24) | (local_preference << 8) | (256 - component)


def foundation(kind: CandidateType, base_host: str, transport: str, server: str = "") -> str:
    """A foundation: equal for equal arguments (RFC 8445 section 5.1.1.3).

    Args:
        kind: The type.
        base_host: Address of the local socket.
        transport: ``"udp"`` or ``"tcp"``.
        server: Address of the STUN or TURN server, empty for host candidates.
    """
    return str(binascii.crc32(f"{kind} {base_host} {transport} {server}".encode()))


def host_candidate(
    host: str, port: int, *, local_preference: int = _MAX_LOCAL_PREFERENCE
) -> Candidate:
    """The UDP host candidate of a local socket.

    Args:
        host: Numeric address that the socket is bound to.
        port: Its port.
        local_preference: 0 to 65535, different for each socket of the agent (RFC 8421: IPv6
            above IPv4 of the same interface).
    """
    return Candidate(
        foundation=foundation("host", host, "udp"),
        component=_RTP_COMPONENT,
        transport="udp",
        priority=candidate_priority("host", local_preference),
        address=host,
        port=port,
        type="host",
    )


def stream_candidate(
    host: str, port: int | None = None, *, local_preference: int = _MAX_LOCAL_PREFERENCE
) -> Candidate:
    """The TCP host candidate of a local address (RFC 6544 section 4.5).

    Args:
        host: Numeric address.
        port: Where we listen, for a passive candidate; None for an active one, which connects.
        local_preference: 0 to 65535, larger for better interfaces.
    """
    tcp_type = "active" if port is None else "passive"
    direction = _DIRECTION_PREFERENCES[tcp_type] << _DIRECTION_SHIFT
    preference = direction | (local_preference >> (16 - _DIRECTION_SHIFT))
    return Candidate(
        foundation=foundation("host", host, "tcp"),
        component=_RTP_COMPONENT,
        transport="tcp",
        priority=(_STREAM_HOST_PREFERENCE << 24) | (preference << 8) | (256 - _RTP_COMPONENT),
        address=host,
        port=_ACTIVE_PORT if port is None else port,
        type="host",
        tcp_type=tcp_type,
    )


def reflexive_candidate(base: Candidate, mapped: Address, *, server: str = "") -> Candidate:
    """A local candidate that a STUN server (srflx) or the peer (prflx) saw.

    Args:
        base: The host candidate whose socket sent the request.
        mapped: The address that was seen.
        server: Address of the STUN server; empty when the peer saw it.
    """
    kind: CandidateType = "srflx" if server else "prflx"
    return Candidate(
        foundation=foundation(kind, base.address, base.transport, server),
        component=base.component,
        transport=base.transport,
        priority=(TYPE_PREFERENCES[kind] << 24) | (base.priority & 0xFFFFFF),
        address=mapped[0],
        port=mapped[1],
        type=kind,
        related_address=base.address,
        related_port=base.port,
        tcp_type=base.tcp_type,
    )


def relay_candidate(relayed: Address, mapped: Address, local_preference: int) -> Candidate:
    """The candidate of an address that a TURN server relays for us.

    Args:
        relayed: The address.
        mapped: Our own, as the server sees it.
        local_preference: 0 to 65535, larger for better ways to the server.
    """
    return Candidate(
        foundation=foundation("relay", relayed[0], "udp", mapped[0]),
        component=_RTP_COMPONENT,
        transport="udp",
        priority=candidate_priority("relay", local_preference),
        address=relayed[0],
        port=relayed[1],
        type="relay",
        related_address=mapped[0],
        related_port=mapped[1],
    )


def normalize_host(host: str) -> str | None:
    """The canonical text of a unicast IP address, or None for names and unusable addresses.

    IPv4-mapped IPv6 addresses become IPv4. Unspecified, multicast, broadcast and scoped addresses
    are unusable.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.scope_id is not None:
            return None
        address = address.ipv4_mapped or address
    if address.is_unspecified or address.is_multicast or str(address) == "255.255.255.255":
        return None
    return str(address)


def _number(word: str, name: str, limit: int) -> int:
    if not _NUMBER.fullmatch(word) or int(word) > limit:
        raise RemoteProtocolError(f"ICE candidate has an invalid {name}")
    return int(word)
