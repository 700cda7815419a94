"""TURN servers are found by their URLs (RFC 7065)."""

from __future__ import annotations

from lktrio.net.relaying import IceServer, TurnUrl, has_turn, parse_turn_url

URLS = {
    "turn:turn.example.org": TurnUrl("turn.example.org", 3478, "udp"),
    "turn:turn.example.org:3479?transport=udp": TurnUrl("turn.example.org", 3479, "udp"),
    "TURN:192.0.2.1?transport=tcp": TurnUrl("192.0.2.1", 3478, "tcp"),
    "turns:turn.example.org": TurnUrl("turn.example.org", 5349, "tls"),
    "turns:turn.example.org:443?transport=tcp": TurnUrl("turn.example.org", 443, "tls"),
    "turns:[2001:db8::1]:443": TurnUrl("2001:db8::1", 443, "tls"),
    "turn:[2001:db8::1]": TurnUrl("2001:db8::1", 3478, "udp"),
    "turns:[2001:db8::1]": TurnUrl("2001:db8::1", 5349, "tls"),
    "turns:turn.example.org?transport=udp": None,
    "turn:turn.example.org?transport=sctp": None,
    "turn:turn.example.org:port": None,
    "turn:turn.example.org:99999": None,
    "turn:": None,
    "stun:turn.example.org": None,
    "https://turn.example.org": None,
    "": None,
}


def test_urls_of_turn_servers() -> None:
    for url, expected in URLS.items():
        assert parse_turn_url(url) == expected, url
        assert has_turn([IceServer(["stun:x", url])]) is (expected is not None), url


def test_a_password_is_not_shown() -> None:
    assert "hush" not in repr(IceServer(["turn:x"], "me", "hush"))
