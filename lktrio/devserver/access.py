"""Who may ask: the access token of a request, checked as LiveKit's server checks it.

The texts are the server's own: clients show them, and tests of SDKs look for them. A request
without a token passes here and is refused where a grant is needed.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from typing import Any, cast

from lktrio._text import printable
from lktrio.auth import Claims, verify_token
from lktrio.devserver.http import HttpError, Request
from lktrio.errors import Expired, NotYetValid, TokenError

__all__ = ["authenticate"]

_BEARER = "Bearer "
_INVALID = "invalid authorization token"
_MAX_TOKEN = 256 * 1024  # characters; a room configuration is by far the largest part of one


def authenticate(request: Request, keys: Mapping[str, str]) -> Claims | None:
    """Return the claims of the request's token, or None if it has none.

    Args:
        request: With an ``Authorization`` header or an ``access_token`` parameter; the header wins.
        keys: API keys and their secrets.

    Raises:
        HttpError: 401; the token or the header is not acceptable.
    """
    header = request.headers.get("authorization")
    if header:
        if not header.startswith(_BEARER):
            raise HttpError(401, f"invalid authorization header. Must start with {_BEARER}")
        token = header[len(_BEARER) :]
    else:
        token = request.parameter("access_token")
    return _verify(token, keys) if token else None


def _verify(token: str, keys: Mapping[str, str]) -> Claims:
    header, payload = _parts(token)
    if keys.get(str(payload.get("iss"))) is None:
        raise HttpError(401, "invalid API key")
    algorithm = header.get("alg")
    if algorithm != "HS256":
        shown = printable(str(algorithm), 32)
        raise _refused(f"token signature is invalid: signing method {shown} is invalid")
    try:
        return verify_token(token, keys)
    except Expired:
        raise _refused("token has invalid claims: token is expired") from None
    except NotYetValid:
        raise _refused("token has invalid claims: token is not valid yet") from None
    except TokenError:
        raise _why_refused(token, payload, keys) from None


def _why_refused(token: str, payload: Mapping[str, Any], keys: Mapping[str, str]) -> HttpError:
    if payload.get("exp") is None and _is_signed(token, keys):
        missing = "token is missing required claim: exp claim is required"
        return _refused(f"token has invalid claims: {missing}")
    return _refused("token signature is invalid: signature is invalid")


def _is_signed(token: str, keys: Mapping[str, str]) -> bool:
    """Whether a token that cannot be accepted was at least signed by one of us."""
    signed, _, signature = token.rpartition(".")
    for secret in keys.values():
        digest = hmac.digest(secret.encode(), signed.encode(), "sha256")
        expected = base64.urlsafe_b64encode(digest).rstrip(b"=")
        if hmac.compare_digest(expected, signature.encode()):
            return True
    return False


def _refused(reason: str) -> HttpError:
    return HttpError(401, f"{_INVALID}: {reason}")


def _parts(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and payload of a token, unverified."""
    parts = token.split(".", 3)
    if len(parts) != 3 or len(token) > _MAX_TOKEN:
        raise HttpError(401, _INVALID)
    try:
        values: list[Any] = [json.loads(_base64url(part)) for part in parts[:2]]
    except (ValueError, RecursionError):
        raise HttpError(401, _INVALID) from None
    header, payload = values
    if not isinstance(header, dict) or not isinstance(payload, dict):
        raise HttpError(401, _INVALID)
    return cast("dict[str, Any]", header), cast("dict[str, Any]", payload)


def _base64url(part: str) -> bytes:
    return base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True)
