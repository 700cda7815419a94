"""Data channels between our peer and aiortc's, beside nothing else or beside media."""

from __future__ import annotations

import hashlib

import pytest
import trio

from tests.interop.support.call import Call, Offerer, open_aiortc_call

pytest.importorskip("aiortc", reason="aiortc is not installed")

LIMIT = 60
LARGE = bytes(range(256)) * 240  # 61,440 bytes
SMALL = [f"message {number}" for number in range(200)]

both_ways = pytest.mark.parametrize("offerer", ["we offer", "they offer"])


async def connect(call: Call, offerer: Offerer) -> None:
    """Connect with one channel opened by each side."""
    call.host.peer.create_data_channel("ours")
    await call.other.tell("channel", label="theirs")
    await call.negotiate(offerer)
    await call.wait_connected()
    await call.host.wait_channel("ours")
    await call.host.wait_channel("theirs")
    await call.other.wait("channel", label="ours", state="open")
    await call.other.wait("channel", label="theirs", state="open")


@both_ways
async def test_aiortc_receives_text_and_bytes(offerer: Offerer) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await connect(call, offerer)
            for label in ("ours", "theirs"):
                channel = await call.host.wait_channel(label)
                for message in ("grüß dich", b"\x00\xff", "", b"", LARGE):
                    channel.send(message, trio.current_time())
                call.host.driver.flush()
                await call.other.wait("message", label=label, size=len(LARGE))
                received = call.other.matching("message", label=label)
                assert [(entry["text"], entry["head"]) for entry in received[:4]] == [
                    (True, "grüß dich".encode().hex()),
                    (False, "00ff"),
                    (True, ""),
                    (False, ""),
                ]
                assert received[4]["digest"] == hashlib.sha256(LARGE).hexdigest()


@both_ways
async def test_we_receive_text_and_bytes(offerer: Offerer) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await connect(call, offerer)
            for label in ("ours", "theirs"):
                await call.other.tell("send", label=label, text="grüß dich")
                await call.other.tell("send", label=label, data="00ff")
                await call.other.tell("send", label=label, text="")
                await call.other.tell("send", label=label, data="")
                await call.other.tell("send", label=label, data=LARGE.hex())
                await call.host.wait(lambda name=label: len(call.host.messages(name)) == 5)  # type: ignore[misc]
                received = [(m.binary, m.data) for m in call.host.messages(label)]
                assert received == [
                    (False, "grüß dich".encode()),
                    (True, b"\x00\xff"),
                    (False, b""),
                    (True, b""),
                    (True, LARGE),
                ]


@both_ways
async def test_many_small_messages_arrive_in_order_both_ways(offerer: Offerer) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await connect(call, offerer)
            channel = await call.host.wait_channel("ours")
            for text in SMALL:
                channel.send(text, trio.current_time())
                await call.other.tell("send", label="ours", text=text)
            call.host.driver.flush()
            await call.host.wait(lambda: len(call.host.messages("ours")) == len(SMALL))
            assert [message.data.decode() for message in call.host.messages("ours")] == SMALL
            last = SMALL[-1].encode().hex()
            await call.other.wait("message", head=last)
            received = call.other.matching("message", label="ours")
            assert [bytes.fromhex(entry["head"]).decode() for entry in received] == SMALL


async def test_the_reliability_of_a_channel_is_announced_both_ways() -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            call.host.peer.create_data_channel("ours", ordered=False, max_retransmits=0)
            await call.other.tell("channel", label="theirs", ordered=False, maxRetransmits=3)
            await call.negotiate("we offer")
            theirs = await call.host.wait_channel("theirs")
            assert (theirs.ordered, theirs.max_retransmits) == (False, 3)
            ours = await call.other.wait("channel", label="ours", state="open")
            assert (ours["ordered"], ours["retransmits"]) == (False, 0)


async def test_a_channel_closes_for_both() -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            await connect(call, "we offer")
            channel = await call.host.wait_channel("ours")
            channel.close(trio.current_time())
            call.host.driver.flush()
            await call.other.wait("channel", label="ours", state="closed")
            await call.other.tell("close_channel", label="theirs")
            theirs = await call.host.wait_channel("theirs")
            await call.host.wait(lambda: (channel.state, theirs.state) == ("closed", "closed"))
