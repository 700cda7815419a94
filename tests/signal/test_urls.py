"""URLs of servers, with the mistakes that people make in them."""

from __future__ import annotations

from typing import Any

import pytest

from lktrio.signal.urls import SignalUrl


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("", "pass one like wss://"),
        ("example.livekit.cloud", "start it with wss://"),
        ("localhost:7880", "start it with wss://"),
        ("ftp://example.com", "start it with wss://"),
        ("ws://", "names no host"),
        ("ws://:7880", "names no host"),
        ("ws://user:secret@example.com", "pass a token"),
        ("ws://user:secret@example.com:many", "pass a token"),
        ("ftp://user:secret@example.com", "pass a token"),
        ("ws://example.com:99999", "Port out of range"),
        ("ws://example.com:many", "Port could not be cast"),
        ("ws://[::1", "Invalid IPv6 URL"),
        ("ws://example..com", "cannot exist: 'example..com'"),
        (f"ws://{'a' * 64}.com", "cannot exist"),
        ("ws://\udcff.com", "cannot exist"),
    ],
)
def test_what_is_no_url_is_refused_with_the_reason(url: str, hint: str) -> None:
    with pytest.raises(ValueError, match=hint) as refused:
        SignalUrl.parse(url)
    assert type(refused.value) is ValueError
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("url", [None, 7880, b"ws://example.com"])
def test_what_is_no_text_is_refused_too(url: Any) -> None:
    with pytest.raises(ValueError, match="pass one like wss://"):
        SignalUrl.parse(url)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("ws://example.com", "example.com", 80),
        ("wss://example.com", "example.com", 443),
        ("  https://example.com:7443/livekit/ ", "example.com", 7443),
        ("http://[::1]:7880", "::1", 7880),
        ("ws://bücher.example", "bücher.example", 80),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int) -> None:
    found = SignalUrl.parse(url)
    assert (found.host, found.port) == (host, port)
