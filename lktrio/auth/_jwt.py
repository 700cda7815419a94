"""JSON Web Tokens with HMAC-SHA-256 (RFC 7519, RFC 7515 compact form, alg HS256), nothing else.

The signature is compared as text and in constant time, so that every token has exactly one
accepted spelling; only white space around it, such as the line end of a file, is not looked at.
Payload and header are read before the signature is checked, because the payload names the key;
nothing of them is used before.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from typing import Any, cast

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC

from lktrio.errors import InvalidSignature, Malformed

__all__ = ["UnverifiedToken", "sign"]

ALGORITHM = "HS256"
MAX_TOKEN = 256 * 1024
"""Characters of a token; a room configuration is by far the largest part of one."""

_SHA256 = hashes.SHA256()
_HEADER = {"alg": ALGORITHM, "typ": "JWT"}
_encode_json = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


def sign(claims: dict[str, Any], secret: str) -> str:
    """The signed token with these claims."""
    signed = b"%s.%s" % (_ENCODED_HEADER, _base64url(_encode_json(claims).encode()))
    return (b"%s.%s" % (signed, _signature(signed, secret))).decode("ascii")


class UnverifiedToken:
    """A token taken apart.

    Attributes:
        claims: The payload, of which nothing is proven yet.

    Raises:
        Malformed: The text is not a token.
        InvalidSignature: The algorithm is not HS256, or the header asks for an extension.
    """

    __slots__ = ("_signature", "_signed", "claims")

    def __init__(self, token: str) -> None:
        signed, signature = _split(token)
        header, _, payload = signed.partition(b".")
        if header != _ENCODED_HEADER:
            _check_header(_json_object(header, "header"))
        self.claims = _json_object(payload, "payload")
        self._signed = signed
        self._signature = signature

    def is_signed_with(self, secret: str) -> bool:
        """Whether the signature was made with ``secret``."""
        return hmac.compare_digest(self._signature, _signature(self._signed, secret))


def _split(token: object) -> tuple[bytes, bytes]:
    """What is signed, and the signature."""
    if not isinstance(token, str):
        raise TypeError(f"a token is a str, not {type(token).__name__}")
    if len(token) > MAX_TOKEN:
        raise Malformed(f"the token is longer than {MAX_TOKEN} characters")
    try:
        data = token.strip().encode("ascii")
    except UnicodeEncodeError:
        raise Malformed("the token has characters that no token has") from None
    if data.count(b".") != 2:
        raise Malformed("a token is three parts with dots between them")
    signed, _, signature = data.rpartition(b".")
    return signed, signature


def _check_header(header: dict[str, Any]) -> None:
    if header.get("alg") != ALGORITHM:
        raise InvalidSignature(f"the token is not signed with {ALGORITHM}")
    if "crit" in header:
        raise InvalidSignature("the token needs extensions that are not supported")


def _json_object(part: bytes, name: str) -> dict[str, Any]:
    try:
        value: object = json.loads(_unbase64url(part))
    except (ValueError, RecursionError):
        raise Malformed(f"the {name} of the token is not JSON in base64url") from None
    if not isinstance(value, dict):
        raise Malformed(f"the {name} of the token is not a JSON object")
    return cast("dict[str, Any]", value)


def _signature(signed: bytes, secret: str) -> bytes:
    mac = HMAC(secret.encode(), _SHA256)
    mac.update(signed)
    return _base64url(mac.finalize())


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _unbase64url(text: bytes) -> bytes:
    """Raises ValueError for anything but the one spelling of some bytes."""
    data = binascii.a2b_base64(text.translate(_STANDARD_ALPHABET) + b"=" * (-len(text) % 4))
    if _base64url(data) != text:
        raise ValueError("not base64url")
    return data


_STANDARD_ALPHABET = bytes.maketrans(b"-_", b"+/")
_ENCODED_HEADER = _base64url(_encode_json(_HEADER).encode())
