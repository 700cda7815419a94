"""What users get wrong is told by the error that names the cause, in time; nothing hangs or leaks.

Other tests look at one layer: `tests/signal`, `tests/room`, `tests/media`. Here is the whole way,
from the public functions to the embedded server and back.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

import lktrio
from lktrio import api, media
from lktrio.devserver import DevServer
from lktrio.errors import (
    AuthenticationFailed,
    ConnectTimeout,
    ContainerError,
    JoinRejected,
    LiveKitError,
    LocalProtocolError,
    MediaError,
    NotPermitted,
    PublishTimeout,
)
from lktrio.events import ParticipantPermissionsChanged
from lktrio.media import EncodedFrame, samples
from lktrio.net.driver import PeerDriver

DEADLINE = 10.0
"""Seconds for what has to fail at once; the phases' own deadlines are longer."""
BOTH = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])
KEY_FRAME = b"\x10\x00\x00\x9d\x01\x2a\x40\x01\xb4\x00"  # the head of one, of 320x180


@asynccontextmanager
async def joined(server: DevServer, **grants: Any) -> AsyncIterator[lktrio.Room]:
    """Join with a token of these grants."""
    async with lktrio.open_room(server.url, token(server, **grants)) as room:
        yield room


def token(server: DevServer, identity: str = "me", **grants: Any) -> str:
    video = lktrio.VideoGrants(**{"room_join": True, "room": "demo", **grants})
    made = lktrio.AccessToken(identity=identity, video=video)
    return made.to_jwt(server.api_key, server.api_secret)


async def refused_join(url: str, text: str, *, single: bool) -> LiveKitError:
    options = lktrio.RoomOptions(single_peer_connection=single)
    with trio.fail_after(DEADLINE), pytest.raises(LiveKitError) as caught:
        async with lktrio.open_room(url, text, options):
            pytest.fail("it was joined")
    assert text not in str(caught.value)
    return caught.value


@BOTH
@pytest.mark.parametrize(
    ("spoil", "cause"),
    [
        (lambda good: "garbage", "invalid authorization token"),
        (lambda good: good[:-6] + "AAAAAA", "signature is invalid"),
        (lambda good: good.split(".")[0] + "." + good.split(".")[2], "invalid authorization"),
    ],
    ids=["garbage", "tampered", "cut"],
)
async def test_a_bad_token(spoil: Callable[[str], str], cause: str, single: bool) -> None:
    async with lktrio.devserver.open_dev_server() as server:
        error = await refused_join(server.url, spoil(token(server)), single=single)
        assert isinstance(error, AuthenticationFailed)
        assert "refused the token (401)" in str(error)
        assert cause in str(error)


@BOTH
async def test_a_key_that_the_server_does_not_know(single: bool) -> None:
    async with lktrio.devserver.open_dev_server() as server:
        video = lktrio.VideoGrants(room_join=True, room="demo")
        foreign = lktrio.AccessToken(identity="me", video=video).to_jwt("other", "s" * 32)
        error = await refused_join(server.url, foreign, single=single)
        assert isinstance(error, AuthenticationFailed)
        assert "API key" in str(error)


@BOTH
async def test_an_unknown_room(single: bool) -> None:
    async with lktrio.devserver.open_dev_server(auto_create_rooms=False) as server:
        error = await refused_join(server.url, token(server), single=single)
        assert isinstance(error, JoinRejected)
        assert error.status == 404
        assert "requested room does not exist; create the room first" in str(error)
        async with lktrio.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
            await lk.room.create_room(api.CreateRoomRequest(name="demo"))
        async with joined(server) as room:
            assert room.name == "demo"


@BOTH
async def test_a_full_room(single: bool) -> None:
    async with lktrio.devserver.open_dev_server() as server:
        async with lktrio.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
            await lk.room.create_room(api.CreateRoomRequest(name="demo", max_participants=1))
        async with joined(server):
            error = await refused_join(server.url, token(server, "second"), single=single)
        assert isinstance(error, JoinRejected)
        assert "the room may be full" in str(error)


# A firewall that lets no UDP through


class Blocked(PeerDriver):
    """Sends into the void."""

    def _transmit(self) -> None:
        self.peer.out.clear()


def deadlines(*, single: bool) -> lktrio.RoomOptions:
    timeouts = lktrio.Timeouts(transport=0.5, negotiation=0.5, data_channel=0.5)
    return lktrio.RoomOptions(single_peer_connection=single, timeouts=timeouts)


@BOTH
async def test_unreachable_udp(single: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lktrio.room.session.peer_connection.PeerDriver", Blocked)
    async with lktrio.devserver.open_dev_server() as server:
        with trio.fail_after(DEADLINE), pytest.raises(ConnectTimeout, match="UDP and TCP blocked"):
            async with lktrio.open_room(server.url, token(server), deadlines(single=single)):
                pytest.fail("it was joined")


async def test_unreachable_udp_for_publishing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With two connections (v0), joining needs only the one for receiving."""
    drivers = iter((Blocked, PeerDriver))  # in the order of the connections

    def open_driver(*arguments: Any, **options: Any) -> PeerDriver:
        return next(drivers)(*arguments, **options)

    monkeypatch.setattr("lktrio.room.session.peer_connection.PeerDriver", open_driver)
    async with lktrio.devserver.open_dev_server() as server:
        options = deadlines(single=False)
        async with lktrio.open_room(server.url, token(server), options) as room:
            for publish in (publish_sound, publish_data, publish_lossy):
                blocked = pytest.raises(PublishTimeout, match="UDP and TCP blocked")
                with trio.fail_after(DEADLINE), blocked:
                    await publish(room)
            assert room.state == "connected"
            assert not room.local_participant.track_publications


# Publishing without permission


async def publish_sound(room: lktrio.Room) -> None:
    async with room.local_participant.publish_track(media.OPUS, name="mic", source="microphone"):
        pytest.fail("it was published")


async def publish_picture(room: lktrio.Room) -> None:
    async with room.local_participant.publish_track(media.VP8, name="cam", source="camera"):
        pytest.fail("it was published")


async def publish_file(room: lktrio.Room) -> None:
    await room.local_participant.publish_file(samples.AUDIO)


async def publish_data(room: lktrio.Room) -> None:
    await room.local_participant.publish_data(b"hello")


async def publish_lossy(room: lktrio.Room) -> None:
    await room.local_participant.publish_data(b"hello", reliable=False)


@pytest.mark.parametrize(
    ("grants", "publish", "what"),
    [
        ({"can_publish": False}, publish_sound, "microphone"),
        ({"can_publish": False}, publish_picture, "camera"),
        ({"can_publish": False}, publish_file, "microphone"),
        ({"can_publish_sources": ["microphone"]}, publish_picture, "camera"),
        ({"can_publish_data": False}, publish_data, "data"),
        ({"can_publish_data": False}, publish_lossy, "data"),
    ],
)
async def test_publishing_without_permission(
    grants: dict[str, Any], publish: Callable[[lktrio.Room], Awaitable[None]], what: str
) -> None:
    async with lktrio.devserver.open_dev_server() as server, joined(server, **grants) as room:
        with trio.fail_after(DEADLINE), pytest.raises(NotPermitted, match=what):
            await publish(room)
        assert room.state == "connected"
        assert not room.local_participant.track_publications


async def test_a_permission_that_is_taken_back() -> None:
    async with lktrio.devserver.open_dev_server() as server, joined(server) as room:
        changes = room.events(ParticipantPermissionsChanged)
        async with lktrio.LiveKitAPI(server.url, server.api_key, server.api_secret) as lk:
            await lk.room.update_participant(
                api.UpdateParticipantRequest(
                    room="demo",
                    identity="me",
                    permission=api.ParticipantPermission(can_subscribe=True),
                )
            )
        with trio.fail_after(DEADLINE):
            await changes.receive()
            for publish in (publish_sound, publish_data):
                with pytest.raises(NotPermitted):
                    await publish(room)


# Frames and messages that do not fit


def frame(data: bytes) -> EncodedFrame:
    return EncodedFrame(data, timestamp=0.0, duration=0.02, keyframe=True)


@pytest.mark.parametrize(
    ("codec", "data", "told"),
    [
        (media.OPUS, b"\xfc" * 20_000, "20000 bytes"),
        (media.OPUS, b"", "empty"),
        (media.VP8, KEY_FRAME + bytes(9 << 20), "more than the 8388608"),
        (media.VP8, b"\x10" * 100, "start code"),
        (media.H264, b"\x10" * 100, "Annex B"),
        (media.H264, b"\0\0\0\1\x65" + b"\x55" * (9 << 20), "more than the 8388608"),
    ],
    ids=["opus", "empty", "vp8", "no vp8", "no h264", "h264"],
)
async def test_frames_that_cannot_be_sent(codec: media.Codec, data: bytes, told: str) -> None:
    async with (
        lktrio.devserver.open_dev_server() as server,
        joined(server) as room,
        room.local_participant.publish_track(codec, name="track") as track,
    ):
        with trio.fail_after(DEADLINE):
            with pytest.raises(LocalProtocolError, match=told):
                await track.send(frame(data))
            with pytest.raises(LocalProtocolError, match=told):  # and it is said again
                await track.send(frame(data))


@pytest.mark.parametrize("reliable", [True, False])
async def test_a_message_that_is_too_large(reliable: bool) -> None:
    async with lktrio.devserver.open_dev_server() as server, joined(server) as room:
        publish = room.local_participant.publish_data
        with (
            trio.fail_after(DEADLINE),
            pytest.raises(LocalProtocolError, match=r"larger than .*; split it"),
        ):
            await publish(bytes(100_000), reliable=reliable)
        await publish(b"fits", reliable=reliable)


# Media files


def truncated_ogg(folder: Path) -> Path:
    return write(folder / "truncated.ogg", samples.AUDIO.read_bytes()[:9000])


def truncated_ivf(folder: Path) -> Path:
    return write(folder / "truncated.ivf", samples.VIDEO.read_bytes()[:6000])


def corrupt_ivf(folder: Path) -> Path:
    data = bytearray(samples.VIDEO.read_bytes())
    data[32:36] = b"\xff\xff\xff\x7f"  # the size of the first frame
    return write(folder / "corrupt.ivf", data)


def corrupt_h264(folder: Path) -> Path:
    return write(folder / "corrupt.h264", b"\0\0\0\1\x67\x42")


def random_bytes(folder: Path) -> Path:
    return write(folder / "noise.h264", b"\x99" + os.urandom(4000))


def empty(folder: Path) -> Path:
    return write(folder / "empty.ogg", b"")


def missing(folder: Path) -> Path:
    return folder / "missing.ogg"


def write(path: Path, data: bytes | bytearray) -> Path:
    path.write_bytes(data)
    return path


UNFIT_FILES: tuple[tuple[Callable[[Path], Path], str], ...] = (
    (truncated_ogg, r"the file ends within an Ogg page, at byte \d+"),
    (truncated_ivf, "the file ends within a frame, at byte 6000"),
    (corrupt_ivf, r"a frame of 2147483647 bytes, more than 8388608, at byte 32"),
    (corrupt_h264, "a cut off sequence parameter set"),
    (random_bytes, "looks like an unknown kind of file"),
    (empty, "looks like an empty file"),
    (missing, "No such file"),
)


async def test_files_that_cannot_be_published(tmp_path: Path) -> None:
    async with lktrio.devserver.open_dev_server() as server, joined(server) as room:
        for make, told in UNFIT_FILES:
            path = make(tmp_path)
            with trio.fail_after(DEADLINE), pytest.raises(MediaError, match=told) as caught:
                await room.local_participant.publish_file(path)
            assert str(path) in str(caught.value), make
            assert isinstance(caught.value, ContainerError) == (make is not missing), make
            assert not room.local_participant.track_publications, make
            await room.local_participant.publish_data(b"the room goes on")
