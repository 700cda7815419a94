"""What can be chosen about a DTLS endpoint, and the events it reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from lktrio.rtc.dtls.exchange import GROUPS
from lktrio.rtc.dtls.keys import (
    CIPHER_SUITES,
    ECDHE_ECDSA_AES_128_GCM_SHA256,
    ECDHE_ECDSA_AES_256_GCM_SHA384,
    ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
    Secrets,
)
from lktrio.rtc.dtls.registry import NamedGroup
from lktrio.rtc.srtp import SrtpProfile

__all__ = ["DtlsClosed", "DtlsConnected", "DtlsEvent", "DtlsAborted", "DtlsOptions", "DtlsSecrets"]

SMALLEST_MTU: Final = 128  # a record and fragment header, a tag, and a useful piece


@dataclass(frozen=True, slots=True)
class DtlsSecrets:
    """What a handshake has agreed on: whoever has it can decrypt everything."""

    secrets: Secrets = field(repr=False)
    """The master secret, and what follows from it."""
    is_client: bool
    """Whether our end is the client."""
    srtp_profile: int | None
    """The negotiated SRTP profile."""


@dataclass(frozen=True, slots=True)
class DtlsOptions:
    """How an endpoint behaves.

    Raises:
        ValueError: A value is impossible.
    """

    srtp_profiles: tuple[int, ...] = (
        SrtpProfile.AEAD_AES_128_GCM,
        SrtpProfile.AEAD_AES_256_GCM,
        SrtpProfile.AES128_CM_HMAC_SHA1_80,
    )
    """SRTP protection profiles in order of preference; empty for a connection without media."""
    cipher_suites: tuple[int, ...] = (
        ECDHE_ECDSA_AES_128_GCM_SHA256,
        ECDHE_ECDSA_AES_256_GCM_SHA384,
        ECDHE_ECDSA_CHACHA20_POLY1305_SHA256,
    )
    """Cipher suites in order of preference."""
    groups: tuple[int, ...] = (NamedGroup.X25519, NamedGroup.SECP256R1, NamedGroup.SECP384R1)
    """Groups of the key exchange in order of preference. A client should keep P-256 among them:
    some servers take the list for the curves of certificates, too (RFC 8422 5.1)."""
    mtu: int = 1200
    """Largest UDP payload of the handshake, in bytes."""
    initial_timeout: float = 0.1
    """Seconds until a flight is sent again for the first time; doubles each time."""
    max_timeout: float = 2.0
    """Largest number of seconds between two transmissions of a flight."""
    handshake_timeout: float = 30.0
    """Seconds from ``start`` after which an unfinished handshake has failed."""
    cookie_exchange: bool = False
    """Whether a server asks for a cookie first (HelloVerifyRequest); ICE makes it superfluous."""
    key_log: Callable[[DtlsSecrets], None] | None = None
    """Receives the secrets of each connection, before anything is decrypted with them."""

    def __post_init__(self) -> None:
        if not self.cipher_suites or not CIPHER_SUITES.keys() >= set(self.cipher_suites):
            raise ValueError(f"cipher_suites must be some of {sorted(CIPHER_SUITES)}")
        if not self.groups or not set(self.groups) <= GROUPS:
            raise ValueError(f"groups must be some of {sorted(GROUPS)}")
        if self.mtu < SMALLEST_MTU:
            raise ValueError(f"mtu must be at least {SMALLEST_MTU}, not {self.mtu}")
        if not 0 < self.initial_timeout <= self.max_timeout <= self.handshake_timeout:
            raise ValueError(
                "timeouts must satisfy 0 < initial_timeout <= max_timeout <= handshake_timeout"
            )


@dataclass(frozen=True, slots=True)
class DtlsConnected:
    """The handshake is done and the peer is the announced one: data and keys are available."""


@dataclass(frozen=True, slots=True)
class DtlsClosed:
    """The peer ended the connection with an authenticated close_notify."""


@dataclass(frozen=True, slots=True)
class DtlsAborted:
    """The connection could not be made, or was broken off; it is unusable."""

    reason: str
    """What happened, for humans."""


DtlsEvent: TypeAlias = DtlsConnected | DtlsClosed | DtlsAborted
