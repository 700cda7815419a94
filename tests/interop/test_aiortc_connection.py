"""Our peer and aiortc's connect in every distribution of roles, and end for one another."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import trio

from lktrio.rtc.dtls import DtlsOptions
from lktrio.rtc.peer import PeerConfig
from lktrio.rtc.transport import TransportOptions, TransportState
from tests.interop.support.call import Call, Offerer, open_aiortc_call

pytest.importorskip("aiortc", reason="aiortc is not installed")

LIMIT = 60


async def offer_channel(call: Call, offerer: Offerer) -> None:
    """Give the offer something to negotiate."""
    if offerer == "we offer":
        call.host.peer.create_data_channel("chat")
    else:
        await call.other.tell("channel", label="chat")


async def check_data(call: Call) -> None:
    channel = await call.host.wait_channel("chat")
    channel.send("hello", trio.current_time())
    call.host.driver.flush()
    await call.other.wait("message", label="chat", size=5)


def with_setup(value: str) -> Callable[[str], str]:
    return lambda sdp: sdp.replace("a=setup:actpass", f"a=setup:{value}")


@pytest.mark.parametrize("offerer", ["we offer", "they offer"])
@pytest.mark.parametrize("setup", ["actpass", "active", "passive"])
async def test_connects_in_every_role(offerer: Offerer, setup: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await offer_channel(call, offerer)
            await call.negotiate(offerer, with_setup(setup))
            await call.wait_connected()
            await check_data(call)


@pytest.mark.parametrize("offerer", ["we offer", "they offer"])
async def test_connects_as_a_lite_agent(offerer: Offerer) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call(PeerConfig(transport=TransportOptions(ice_lite=True))) as call:
            await offer_channel(call, offerer)
            await call.negotiate(offerer)
            await call.wait_connected()
            await check_data(call)


@pytest.mark.parametrize("profile", [0x0007, 0x0008, 0x0001])
async def test_connects_with_each_srtp_profile(profile: int) -> None:
    dtls = DtlsOptions(srtp_profiles=(profile,))
    with trio.fail_after(LIMIT):
        async with open_aiortc_call(PeerConfig(transport=TransportOptions(dtls=dtls))) as call:
            await call.other.tell("send_media", kind="audio", mime="audio/opus")
            await call.negotiate("they offer")
            (transceiver,) = call.host.peer.transceivers
            await call.host.wait(lambda: len(call.host.frames.get(transceiver, [])) >= 10)


@pytest.mark.parametrize("offerer", ["we offer", "they offer"])
async def test_notices_that_aiortc_closes(offerer: Offerer) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await offer_channel(call, offerer)
            await call.negotiate(offerer)
            await call.wait_connected()
            await check_data(call)
            await call.other.tell("close")
            await call.host.wait(lambda: call.host.peer.state is TransportState.CLOSED)
            await call.other.wait("closed")


@pytest.mark.parametrize("offerer", ["we offer", "they offer"])
async def test_aiortc_notices_that_we_close(offerer: Offerer) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await offer_channel(call, offerer)
            await call.negotiate(offerer)
            await call.wait_connected()
            await check_data(call)
            call.host.driver.close()
            await call.other.wait("state", state="closed")
            await call.other.wait("channel", label="chat", state="closed")


async def test_a_wrong_fingerprint_fails_the_connection() -> None:
    def forge(sdp: str) -> str:
        lines = sdp.splitlines(keepends=True)
        return "".join(
            f"a=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\n"
            if line.startswith("a=fingerprint:sha-256")
            else line
            for line in lines
            if not line.startswith(("a=fingerprint:sha-384", "a=fingerprint:sha-512"))
        )

    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await offer_channel(call, "they offer")
            await call.negotiate("they offer", forge)
            await call.host.wait(lambda: call.host.peer.state is TransportState.FAILED)
            assert not call.other.matching("channel", state="open")
