"""Opus and VP8 between our peer and aiortc's, with losses repaired and keyframes on demand."""

from __future__ import annotations

import itertools
import random
import zlib

import pytest
import trio

from lktrio.media import OPUS, VP8, EncodedFrame
from lktrio.media.av import OpusDecoder, VideoDecoder
from lktrio.rtc.rtp.inbound import ReceivedFrame
from lktrio.rtc.transceiver import Transceiver
from tests.interop.support.call import Call, Offerer, open_aiortc_call
from tests.interop.support.host import sample_frames
from tests.interop.support.signals import frequency

pytest.importorskip("aiortc", reason="aiortc is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 60
TONE = 440.0  # what aiortc sends

both_ways = pytest.mark.parametrize("offerer", ["we offer", "they offer"])


async def start_sending(call: Call, offerer: Offerer, kind: str) -> Transceiver:
    """Connect with one section in which we send."""
    peer = call.host.peer
    if offerer == "we offer":
        transceiver = peer.add_transceiver("video" if kind == "video" else "audio", "sendonly")
        peer.set_local_track(transceiver, "stream", "track")
        await call.negotiate(offerer)
    else:
        await call.other.tell("receive_media", kind=kind)

        def send_in_their_section() -> None:
            peer.set_local_track(peer.transceivers[0], "stream", "track")

        await call.negotiate(offerer, answering=send_in_their_section)
        (transceiver,) = peer.transceivers
    await call.wait_connected()
    return transceiver


async def start_receiving(
    call: Call, offerer: Offerer, kind: str, mime: str, *, rtx: bool = True
) -> Transceiver:
    """Connect with one section in which aiortc sends."""
    if offerer == "we offer":
        call.host.peer.add_transceiver("video" if kind == "video" else "audio", "recvonly")
    await call.other.tell("send_media", kind=kind, mime=mime, rtx=rtx)
    await call.negotiate(offerer)
    (transceiver,) = call.host.peer.transceivers
    await call.wait_connected()
    return transceiver


async def picture_prints(frames: list[EncodedFrame]) -> list[int]:
    """A checksum of every picture in a file."""
    decoder = VideoDecoder(VP8)
    prints = []
    for frame in frames:
        for picture in await decoder.decode(frame):
            luma = picture.to_ndarray(format="yuv420p")[: picture.height]
            prints.append(zlib.crc32(luma.tobytes()))
    return prints


def heard(frames: list[ReceivedFrame]) -> float:
    """The frequency in received Opus frames."""
    decoder = OpusDecoder()
    return frequency(b"".join(decoder.decode(encoded(f)) for f in frames), 48_000)


def encoded(frame: ReceivedFrame) -> EncodedFrame:
    return EncodedFrame(frame.data, 0.0, 0.0, frame.keyframe)


@both_ways
async def test_aiortc_hears_us(offerer: Offerer) -> None:
    _, frames = await sample_frames("audio")
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_sending(call, offerer, "audio")
            await call.host.play(transceiver, OPUS, frames[:100])
            report = await call.other.wait("audio", lambda report: report["frames"] >= 75)
            assert report["loudness"] > 300


@both_ways
async def test_aiortc_sees_exactly_our_pictures(offerer: Offerer) -> None:
    _, frames = await sample_frames("video")
    pictures = await picture_prints(frames)
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_sending(call, offerer, "video")
            await call.host.play(transceiver, VP8, frames[:60])
            report = await call.other.wait("video", lambda report: report["frames"] >= 50)
            assert (report["width"], report["height"]) == (320, 180)
            assert report["prints"] == pictures[: report["frames"]]


@both_ways
async def test_we_hear_aiortc(offerer: Offerer) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_receiving(call, offerer, "audio", "audio/opus")
            received = call.host.frames.setdefault(transceiver, [])
            await call.host.wait(lambda: len(received) >= 75)
            assert heard(received[25:]) == pytest.approx(TONE, rel=0.02)
            steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(received)}
            assert steps == {960}


@both_ways
@pytest.mark.parametrize("mime", ["video/VP8", "video/H264"])
async def test_we_receive_pictures_from_aiortc(offerer: Offerer, mime: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_receiving(call, offerer, "video", mime)
            received = call.host.frames.setdefault(transceiver, [])
            await call.host.wait(lambda: len(received) >= 45)
            assert received[0].keyframe
            assert transceiver.codec_for(mime) is not None
            if mime == "video/VP8":
                decoder = VideoDecoder(VP8)
                shown = [p for f in received for p in await decoder.decode(encoded(f))]
                assert len(shown) >= 45
                assert {(picture.width, picture.height) for picture in shown} == {(160, 120)}


async def test_aiortc_gets_repeated_what_was_lost() -> None:
    _, frames = await sample_frames("video")
    pictures = await picture_prints(frames)
    luck = random.Random(3)
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_sending(call, "we offer", "video")
            await call.host.play(
                transceiver, VP8, frames, lambda number: number < 5 or luck.random() > 0.1
            )
            report = await call.other.wait("video", lambda report: report["frames"] >= 75)
            assert report["prints"] == pictures[: report["frames"]]
            assert call.host.peer.outbound(transceiver, VP8.mime).stats.resent > 5


@pytest.mark.parametrize("rtx", [True, False], ids=["on its own SSRC", "on the same SSRC"])
async def test_we_get_repeated_what_was_lost(rtx: bool) -> None:
    luck = random.Random(4)
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_receiving(call, "we offer", "video", "video/VP8", rtx=rtx)
            received = call.host.frames.setdefault(transceiver, [])
            await call.host.wait(lambda: len(received) >= 5)
            call.host.peer.accepts = lambda data: data[0] < 128 or luck.random() > 0.1
            await call.host.wait(lambda: len(received) >= 90)
            (stream,) = call.host.peer.inbound(transceiver)
            assert stream.stats.nacked > 2
            assert (stream.stats.repaired > 2) == rtx
            steps = {b.timestamp - a.timestamp for a, b in itertools.pairwise(received)}
            assert max(steps) <= 3001  # no frame is missing; 30 per second, rounded
            decoder = VideoDecoder(VP8)
            shown = [p for f in received for p in await decoder.decode(encoded(f))]
            assert len(shown) == len(received)


async def test_aiortc_sends_a_keyframe_when_we_ask() -> None:
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_receiving(call, "they offer", "video", "video/VP8")
            received = call.host.frames.setdefault(transceiver, [])
            await call.host.wait(lambda: len(received) >= 20)
            (stream,) = call.host.peer.inbound(transceiver)
            before = sum(frame.keyframe for frame in received)
            call.host.peer.request_keyframe(stream, trio.current_time())
            call.host.driver.flush()
            await call.host.wait(lambda: sum(frame.keyframe for frame in received) > before)


async def test_aiortc_asks_us_for_a_keyframe() -> None:
    _, frames = await sample_frames("video")
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            transceiver = await start_sending(call, "we offer", "video")
            stream = call.host.peer.outbound(transceiver, VP8.mime)
            await call.host.play(transceiver, VP8, frames[:3])
            for _ in range(600):  # lost, and more than its buffer holds
                stream.send_frame(frames[3].data, 10_000, trio.current_time())
            await call.host.play(transceiver, VP8, frames[4:30])
            await call.host.wait(lambda: call.host.keyframe_requests(transceiver) > 0)


async def test_media_and_data_both_ways_at_once() -> None:
    _, audio = await sample_frames("audio")
    _, video = await sample_frames("video")
    with trio.fail_after(LIMIT):
        async with open_aiortc_call() as call:
            peer = call.host.peer
            sections: dict[str, Transceiver] = {}
            for kind in ("audio", "video"):
                sections[kind] = peer.add_transceiver(
                    "video" if kind == "video" else "audio", "sendrecv"
                )
                peer.set_local_track(sections[kind], "stream", kind)
            peer.create_data_channel("chat")
            await call.other.tell("send_media", kind="audio", mime="audio/opus")
            await call.other.tell("send_media", kind="video", mime="video/VP8")
            for kind in ("audio", "video"):
                await call.other.tell("both_ways", kind=kind)
            await call.negotiate("we offer")
            await call.wait_connected()
            channel = await call.host.wait_channel("chat")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(call.host.play, sections["audio"], OPUS, audio[:100])
                nursery.start_soon(call.host.play, sections["video"], VP8, video[:50])
                channel.send(bytes(60_000), trio.current_time())
            await call.other.wait("message", size=60_000)
            await call.other.wait("audio", lambda report: report["frames"] >= 50)
            await call.other.wait("video", lambda report: report["frames"] >= 25)
            frames = call.host.frames
            await call.host.wait(
                lambda: all(len(frames.get(section, [])) >= 25 for section in sections.values())
            )
