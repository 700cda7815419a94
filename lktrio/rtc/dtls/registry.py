"""Names of the numbers on the wire.

Theory of operation: tables only. Numbers that are not listed here (GREASE of RFC 8701, hybrid
key exchange, TLS 1.3 suites) are legal in every list a peer sends and are skipped, so lists are
kept as plain integers and compared with these names.

Sources: IANA "Transport Layer Security (TLS) Parameters"; RFC 5246 (7.2, 7.4, A), RFC 6347 (4.1),
RFC 8422 (5.1), RFC 5764 (4.1.2), RFC 7627, RFC 5746.
"""

from __future__ import annotations

from enum import IntEnum

__all__ = [
    "DTLS_1_0",
    "DTLS_1_2",
    "DTLS_1_2_MAJOR",
    "EMPTY_RENEGOTIATION_INFO_SCSV",
    "NAMED_CURVE",
    "NULL_COMPRESSION",
    "UNCOMPRESSED_POINT",
    "AlertDescription",
    "AlertLevel",
    "ContentType",
    "ExtensionType",
    "NamedGroup",
    "HandshakeType",
    "SignatureScheme",
]

DTLS_1_0 = 0xFEFF
DTLS_1_2 = 0xFEFD
DTLS_1_2_MAJOR = 0xFE

EMPTY_RENEGOTIATION_INFO_SCSV = 0x00FF  # RFC 5746 3.3
NULL_COMPRESSION = 0  # RFC 5246 7.4.1.2; compression leaks plaintext (CRIME), so nothing else
UNCOMPRESSED_POINT = 0  # RFC 8422 5.1.2
NAMED_CURVE = 3  # RFC 8422 5.4, ECCurveType; explicit curves are forbidden


class ContentType(IntEnum):
    """What a record carries (RFC 5246 6.2.1)."""

    CHANGE_CIPHER_SPEC = 20
    ALERT = 21
    HANDSHAKE = 22
    APPLICATION_DATA = 23


class HandshakeType(IntEnum):
    """Handshake messages of DTLS 1.2 that a full handshake may hold (RFC 6347 4.2.2)."""

    HELLO_REQUEST = 0
    CLIENT_HELLO = 1
    SERVER_HELLO = 2
    HELLO_VERIFY_REQUEST = 3
    CERTIFICATE = 11
    SERVER_KEY_EXCHANGE = 12
    CERTIFICATE_REQUEST = 13
    SERVER_HELLO_DONE = 14
    CERTIFICATE_VERIFY = 15
    CLIENT_KEY_EXCHANGE = 16
    FINISHED = 20


class AlertLevel(IntEnum):
    """How grave an alert is (RFC 5246 7.2)."""

    WARNING = 1
    FATAL = 2


class AlertDescription(IntEnum):
    """What an alert says (RFC 5246 7.2, RFC 8446 6)."""

    CLOSE_NOTIFY = 0
    UNEXPECTED_MESSAGE = 10
    BAD_RECORD_MAC = 20
    RECORD_OVERFLOW = 22
    HANDSHAKE_FAILURE = 40
    BAD_CERTIFICATE = 42
    UNSUPPORTED_CERTIFICATE = 43
    CERTIFICATE_REVOKED = 44
    CERTIFICATE_EXPIRED = 45
    CERTIFICATE_UNKNOWN = 46
    ILLEGAL_PARAMETER = 47
    UNKNOWN_CA = 48
    ACCESS_DENIED = 49
    DECODE_ERROR = 50
    DECRYPT_ERROR = 51
    PROTOCOL_VERSION = 70
    INSUFFICIENT_SECURITY = 71
    INTERNAL_ERROR = 80
    USER_CANCELED = 90
    NO_RENEGOTIATION = 100
    UNSUPPORTED_EXTENSION = 110


class ExtensionType(IntEnum):
    """Hello extensions that are offered, answered or looked at."""

    SUPPORTED_GROUPS = 10
    EC_POINT_FORMATS = 11
    SIGNATURE_ALGORITHMS = 13
    USE_SRTP = 14
    EXTENDED_MASTER_SECRET = 23
    SUPPORTED_VERSIONS = 43
    RENEGOTIATION_INFO = 0xFF01


class NamedGroup(IntEnum):
    """Groups of the ephemeral key exchange (RFC 8422 5.1.1)."""

    SECP256R1 = 0x0017
    SECP384R1 = 0x0018
    X25519 = 0x001D


class SignatureScheme(IntEnum):
    """Signatures of certificates' keys (RFC 5246 7.4.1.4.1, RFC 8446 4.2.3)."""

    ECDSA_SHA256 = 0x0403
    ECDSA_SHA384 = 0x0503
    ECDSA_SHA512 = 0x0603
