"""When a track of audio is muted, its subscribers get some silence.

The same on the embedded server as on a real one, if there is one.
"""

from __future__ import annotations

import pytest
import trio

from lktrio import proto
from lktrio.devserver.preferences import TrackSettings
from lktrio.rtc.rtp.inbound import ReceivedFrame
from tests.support.caller import OPUS_FRAME, open_caller
from tests.support.forwarding import SETTINGS, Scene
from tests.support.places import open_place
from tests.support.servers import SERVERS

pytestmark = pytest.mark.virtual_time

VOICE = bytes((0x78, 1, 2, 3))
MUTED = TrackSettings(disabled=True)


def silent(frames: list[ReceivedFrame]) -> int:
    return sum(frame.data.startswith(OPUS_FRAME) for frame in frames)


@pytest.mark.parametrize("which", SERVERS)
async def test_a_second_of_silence_follows_a_mute(which: str) -> None:
    with trio.fail_after(20):
        async with (
            open_place(which) as server,
            open_caller(server, "alice", "v0", server.room) as alice,
            open_caller(server, "bob", "v0", server.room) as bob,
        ):
            voice = await alice.publish("audio/opus", "voice")
            while len(bob.frames.get(voice.sid, [])) < 5:
                voice.send(VOICE)
                await trio.sleep(0.02)
            mute = proto.MuteTrackRequest(sid=voice.sid, muted=True)
            await alice.client.send(mute=mute)
            frames = bob.frames[voice.sid]
            await bob.wait(lambda: silent(frames) >= 50)
            seen = len(frames)
            await alice.client.send(mute=proto.MuteTrackRequest(sid=voice.sid, muted=False))
            while len(frames) < seen + 2:
                voice.send(VOICE)
                await trio.sleep(0.02)
    assert silent(frames) in (50, 51)  # the real one often sends one more
    timestamps = [frame.timestamp for frame in frames]
    assert timestamps == sorted(timestamps)
    assert frames[-1].data == VOICE


def test_what_comes_after_silence_is_later() -> None:
    scene = Scene(("",), kind="audio")
    scene.bind(10.0)
    assert scene.send("", 10.0) == 1
    scene.down.apply(MUTED, 10.1)
    assert scene.down.silence(b"", 10.1) is not None
    assert scene.down.silence(b"", 10.12) is not None
    scene.down.apply(SETTINGS, 10.2)
    assert scene.down.silence(b"", 10.2) is None
    assert scene.send("", 10.3) == 1
    sent = scene.sink.sent
    assert [packet["index"] for packet in sent] == [1000, 1001, 1002, 1003]
    stamps = [packet["timestamp"] - sent[0]["timestamp"] for packet in sent]
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize(
    ("encryption", "end"),
    [(proto.Encryption.Type.NONE, OPUS_FRAME), (proto.Encryption.Type.GCM, b"trailer")],
)
def test_silence_in_an_encrypted_track_says_that_the_server_made_it(
    encryption: proto.Encryption.Type, end: bytes
) -> None:
    scene = Scene(("",), kind="audio")
    scene.track.info.encryption = encryption
    scene.bind(10.0)
    scene.send("", 10.0)
    scene.down.apply(MUTED, 10.1)
    assert scene.down.silence(b"trailer", 10.1) is not None
    assert scene.sink.sent[-1]["payload"].startswith(OPUS_FRAME)
    assert scene.sink.sent[-1]["payload"].endswith(end)


def test_a_track_that_never_came_needs_no_silence() -> None:
    scene = Scene(("",), kind="audio")
    scene.bind(10.0)
    scene.down.apply(MUTED, 10.1)
    assert scene.down.silence(b"", 10.1) is None
