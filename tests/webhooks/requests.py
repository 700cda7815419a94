"""Webhook requests: those of a real server, and ones made up for a test."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from lktrio.auth import AccessToken
from lktrio.webhooks import WebhookReceiver

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
KEYS = {KEY: SECRET}
RECORDING = Path(__file__).parent.parent / "data" / "webhooks" / "events.jsonl"
RECORDED_AT = 1795454810.0
"""When the first recorded request was signed; the others follow within two minutes."""


class Request(NamedTuple):
    body: bytes
    authorization: str
    headers: dict[str, str]


def recorded() -> list[Request]:
    lines = [json.loads(line) for line in RECORDING.read_text(encoding="utf-8").splitlines()]
    requests = [(line["body"].encode(), dict(line["headers"])) for line in lines]
    return [Request(body, headers["Authorization"], headers) for body, headers in requests]


def recorded_receiver(**options: Any) -> WebhookReceiver:
    """A receiver at the time of the recording."""
    return WebhookReceiver(KEYS, clock=lambda: RECORDED_AT + 60, **options)


def token_for(
    body: bytes, *, key: str = KEY, secret: str = SECRET, now: float | None = None, **claims: Any
) -> str:
    """A token for a body, made without the code that is tested."""
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    claims = {"sha256": digest, "ttl": timedelta(minutes=5), **claims}
    return AccessToken(**claims).to_jwt(key, secret, now=now)


def event_body(event: str = "room_started", **fields: Any) -> bytes:
    return json.dumps({"event": event, "id": "EV_1", "createdAt": "1", **fields}).encode()
