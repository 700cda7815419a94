"""STUN servers are found by their URLs."""

from __future__ import annotations

import pytest

from lktrio.net.gathering import parse_stun_url


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("stun:stun.example.com:19302", ("stun.example.com", 19302)),
        ("stun:stun.example.com", ("stun.example.com", 3478)),
        ("STUN:192.0.2.1:3478", ("192.0.2.1", 3478)),
        ("stun:[2001:db8::1]:3479", ("2001:db8::1", 3479)),
        ("stun:[2001:db8::1]", ("2001:db8::1", 3478)),
        ("stun:2001:db8::1", ("2001:db8::1", 3478)),
        ("turn:turn.example.com:3478?transport=udp", None),
        ("stuns:stun.example.com", None),
        ("stun:", None),
        ("stun:host:0", None),
        ("stun:host:65536", None),
        ("stun:host:many", None),
        ("", None),
    ],
)
def test_a_stun_url_names_host_and_port(url: str, server: tuple[str, int] | None) -> None:
    assert parse_stun_url(url) == server
