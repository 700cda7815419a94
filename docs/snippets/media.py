"""The code of the page about media; the tests run it."""

from __future__ import annotations

from pathlib import Path

import lktrio
from lktrio import events, media


async def count_keyframes(path: str) -> int:
    """A reader is a channel of frames, as fast as the disk."""
    async with media.open_reader(path) as source:
        return sum([frame.keyframe async for frame in source])


async def record(track: lktrio.RemoteTrack, recording: media.Recording, folder: Path) -> None:
    """Files of one recording play in step."""
    if track.codec is None:
        return
    suffix = {"opus": ".ogg", "VP8": ".ivf", "H264": ".h264"}[track.codec.name]
    path = folder / media.safe_file_name(track.participant.identity, track.sid, suffix=suffix)
    async with media.open_writer(path, track.codec, recording=recording) as out:
        async for frame in track.frames():
            await out.send(frame)


async def forward(event: events.TrackSubscribed, room: lktrio.Room) -> None:
    """What was received can be sent on as it is, to another room."""
    codec = event.track.codec
    if codec is None:
        return
    async with room.local_participant.publish_track(codec, name=event.publication.name) as track:
        async for frame in event.track.frames():
            await track.send(frame)


async def loudness(track: lktrio.RemoteTrack) -> int:
    """Decoding needs lktrio[av]; samples are 16 bits."""
    from lktrio.media.av import OpusDecoder

    decoder = OpusDecoder(sample_rate=16_000)
    loudest = 0
    async for frame in track.frames():
        samples = memoryview(decoder.decode(frame)).cast("h")
        loudest = max([loudest, *map(abs, samples)])
    return loudest
