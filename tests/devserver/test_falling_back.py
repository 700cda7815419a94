"""A publisher may want everybody to get the backup codec once it is needed, instead of both.

The same on the embedded server as on a real one, if there is one.
"""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import trio

from lktrio import proto
from lktrio.rtc.capabilities import H264, VP8
from tests.support.caller import KEYFRAME, Caller, Mode, Published, open_caller
from tests.support.places import Place, open_place
from tests.support.servers import SERVERS
from tests.support.signal_client import joined

LIMIT = 30
CODECS = [
    proto.SimulcastCodec(codec="h264", cid="film"),
    proto.SimulcastCodec(codec="vp8", cid="film-vp8"),
]
LAYERS = [proto.VideoLayer(quality=proto.VideoQuality.HIGH, width=640, height=480)]
IDR = bytes((0, 0, 0, 1, 0x67, 66, 0, 31, 0, 0, 0, 1, 0x68, 1, 0, 0, 0, 1, 0x65)) + bytes(20)
Policy = proto.BackupCodecPolicy

pytestmark = [pytest.mark.virtual_time, pytest.mark.parametrize("which", SERVERS)]


class Film:
    """A track in two codecs, played for ever once it is there."""

    def __init__(self, caller: Caller, policy: proto.BackupCodecPolicy) -> None:
        self.caller = caller
        self.policy = policy
        self.sent: list[tuple[Published, bytes]] = []
        self.sid = ""

    async def publish(self) -> None:
        first = await self.caller.publish(
            "video/H264",
            "film",
            simulcast_codecs=CODECS,
            backup_codec_policy=self.policy,
            layers=LAYERS,
        )
        self.sid = first.sid
        self.sent.append((first, IDR))

    async def publish_backup(self) -> None:
        backup = await self.caller.publish(
            "video/VP8", "film-vp8", sid=self.sid, simulcast_codecs=CODECS[1:]
        )
        self.sent.append((backup, KEYFRAME))

    async def play(self) -> None:
        while True:
            for track, data in self.sent:
                track.send(data)
            await trio.sleep(0.1)

    async def wanted(self, **codecs: bool) -> None:
        """Wait until the publisher is told to send just these."""

        def fits(update: proto.SubscribedQualityUpdate) -> bool:
            told = {c.codec: any(q.enabled for q in c.qualities) for c in update.subscribed_codecs}
            return told == codecs

        await self.caller.client.wait_for("subscribed_quality_update", fits)


async def watch(caller: Caller, film: Film, data: bytes) -> None:
    """Wait for a frame of the film that begins like this, whatever carries it."""

    def came() -> bool:
        frames = caller.frames.get(film.sid, [])
        return any(frame.data.startswith(data) or frame.data.endswith(data) for frame in frames)

    await caller.wait(came)


async def run_film(stack: AsyncExitStack, caller: Caller, policy: proto.BackupCodecPolicy) -> Film:
    film = Film(caller, policy)
    await film.publish()
    nursery = await stack.enter_async_context(trio.open_nursery())
    stack.callback(nursery.cancel_scope.cancel)
    nursery.start_soon(film.play)
    return film


async def need_backup(stack: AsyncExitStack, server: Place, film: Film) -> None:
    """Let somebody come who can take the backup codec alone, and get it."""
    carol = await stack.enter_async_context(
        open_caller(server, "carol", "v0", server.room, video_codecs=(VP8,))
    )
    await film.wanted(h264=True, vp8=True)
    await film.publish_backup()
    await watch(carol, film, KEYFRAME)


SLICE = bytes((0x65,)) + bytes(20)


@pytest.mark.parametrize(
    ("mode", "policy"), [("v1", Policy.REGRESSION), ("v0", Policy.PREFER_REGRESSION)]
)
async def test_everybody_gets_the_backup_codec(
    which: str, mode: Mode, policy: proto.BackupCodecPolicy
) -> None:
    both = (H264, VP8)
    with trio.fail_after(LIMIT):
        async with open_place(which) as server, AsyncExitStack() as stack:
            alice = await stack.enter_async_context(open_caller(server, "alice", "v0", server.room))
            bob = await stack.enter_async_context(
                open_caller(server, "bob", mode, server.room, video_codecs=both)
            )
            film = await run_film(stack, alice, policy)
            await watch(bob, film, SLICE)
            await need_backup(stack, server, film)
            await watch(bob, film, KEYFRAME)
            await film.wanted(h264=False, vp8=True)
            dave = await stack.enter_async_context(
                open_caller(server, "dave", "v0", server.room, video_codecs=both)
            )
            await watch(dave, film, KEYFRAME)


@pytest.mark.parametrize(
    ("policy", "others"), [(Policy.SIMULCAST, 0), (Policy.PREFER_REGRESSION, 2)]
)
async def test_both_codecs_are_sent_side_by_side(
    which: str, policy: proto.BackupCodecPolicy, others: int
) -> None:
    with trio.fail_after(LIMIT):
        async with open_place(which) as server, AsyncExitStack() as stack:
            for number in range(others):
                await stack.enter_async_context(joined(server, f"other {number}", server.room))
            alice = await stack.enter_async_context(open_caller(server, "alice", "v0", server.room))
            bob = await stack.enter_async_context(open_caller(server, "bob", "v0", server.room))
            film = await run_film(stack, alice, policy)
            await watch(bob, film, SLICE)
            await need_backup(stack, server, film)
            bob.frames.clear()
            await watch(bob, film, SLICE)
            assert not any(frame.data == KEYFRAME for frame in bob.frames[film.sid])
