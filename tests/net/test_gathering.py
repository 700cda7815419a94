"""STUN servers are found by their URLs."""

from __future__ import annotations

import datetime
import os

import pytest
import trio

from lktrio.net.driver import PeerDriver
from lktrio.net.gathering import gather_reflexive, parse_stun_url
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig


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


@pytest.mark.parametrize("host", ["a..b", "a" * 64 + ".example", "\udcff.example", "a\0b", "%", ""])
async def test_a_name_that_cannot_exist_is_left_out(host: str) -> None:
    """The server tells the names, so nothing about them may end the call."""
    peer = Peer(
        PeerConfig(),
        certificate=Certificate.generate(datetime.datetime.now(datetime.UTC)),
        random=os.urandom,
        ntp_offset=0.0,
    )
    driver = PeerDriver(peer, lambda _: None, ["127.0.0.1"])
    try:
        with trio.fail_after(10):
            urls = [f"stun:{host}:3478", f"stun:{host}"]
            await gather_reflexive(driver, urls, SYSTEM_NETWORK)
    finally:
        driver.close()
    assert peer.local_candidates
