"""A receiver needs no HTTP client."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "use",
    [
        "WebhookReceiver({'k': 's'})",
        "asgi_app(WebhookReceiver({'k': 's'}), print)",
        "WebhookSender('http://localhost/', 'k', 's')",
    ],
)
def test_no_http_client_is_loaded(use: str) -> None:
    program = (
        f"import sys; from lktrio.webhooks import *; {use};"
        "print([name for name in ('httpx', 'asyncio', 'lktrio.room') if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert loaded == "[]\n"
