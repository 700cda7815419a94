"""Data and media between our peer and those of Node.js: libdatachannel and werift."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from lktrio.media import OPUS, VP8, Codec
from lktrio.rtc.capabilities import MediaKind
from lktrio.rtc.transceiver import Transceiver
from tests.interop.support.call import Call, Offerer
from tests.interop.support.child import open_program
from tests.interop.support.host import open_host, sample_frames
from tests.interop.support.reports import Report

NODE = shutil.which("node")
MODULES = os.environ.get("LKTRIO_NODE_MODULES", "")
PROGRAMS = Path(__file__).parent / "support" / "node"
LIMIT = 30
LARGE = bytes(range(256)) * 240  # 61,440 bytes
SMALL = [f"message {number}" for number in range(100)]

pytestmark = pytest.mark.skipif(
    NODE is None or not MODULES,
    reason="node, or LKTRIO_NODE_MODULES (with node-datachannel and werift), is missing",
)
peers = pytest.mark.parametrize(
    ("package", "program"),
    [("node-datachannel", "libdatachannel"), ("werift", "werift")],
    ids=["libdatachannel", "werift"],
)
KINDS: dict[MediaKind, Codec] = {"audio": OPUS, "video": VP8}
PAYLOAD_TYPES: dict[MediaKind, int] = {"audio": 111, "video": 96}
NAMES: dict[MediaKind, str] = {"audio": "Opus", "video": "VP8"}
LATE = 5  # frames that may go before the other end is there
EVERYTHING: list[str | bytes] = ["grüß dich", b"\x00\xff", LARGE, *SMALL]
EACH_OFFERER: tuple[Offerer, ...] = ("we offer", "they offer")


@asynccontextmanager
async def open_call(package: str, program: str) -> AsyncGenerator[Call, None]:
    """Both ends, not connected yet, for the time of the block."""
    if not (Path(MODULES) / package).is_dir():
        pytest.skip(f"{package} is not installed in LKTRIO_NODE_MODULES")
    command = [str(NODE), str(PROGRAMS / f"{program}.cjs")]
    environment = os.environ | {"NODE_PATH": MODULES}
    with trio.fail_after(LIMIT):
        async with (
            open_host() as host,
            open_program(command, name=program, env=environment) as other,
        ):
            await other.wait("ready")
            yield Call(host, other)


@peers
async def test_data_both_ways(package: str, program: str) -> None:
    for offerer in EACH_OFFERER:
        async with open_call(package, program) as call:
            await connect(call, offerer)
            for label in ("ours", "theirs"):
                channel = await call.host.wait_channel(label)
                for message in EVERYTHING:
                    channel.send(message, trio.current_time())
                call.host.driver.flush()
                await call.other.tell("send", label=label, text="grüß dich")
                await call.other.tell("send", label=label, data="00ff")
                await call.other.tell("send", label=label, data=LARGE.hex())
                for text in SMALL:
                    await call.other.tell("send", label=label, text=text)
                check_received(call, label, await wait_messages(call, label))


def check_received(call: Call, label: str, theirs: list[Report]) -> None:
    """Everything has arrived at both ends, whole and in order."""
    assert [(one["text"], one["head"]) for one in theirs[:2]] == [
        (True, "grüß dich".encode().hex()),
        (False, "00ff"),
    ]
    assert theirs[2]["digest"] == hashlib.sha256(LARGE).hexdigest()
    assert [bytes.fromhex(one["head"]).decode() for one in theirs[3:]] == SMALL
    ours = call.host.messages(label)
    assert [(one.binary, one.data) for one in ours[:3]] == [
        (False, "grüß dich".encode()),
        (True, b"\x00\xff"),
        (True, LARGE),
    ]
    assert [one.data.decode() for one in ours[3:]] == SMALL


async def wait_messages(call: Call, label: str) -> list[Report]:
    """Wait for the last messages of both ends; what the other end has received."""
    count = len(SMALL) + 3
    await call.host.wait(lambda: len(call.host.messages(label)) == count)
    last = SMALL[-1].encode().hex()
    await call.other.wait("message", label=label, head=last)
    return call.other.matching("message", label=label)


async def connect(call: Call, offerer: Offerer) -> None:
    """Connect with one channel opened by each side."""
    call.host.peer.create_data_channel("ours")
    await call.other.tell("channel", label="theirs")
    await call.negotiate(offerer)
    await call.wait_connected()
    for label in ("ours", "theirs"):
        await call.host.wait_channel(label)
        await call.other.wait("channel", label=label, state="open")


@peers
async def test_channels_with_other_reliability_and_their_end(package: str, program: str) -> None:
    async with open_call(package, program) as call:
        call.host.peer.create_data_channel("ours", ordered=False, max_retransmits=0)
        await call.other.tell("channel", label="theirs", maxRetransmits=3)
        await call.negotiate("we offer")
        ours = await call.host.wait_channel("ours")
        theirs = await call.host.wait_channel("theirs")
        assert (theirs.ordered, theirs.max_retransmits) == (True, 3)
        await call.other.wait("channel", label="ours", state="open")
        ours.close(trio.current_time())
        call.host.driver.flush()
        await call.other.wait("channel", label="ours", state="closed")
        await call.other.tell("close_channel", label="theirs")
        await call.host.wait(lambda: (ours.state, theirs.state) == ("closed", "closed"))


@peers
async def test_media_comes_back_as_it_was_sent(package: str, program: str) -> None:
    for kind, codec in KINDS.items():
        _, frames = await sample_frames(kind)
        for offerer in EACH_OFFERER:
            async with open_call(package, program) as call:
                section = await open_media(call, offerer, kind, codec)
                sent = frames[:25]
                await call.host.play(section, codec, sent)
                wanted = len(sent) - LATE
                await call.host.wait(lambda: len(call.host.frames.get(section, ())) >= wanted)  # noqa: B023
                received = [frame.data for frame in call.host.frames[section]]
                begin = [frame.data for frame in sent].index(received[0])
                assert begin <= LATE, (kind, offerer)
                assert received == [frame.data for frame in sent][begin:][: len(received)]


async def open_media(call: Call, offerer: Offerer, kind: MediaKind, codec: Codec) -> Transceiver:
    """Connect with one section that both send in."""
    peer = call.host.peer

    def send() -> None:
        peer.set_local_track(peer.transceivers[0], "stream", "track")

    if offerer == "we offer":
        peer.add_transceiver(kind, "sendrecv")
        send()
    await call.other.tell("media", kind=kind, codec=NAMES[kind], payloadType=PAYLOAD_TYPES[kind])
    await call.negotiate(offerer, answering=send)
    await call.wait_connected()
    return peer.transceivers[0]
