"""Ephemeral Diffie-Hellman key exchange.

Theory of operation: a ``KeyShare`` is one ephemeral key pair; ``public`` goes to the peer and
``exchange`` takes the peer's public key. Private keys are made from injected random bytes so that
a handshake can be replayed. Points that are not on the curve and exchanges with an all-zero result
are refused.

Sources: RFC 8422 5.4, 5.10 and 5.11; RFC 7748 6.1; FIPS 186-5 A.2.1 (private keys from extra
random bits).
"""

from __future__ import annotations

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric import ec, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.base import RandomBytes
from lktrio.rtc.dtls.registry import NamedGroup

__all__ = ["GROUPS", "KeyShare", "new_private_key"]

_EXTRA_RANDOM = 8  # bytes beyond the order's, so that the reduction is unbiased (FIPS 186-5 A.2.1)

# Curve and order n of the base point (SEC 2 sections 2.4.2 and 2.5.1).
_CURVES: dict[int, tuple[ec.EllipticCurve, int]] = {
    NamedGroup.SECP256R1: (
        ec.SECP256R1(),
        0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    ),
    NamedGroup.SECP384R1: (
        ec.SECP384R1(),
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
}

GROUPS: frozenset[int] = frozenset({NamedGroup.X25519, *_CURVES})
"""Groups that a ``KeyShare`` can be made for."""


class KeyShare:
    """One ephemeral key pair.

    Args:
        group: One of ``GROUPS``.
        random: Source of the private key.
    """

    __slots__ = ("_exchange", "group", "public")

    def __init__(self, group: int, random: RandomBytes) -> None:
        self.group = group
        self.public: bytes
        self._exchange: Callable[[bytes], bytes]
        make = _x25519 if group == NamedGroup.X25519 else _weierstrass
        self.public, self._exchange = make(group, random)

    def exchange(self, peer_public: bytes) -> bytes:
        """Compute the shared secret.

        Raises:
            RemoteProtocolError: The peer's key is not a point of the group or of small order.
        """
        try:
            return self._exchange(peer_public)
        except ValueError as error:
            raise RemoteProtocolError("the peer's ephemeral key is not valid") from error


def _x25519(group: int, random: RandomBytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    private = x25519.X25519PrivateKey.from_private_bytes(random(32))

    def exchange(peer: bytes) -> bytes:
        # Raises ValueError for an all-zero result (RFC 7748 6.1).
        return private.exchange(x25519.X25519PublicKey.from_public_bytes(peer))

    return private.public_key().public_bytes_raw(), exchange


def _weierstrass(group: int, random: RandomBytes) -> tuple[bytes, Callable[[bytes], bytes]]:
    curve = _CURVES[group][0]
    private = new_private_key(group, random)

    def exchange(peer: bytes) -> bytes:
        if peer[:1] != b"\x04":
            raise ValueError("only uncompressed points were offered")
        # Raises ValueError for a point that is not on the curve.
        point = ec.EllipticCurvePublicKey.from_encoded_point(curve, peer)
        return private.exchange(ec.ECDH(), point)

    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return public, exchange


def new_private_key(group: int, random: RandomBytes) -> ec.EllipticCurvePrivateKey:
    """Make a private key on P-256 or P-384 from random bytes (FIPS 186-5 A.2.1)."""
    curve, order = _CURVES[group]
    wide = int.from_bytes(random(curve.key_size // 8 + _EXTRA_RANDOM), "big")
    return ec.derive_private_key(wide % (order - 1) + 1, curve)
