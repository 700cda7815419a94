"""Bodies of the handshake messages.

Theory of operation: one frozen dataclass per message with ``parse`` and ``serialize``, exact
inverses of each other. Parsing checks the form alone; what a message may say at its place in the
handshake is the matter of ``client`` and ``server``. ServerHelloDone and HelloRequest are empty,
Finished is twelve opaque bytes: they need no class.

Sources: RFC 5246 7.4, RFC 6347 4.2.1 and 4.3.2, RFC 8422 5.4 and 5.7.
"""

from __future__ import annotations

from dataclasses import dataclass

from lktrio._protocol_errors import RemoteProtocolError
from lktrio.rtc.dtls.codec import Reader, u16_list, vector8, vector16, vector24
from lktrio.rtc.dtls.extensions import Extensions, build_extensions, parse_extensions
from lktrio.rtc.dtls.registry import NAMED_CURVE

__all__ = [
    "RANDOM_LENGTH",
    "CertificateMessage",
    "CertificateRequest",
    "CertificateVerify",
    "ClientHello",
    "ClientKeyExchange",
    "HelloVerifyRequest",
    "ServerHello",
    "ServerKeyExchange",
]

RANDOM_LENGTH = 32  # RFC 5246 7.4.1.2
_SESSION_ID_LIMIT = 32  # RFC 5246 7.4.1.2
_CERTIFICATE_COUNT_LIMIT = 16  # a chain is never walked: only the leaf is looked at


@dataclass(frozen=True, slots=True)
class ClientHello:
    """What the client offers (RFC 6347 4.2.1)."""

    version: int
    """Highest version offered by this field (0xFEFD for DTLS 1.2 and 1.3)."""
    random: bytes
    """32 bytes."""
    session_id: bytes
    """Session to resume, or empty."""
    cookie: bytes
    """Answer to a HelloVerifyRequest, or empty."""
    cipher_suites: tuple[int, ...]
    """Cipher suites, the client's favourite first."""
    compression_methods: bytes
    """One byte per method."""
    extensions: Extensions
    """Extensions in wire order."""

    @classmethod
    def parse(cls, body: bytes) -> ClientHello:
        """Read the body of a ClientHello.

        Raises:
            RemoteProtocolError: The body is malformed.
        """
        reader = Reader(body, "ClientHello")
        hello = cls(
            version=reader.number(2),
            random=reader.take(RANDOM_LENGTH),
            session_id=_session_id(reader),
            cookie=reader.vector8(),
            cipher_suites=reader.u16_list(),
            compression_methods=reader.vector8(1),
            extensions=parse_extensions(reader),
        )
        reader.finish()
        return hello

    def serialize(self) -> bytes:
        """Build the body."""
        return (
            self.version.to_bytes(2, "big")
            + self.random
            + vector8(self.session_id)
            + vector8(self.cookie)
            + u16_list(self.cipher_suites)
            + vector8(self.compression_methods)
            + build_extensions(self.extensions)
        )


@dataclass(frozen=True, slots=True)
class HelloVerifyRequest:
    """The server's request to prove the address with a cookie (RFC 6347 4.2.1)."""

    version: int
    """Version of the message's format, not a negotiated one."""
    cookie: bytes
    """Opaque bytes that the next ClientHello must carry."""

    @classmethod
    def parse(cls, body: bytes) -> HelloVerifyRequest:
        """Read the body of a HelloVerifyRequest.

        Raises:
            RemoteProtocolError: The body is malformed.
        """
        reader = Reader(body, "HelloVerifyRequest")
        request = cls(version=reader.number(2), cookie=reader.vector8())
        reader.finish()
        return request

    def serialize(self) -> bytes:
        """Build the body."""
        return self.version.to_bytes(2, "big") + vector8(self.cookie)


@dataclass(frozen=True, slots=True)
class ServerHello:
    """What the server chose (RFC 5246 7.4.1.3)."""

    version: int
    """Chosen version."""
    random: bytes
    """32 bytes."""
    session_id: bytes
    """Name of the session for later resumption, or empty."""
    cipher_suite: int
    """Chosen cipher suite."""
    compression_method: int
    """Chosen compression method."""
    extensions: Extensions
    """Answers to the client's extensions, in wire order."""

    @classmethod
    def parse(cls, body: bytes) -> ServerHello:
        """Read the body of a ServerHello.

        Raises:
            RemoteProtocolError: The body is malformed.
        """
        reader = Reader(body, "ServerHello")
        hello = cls(
            version=reader.number(2),
            random=reader.take(RANDOM_LENGTH),
            session_id=_session_id(reader),
            cipher_suite=reader.number(2),
            compression_method=reader.number(1),
            extensions=parse_extensions(reader),
        )
        reader.finish()
        return hello

    def serialize(self) -> bytes:
        """Build the body."""
        return (
            self.version.to_bytes(2, "big")
            + self.random
            + vector8(self.session_id)
            + self.cipher_suite.to_bytes(2, "big")
            + self.compression_method.to_bytes(1, "big")
            + build_extensions(self.extensions)
        )


@dataclass(frozen=True, slots=True)
class CertificateMessage:
    """A chain of certificates, the sender's own first (RFC 5246 7.4.2)."""

    certificates: tuple[bytes, ...]
    """DER bytes; empty for a client that has no certificate."""

    @classmethod
    def parse(cls, body: bytes) -> CertificateMessage:
        """Read the body of a Certificate message.

        Raises:
            RemoteProtocolError: The body is malformed.
        """
        reader = Reader(body, "Certificate")
        chain = Reader(reader.vector24(), "Certificate")
        reader.finish()
        certificates: list[bytes] = []
        while chain.remaining:
            if len(certificates) == _CERTIFICATE_COUNT_LIMIT:
                raise RemoteProtocolError("Certificate holds too many certificates")
            certificates.append(chain.vector24(1))
        return cls(tuple(certificates))

    def serialize(self) -> bytes:
        """Build the body."""
        return vector24(b"".join(vector24(certificate) for certificate in self.certificates))


@dataclass(frozen=True, slots=True)
class ServerKeyExchange:
    """The server's ephemeral public key, signed (RFC 8422 5.4)."""

    group: int
    """Named group of the key."""
    public: bytes
    """Public key, in the group's encoding."""
    scheme: int
    """Signature scheme."""
    signature: bytes
    """Signature over both randoms and ``parameters``."""

    @classmethod
    def parse(cls, body: bytes) -> ServerKeyExchange:
        """Read the body of a ServerKeyExchange.

        Raises:
            RemoteProtocolError: The body is malformed or names no curve.
        """
        reader = Reader(body, "ServerKeyExchange")
        if reader.number(1) != NAMED_CURVE:
            raise RemoteProtocolError("ServerKeyExchange holds no named curve")
        exchange = cls(
            group=reader.number(2),
            public=reader.vector8(1),
            scheme=reader.number(2),
            signature=reader.vector16(),
        )
        reader.finish()
        return exchange

    @staticmethod
    def parameters(group: int, public: bytes) -> bytes:
        """Build the part that the signature covers."""
        return bytes([NAMED_CURVE]) + group.to_bytes(2, "big") + vector8(public)

    def serialize(self) -> bytes:
        """Build the body."""
        return (
            self.parameters(self.group, self.public)
            + self.scheme.to_bytes(2, "big")
            + vector16(self.signature)
        )


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """The server's request for a client certificate (RFC 5246 7.4.4)."""

    certificate_types: bytes
    """One byte per type (64 is ecdsa_sign)."""
    schemes: tuple[int, ...]
    """Signature schemes that the server verifies."""
    authorities: bytes
    """Distinguished names, undecoded: fingerprints decide, not authorities."""

    @classmethod
    def parse(cls, body: bytes) -> CertificateRequest:
        """Read the body of a CertificateRequest.

        Raises:
            RemoteProtocolError: The body is malformed.
        """
        reader = Reader(body, "CertificateRequest")
        request = cls(
            certificate_types=reader.vector8(1),
            schemes=reader.u16_list(),
            authorities=reader.vector16(),
        )
        reader.finish()
        return request

    def serialize(self) -> bytes:
        """Build the body."""
        return vector8(self.certificate_types) + u16_list(self.schemes) + vector16(self.authorities)


@dataclass(frozen=True, slots=True)
class ClientKeyExchange:
    """The client's ephemeral public key (RFC 8422 5.7)."""

    public: bytes
    """Public key, in the group's encoding."""

    @classmethod
    def parse(cls, body: bytes) -> ClientKeyExchange:
        """Read the body of a ClientKeyExchange.

        Raises:
            RemoteProtocolError: The body is malformed.
        """
        reader = Reader(body, "ClientKeyExchange")
        exchange = cls(public=reader.vector8(1))
        reader.finish()
        return exchange

    def serialize(self) -> bytes:
        """Build the body."""
        return vector8(self.public)


@dataclass(frozen=True, slots=True)
class CertificateVerify:
    """Proof that the client owns its certificate's key (RFC 5246 7.4.8)."""

    scheme: int
    """Signature scheme."""
    signature: bytes
    """Signature over all handshake messages so far."""

    @classmethod
    def parse(cls, body: bytes) -> CertificateVerify:
        """Read the body of a CertificateVerify.

        Raises:
            RemoteProtocolError: The body is malformed.
        """
        reader = Reader(body, "CertificateVerify")
        verify = cls(scheme=reader.number(2), signature=reader.vector16())
        reader.finish()
        return verify

    def serialize(self) -> bytes:
        """Build the body."""
        return self.scheme.to_bytes(2, "big") + vector16(self.signature)


def _session_id(reader: Reader) -> bytes:
    session_id = reader.vector8()
    if len(session_id) > _SESSION_ID_LIMIT:
        raise RemoteProtocolError("session id is too long")
    return session_id
