"""The network of the machine that the tests run on."""

from __future__ import annotations

import sys

import pytest

from lktrio.net import SystemNetwork


async def test_the_environment_says_which_proxy_the_machine_uses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hush@proxy:3128")
    monkeypatch.setenv("NO_PROXY", "example.org")
    network = SystemNetwork()
    assert network.proxy_for("wss://example.com") == "http://me:hush@proxy:3128"
    assert network.proxy_for("wss://www.example.org") == ""
    assert network.proxy_for("wss://127.0.0.1:7880") == ""


@pytest.mark.skipif(sys.platform != "linux", reason="127.0.0.2 is an address on Linux")
async def test_a_connection_comes_from_the_address_that_is_asked_for() -> None:
    network = SystemNetwork()
    (listener,) = await network.listen_tcp("127.0.0.1")
    async with listener:
        for address in ("127.0.0.2", None):
            stream = await network.open_tcp_stream(*listener.address, local_address=address)
            async with stream, await listener.accept() as accepted:
                assert accepted.remote_address[0] == (address or "127.0.0.1")
        with pytest.raises(OSError, match="all attempts to connect"):
            await network.open_tcp_stream(*listener.address, local_address="192.0.2.1")
