"""A receiver needs no HTTP client."""

from __future__ import annotations

import subprocess
import sys


def test_no_http_client_is_loaded() -> None:
    program = (
        "import sys; from lktrio.webhooks import *; receiver = WebhookReceiver({'k': 's'});"
        "asgi_app(receiver, print); WebhookSender('http://localhost/', 'k', 's');"
        "print([name for name in ('httpx', 'asyncio', 'lktrio.room') if name in sys.modules])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert loaded == "[]\n"
