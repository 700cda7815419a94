"""What a recorder in a room gets: sound and picture in step, and what sources play in a loop.

Files would be read and written in threads, for which the clock of these tests does not wait.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from lktrio import RemoteTrack, Room, RoomOptions, media, open_room
from lktrio.events import TrackSubscribed
from lktrio.media import samples
from lktrio.media.ivf import IvfDemuxer
from lktrio.media.ogg_opus import OggOpusDemuxer
from tests.media.feeding import read
from tests.support.places import Place, serve_place

pytestmark = pytest.mark.virtual_time

SOUND = read(OggOpusDemuxer("sound"), samples.AUDIO.read_bytes())
PICTURE = read(IvfDemuxer("picture"), samples.VIDEO.read_bytes())


@asynccontextmanager
async def join(place: Place, identity: str) -> AsyncGenerator[Room, None]:
    options = RoomOptions(network=place.network)
    async with open_room(place.url, place.token(identity), options) as room:
        yield room


async def play(
    room: Room, codec: media.Codec, frames: list[media.EncodedFrame], start: float
) -> None:
    """Publish frames, of which the first is due at a given time."""
    async with room.local_participant.publish_track(codec) as track:
        for frame in frames:
            await trio.sleep_until(start + frame.timestamp)
            await track.send(frame)


@dataclass
class Recorder:
    """Writes each kind of track to a file."""

    room: Room
    recording: media.Recording = field(default_factory=media.Recording)
    begins_at: dict[str, float | None] = field(default_factory=dict[str, float | None])
    files: dict[str, trio.testing.MemorySendStream] = field(
        default_factory=dict[str, trio.testing.MemorySendStream]
    )

    async def run(self) -> None:
        async with trio.open_nursery() as nursery:
            async for event in self.room.events(TrackSubscribed):
                nursery.start_soon(self.record, event.track)

    async def record(self, track: RemoteTrack) -> None:
        assert track.codec is not None
        file = self.files[track.kind] = trio.testing.MemorySendStream()
        async with media.open_writer(file, track.codec, recording=self.recording) as out:
            async for frame in track.frames():
                assert frame.captured_at is not None
                assert abs(frame.captured_at - time.time()) < 3600
                await out.send(frame)
                self.begins_at[track.kind] = out.begins_at

    def sound(self) -> list[media.EncodedFrame]:
        return read(OggOpusDemuxer("sound"), bytes(self.files["audio"].get_data_nowait()))

    def picture(self) -> list[media.EncodedFrame]:
        return read(IvfDemuxer("picture"), bytes(self.files["video"].get_data_nowait()))


async def test_sound_and_picture_are_in_step_whenever_the_recorder_came() -> None:
    async with serve_place() as place, join(place, "film") as film, trio.open_nursery() as nursery:
        start = trio.current_time() + 0.5
        nursery.start_soon(play, film, media.OPUS, SOUND, start)
        nursery.start_soon(play, film, media.VP8, PICTURE, start)
        await trio.sleep_until(start + 1.1)  # between two keyframes
        async with join(place, "recorder") as room:
            recorder = Recorder(room)
            with trio.move_on_at(start + 4):
                await recorder.run()
        nursery.cancel_scope.cancel()
    heard = recorder.sound()[-20]
    shown = recorder.picture()[-20]
    begin = recorder.begins_at["video"]  # from there on an IVF file is read
    assert begin is not None
    assert begin > 0.1
    sound_at = heard.timestamp - next(f.timestamp for f in SOUND if f.data == heard.data)
    picture_at = begin + shown.timestamp
    picture_at -= next(f.timestamp for f in PICTURE if f.data == shown.data)
    assert sound_at == pytest.approx(picture_at, abs=0.03)


async def test_a_film_in_a_loop_is_recorded_as_long_as_it_was_played() -> None:
    async with (
        serve_place() as place,
        join(place, "film") as film,
        join(place, "recorder") as room,
        trio.open_nursery() as nursery,
    ):
        recorder = Recorder(room)
        nursery.start_soon(recorder.run)
        async with film.local_participant.publish_track(media.OPUS) as track:
            await track.wait_subscribed()
            begin = trio.current_time()
            for frame in [*SOUND, *SOUND]:
                await track.send(frame)
            assert trio.current_time() - begin == pytest.approx(10.0, abs=0.1)
        await trio.sleep(0.5)
        nursery.cancel_scope.cancel()
    found = recorder.sound()
    assert len(found) == 2 * len(SOUND)
    assert found[-1].timestamp + found[-1].duration == pytest.approx(10.04)
