"""Clients that hear of a track by its first packet hear of muted ones too."""

from __future__ import annotations

import pytest
import trio

from lktrio.devserver import open_dev_server
from tests.devserver.caller import Caller, open_caller
from tests.devserver.client import V0
from tests.devserver.scene import Scene

GO = V0.replace("sdk=python", "sdk=go")


@pytest.mark.parametrize(("kind", "padding"), [("video", 255), ("audio", 0)])
def test_a_silent_track_is_filled_for_some_seconds(kind: str, padding: int) -> None:
    scene = Scene(("",), kind=kind)
    scene.bind(10.0)
    assert scene.down.fill(10.05) is None  # the publisher may have something
    assert [scene.down.fill(moment) is not None for moment in (10.2, 10.6, 14.9, 15.1)] == [
        True,
        True,
        True,
        False,
    ]
    sent = scene.sink.sent
    assert [packet["padding"] for packet in sent] == [padding] * 3
    assert all(bool(packet["payload"]) != bool(padding) for packet in sent)
    assert [packet["index"] for packet in sent] == [1000, 1001, 1002]
    first, second, third = (packet["timestamp"] for packet in sent)
    assert (second - first, third - second) == (36_000, 387_000)


def test_media_goes_on_where_the_filling_ended() -> None:
    scene = Scene(("",))
    scene.bind(10.0)
    scene.down.fill(10.2)
    assert scene.send("", 10.5, key=True) == 1
    assert scene.down.fill(10.6) is None
    filled, first = scene.sink.sent
    assert first["index"] == filled["index"] + 1
    assert (first["timestamp"] - filled["timestamp"]) & 0xFFFFFFFF == pytest.approx(27_000, abs=2)


@pytest.mark.parametrize(("target", "filled"), [(GO, True), (V0, False)])
async def test_only_those_who_need_it_get_it(target: str, filled: bool) -> None:
    with trio.fail_after(20):
        async with (
            open_dev_server() as server,
            open_caller(server, "alice", "v0") as alice,
            open_caller(server, "bob", "v0", target=target) as bob,
        ):
            film = await alice.publish("video/VP8", "film", muted=True)
            await bob.wait(lambda: film.sid in bob.mids.values())
            received = await padding_received(bob, film.sid, wait=filled)
    assert received > 0 if filled else received == 0


async def padding_received(caller: Caller, sid: str, *, wait: bool) -> int:
    """How many packets of padding came for a track, in time for some to come."""
    with trio.move_on_after(5 if wait else 1.5):
        while not (count := caller.padding(sid)):
            await trio.sleep(0.02)
        return count
    return caller.padding(sid)
