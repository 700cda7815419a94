"""Tracks arrive as they were sent: every frame, unchanged, in order, with its time."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from lktrio import media, proto
from lktrio.errors import ContainerError, MediaError
from lktrio.events import (
    LocalTrackPublished,
    LocalTrackSubscribed,
    LocalTrackUnpublished,
    TrackMuted,
    TrackPublished,
    TrackSubscribed,
    TrackUnmuted,
    TrackUnpublished,
    TrackUnsubscribed,
)
from lktrio.media import Codec, EncodedFrame
from lktrio.room import RoomOptions
from lktrio.room.session import sections
from tests.support.recording import Recorder, drained, recording, run_of, sample, wait_for
from tests.support.scripted_room import Plan, open_scripted_room
from tests.support.servers import PATIENCE, V0, V1, VERSIONS, RoomServer, expect, until

CODECS = pytest.mark.parametrize(
    "codec", [media.OPUS, media.VP8, media.H264], ids=["opus", "vp8", "h264"]
)


@VERSIONS
@CODECS
async def test_frames_arrive_unchanged(
    server: RoomServer, options: RoomOptions, codec: Codec
) -> None:
    frames = await sample(codec)
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        async with recording(bob, codec.kind) as recorders:
            async with alice.local_participant.publish_track(codec, name="it") as track:
                await until(lambda: bool(recorders))
                await track.wait_subscribed()
                for frame in frames:
                    await track.send(frame)
            await wait_for(recorders[0].done)
        received = recorders[0].frames
        found = run_of(received, frames)
        assert found == range(len(frames))
        assert recorders[0].channel.dropped == 0
        for frame, number in zip(received, found, strict=False):
            elapsed = frames[number].timestamp - frames[found.start].timestamp
            assert frame.timestamp == pytest.approx(elapsed, abs=1 / 8000)
            assert frame.keyframe == frames[number].keyframe
            assert frame.duration == (0.02 if codec is media.OPUS else 0)


@pytest.mark.parametrize(("first", "second"), [(V1, V0), (V0, V1)], ids=["v1-v0", "v0-v1"])
async def test_both_send_and_receive_at_once(
    server: RoomServer, first: RoomOptions, second: RoomOptions
) -> None:
    frames = await sample(media.OPUS)
    async with server.join("alice", first) as alice, server.join("bob", second) as bob:
        async with (
            recording(alice, "audio") as by_alice,
            recording(bob, "audio") as by_bob,
        ):
            async with (
                alice.local_participant.publish_track(media.OPUS) as mine,
                bob.local_participant.publish_track(media.OPUS) as theirs,
            ):
                await until(lambda: bool(by_alice and by_bob))
                for frame in frames:
                    await mine.send(frame)
                    await theirs.send(frame)
            await wait_for(by_alice[0].done)
            await wait_for(by_bob[0].done)
        for recorder in (by_alice[0], by_bob[0]):
            assert run_of(recorder.frames, frames).stop == len(frames)


@VERSIONS
async def test_tracks_of_several_publishers(server: RoomServer, options: RoomOptions) -> None:
    """More tracks than a single connection has sections for in its first offer."""
    frames = await sample(media.OPUS)
    async with server.join("recorder", options) as recorder:
        async with recording(recorder, "audio") as recorders:
            async with trio.open_nursery() as nursery:
                for number in range(5):
                    nursery.start_soon(_talk, server, options, f"talker {number}", recorders, 5)
            for one in recorders:
                await wait_for(one.done)
        assert len(recorders) == 5
        for one in recorders:
            assert run_of(one.frames, frames).stop == len(frames)


async def _talk(
    server: RoomServer, options: RoomOptions, name: str, recorders: list[Recorder], count: int
) -> None:
    frames = await sample(media.OPUS)
    async with (
        server.join(name, options) as room,
        room.local_participant.publish_track(media.OPUS) as track,
    ):
        await until(lambda: len(recorders) == count)
        for frame in frames:
            await track.send(frame)
        await trio.sleep(0.2)  # others may still be sending


async def test_what_is_told_about_a_track(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        theirs, ours = bob.events(), alice.events()
        async with alice.local_participant.publish_track(
            media.VP8, name="screen", source="screen_share", width=320, height=180
        ) as track:
            assert (await expect(ours, LocalTrackPublished)).publication is track.publication
            assert alice.local_participant.track_publications == {track.sid: track.publication}
            assert track.publication.track is track
            published = await expect(theirs, TrackPublished)
            publication = published.publication
            assert published.participant is bob.remote_participants["alice"]
            assert publication.participant is published.participant
            assert (publication.sid, publication.kind) == (track.sid, "video")
            assert (publication.name, publication.source) == ("screen", "screen_share")
            assert (publication.width, publication.height) == (320, 180)
            assert not publication.muted
            assert not publication.encrypted
            subscribed = await expect(theirs, TrackSubscribed)
            assert subscribed.publication is publication
            assert publication.subscribed
            assert subscribed.track.codec is media.VP8
            assert publication.mime_type.lower() == "video/vp8"
            heard = await expect(ours, LocalTrackSubscribed)
            assert heard.publication is track.publication
        assert (await expect(ours, LocalTrackUnpublished)).publication is track.publication
        assert (await expect(theirs, TrackUnsubscribed)).track is subscribed.track
        assert (await expect(theirs, TrackUnpublished)).publication is publication
        assert bob.remote_participants["alice"].track_publications == {}
        assert alice.local_participant.track_publications == {}
        assert not publication.subscribed


@VERSIONS
async def test_unpublishing_ends_the_channels(server: RoomServer, options: RoomOptions) -> None:
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        events = bob.events(TrackSubscribed)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            remote = (await expect(events, TrackSubscribed)).track
            frames, packets = remote.frames(), remote.packets()
            await track.wait_subscribed()
            await track.send((await sample(media.OPUS))[0])
            assert (await frames.receive()).timestamp == 0
        with trio.fail_after(10):
            await drained(frames)
            assert len(await drained(packets)) > 0
        assert await drained(remote.frames()) == []  # a channel made too late
        assert await drained(remote.packets()) == []


async def test_leaving_ends_the_channels_of_the_others(server: RoomServer) -> None:
    async with server.join("bob") as bob:
        events = bob.events(TrackSubscribed)
        async with (
            server.join("alice") as alice,
            alice.local_participant.publish_track(media.OPUS),
        ):
            frames = (await expect(events, TrackSubscribed)).track.frames()
        with trio.fail_after(10):
            await drained(frames)


@VERSIONS
async def test_several_channels_get_the_same(server: RoomServer, options: RoomOptions) -> None:
    sent = (await sample(media.OPUS))[:60]
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        events = bob.events(TrackSubscribed)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            remote = (await expect(events, TrackSubscribed)).track
            first, second, packets = remote.frames(), remote.frames(), remote.packets()
            await track.wait_subscribed()
            for frame in sent[:30]:
                await track.send(frame)
            one = [await first.receive() for _ in range(25)]
            assert [await second.receive() for _ in range(25)] == one
            run_of(one, sent)
            payloads = [(await packets.receive()).payload for _ in range(25)]
            assert payloads == [frame.data for frame in one]
            await first.aclose()
            for frame in sent[30:]:
                await track.send(frame)
            late = remote.frames()
            assert (await second.receive()).timestamp > one[-1].timestamp
            with pytest.raises(trio.ClosedResourceError):
                await first.receive()
            await late.aclose()


async def test_packets_are_those_of_the_network(server: RoomServer) -> None:
    sent = (await sample(media.OPUS))[:40]
    async with server.join("bob") as bob, server.join("alice") as alice:
        events = bob.events(TrackSubscribed)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            packets = (await expect(events, TrackSubscribed)).track.packets()
            await track.wait_subscribed()
            for frame in sent:
                await track.send(frame)
            received = [await packets.receive() for _ in range(30)]
            numbers = [packet.sequence_number for packet in received]
            assert [(b - a) % 65536 for a, b in pairwise(numbers)] == [1] * 29
            assert len({packet.ssrc for packet in received}) == 1
            step = round((sent[1].timestamp - sent[0].timestamp) * 48_000)
            stamps = [packet.timestamp for packet in received]
            assert {(b - a) % 2**32 for a, b in pairwise(stamps)} == {step}


@VERSIONS
async def test_a_muted_track_sends_nothing(server: RoomServer, options: RoomOptions) -> None:
    sent = await sample(media.OPUS)
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        events, ours = bob.events(), alice.events(TrackMuted, TrackUnmuted)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            remote = (await expect(events, TrackSubscribed)).track
            frames = remote.frames()
            await track.wait_subscribed()
            await track.send(sent[0])
            await frames.receive()
            await track.mute()
            await track.mute()  # it is already
            assert isinstance(await ours.receive(), TrackMuted)
            muted = await expect(events, TrackMuted)
            assert muted.publication is remote.publication
            assert (track.muted, remote.publication.muted) == (True, True)
            for frame in sent[1:20]:
                await track.send(frame)
            await track.unmute()
            assert isinstance(await ours.receive(), TrackUnmuted)
            await expect(events, TrackUnmuted)
            assert (track.muted, remote.publication.muted) == (False, False)
            for frame in sent[20:]:
                await track.send(frame)
            with trio.fail_after(10):
                data = (await frames.receive()).data
                while data not in {frame.data for frame in sent[20:]}:
                    assert data not in {frame.data for frame in sent[1:20]}
                    data = (await frames.receive()).data


async def test_a_track_can_begin_muted(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        events = bob.events()
        async with alice.local_participant.publish_track(media.OPUS, muted=True) as track:
            publication = (await expect(events, TrackPublished)).publication
            assert (track.muted, publication.muted) == (True, True)
            await track.unmute()
            await expect(events, TrackUnmuted)
            assert (track.muted, publication.muted) == (False, False)


async def test_the_first_reader_begins_with_what_came_before_it(server: RoomServer) -> None:
    for codec in (media.OPUS, media.VP8):
        sent = (await sample(codec))[:30]
        async with (
            server.join("bob") as bob,
            server.join("alice") as alice,
            alice.local_participant.publish_track(codec) as track,
        ):
            remote = (await expect(bob.events(TrackSubscribed), TrackSubscribed)).track
            await track.wait_subscribed()
            for frame in sent:
                await track.send(frame)
            await trio.sleep(0.2)  # it is on its way
            late = remote.frames()
            with trio.fail_after(PATIENCE):
                received = [await late.receive() for _ in range(20)]
            assert run_of(received, sent).start == 0, codec
            assert all(frame.received_at is not None for frame in received), codec
            second = remote.frames()
            await track.send(replace(sent[0], timestamp=3.0))
            with trio.fail_after(PATIENCE):
                assert (await second.receive()).data == sent[0].data, codec


@VERSIONS
async def test_subscriptions_can_be_given_up_and_renewed(
    server: RoomServer, options: RoomOptions
) -> None:
    sent = await sample(media.OPUS)
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        events = bob.events(TrackSubscribed, TrackUnsubscribed)
        async with alice.local_participant.publish_track(media.OPUS) as track:
            first = (await expect(events, TrackSubscribed)).track
            frames = first.frames()
            await first.publication.set_subscribed(False)
            assert (await expect(events, TrackUnsubscribed)).track is first
            await drained(frames)
            assert first.publication.track is None
            await first.publication.set_subscribed(True)
            second = (await expect(events, TrackSubscribed)).track
            assert second.publication is first.publication
            frames = second.frames()
            received: list[EncodedFrame] = []
            with trio.fail_after(10):
                for frame in sent:  # the first ones may come before the server forwards again
                    await track.send(frame)
                    with trio.move_on_after(0.02):
                        received.append(await frames.receive())
            assert len(run_of(received, sent)) > 20


@VERSIONS
async def test_many_short_tracks_one_after_the_other(
    server: RoomServer, options: RoomOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sections of a connection are used again, and no track stays behind."""
    # Six of a single connection are there from the start, to receive in; one is for data.
    monkeypatch.setattr(sections, "MAX_SECTIONS", 6 + 6 + 1)
    codecs = [media.OPUS, media.VP8, media.OPUS, media.H264, media.VP8, media.H264] * 2
    frames = {codec: await sample(codec) for codec in (media.OPUS, media.VP8, media.H264)}
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        events = bob.events(TrackSubscribed)
        for number, codec in enumerate(codecs):
            async with alice.local_participant.publish_track(codec, name=str(number)) as track:
                event = await expect(events, TrackSubscribed)
                assert event.publication.name == str(number)
                assert event.track.codec is codec
                channel = event.track.frames()
                await track.wait_subscribed()
                for frame in frames[codec][:3]:
                    await track.send(frame)
                with trio.fail_after(10):
                    assert (await channel.receive()).data == frames[codec][0].data


@VERSIONS
async def test_tracks_without_media_come_and_go(
    server: RoomServer, options: RoomOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "MAX_SECTIONS", 6 + 4 + 1)
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        events = bob.events(TrackSubscribed)
        for number in range(40):
            codec = media.VP8 if number % 2 else media.OPUS
            async with alice.local_participant.publish_track(codec, name=str(number)):
                event = await expect(events, TrackSubscribed)
                assert event.publication.name == str(number)
        with trio.fail_after(PATIENCE):
            while any(one.tracks for one in await server.participants()):
                await trio.sleep(0.02)
        await until(lambda: not bob.remote_participants["alice"].track_publications)


@VERSIONS
async def test_more_tracks_at_once_than_a_server_takes(
    server: RoomServer, options: RoomOptions
) -> None:
    """It refuses to hear of more than twenty at a time; we let the others wait."""
    names = {str(number) for number in range(30)}
    async with server.join("bob", options) as bob, server.join("alice", options) as alice:
        heard: set[str] = set()
        done = trio.Event()

        async def publish(name: str) -> None:
            async with alice.local_participant.publish_track(media.OPUS, name=name):
                await done.wait()

        async with trio.open_nursery() as nursery:
            for name in names:
                nursery.start_soon(publish, name)
            async for event in bob.events(TrackSubscribed):
                heard.add(event.publication.name)
                if len(heard) == len(names):
                    break
            done.set()
        assert heard == names


async def test_a_file_is_published_in_real_time(server: RoomServer, tmp_path: Path) -> None:
    path = tmp_path / "talk.ogg"
    async with media.open_writer(path, media.OPUS) as out:
        for frame in (await sample(media.OPUS, interval=0.02))[:50]:
            await out.send(frame)
    async with media.open_reader(path) as reader:
        sent = [frame async for frame in reader]
    async with server.join("bob") as bob, server.join("alice") as alice:
        async with recording(bob, "audio") as recorders:
            started = trio.current_time()
            await alice.local_participant.publish_file(path, wait_subscribed=True)
            took = trio.current_time() - started
            assert sent[-1].timestamp <= took < sent[-1].timestamp + 3
            assert alice.local_participant.track_publications == {}
            await wait_for(recorders[0].done)
        assert run_of(recorders[0].frames, sent).stop == len(sent)


@VERSIONS
@pytest.mark.parametrize("codec", [media.VP8, media.H264], ids=["vp8", "h264"])
async def test_a_subscriber_sees_a_film_from_its_first_frame(
    server: RoomServer, options: RoomOptions, codec: Codec, tmp_path: Path
) -> None:
    path = tmp_path / "film"
    async with media.open_writer(path, codec) as out:
        for frame in (await sample(codec, interval=0.02))[:50]:
            await out.send(frame)
    async with media.open_reader(path) as reader:
        sent = [frame async for frame in reader]
    async with server.join("alice", options) as alice, trio.open_nursery() as nursery:
        publish = partial(alice.local_participant.publish_file, path, wait_subscribed=True)
        nursery.start_soon(publish)
        await trio.sleep(0.3)  # the server has heard of the track, and nobody is there
        async with server.join("bob", options) as bob, recording(bob, "video") as recorders:
            await until(lambda: bool(recorders))
            await wait_for(recorders[0].done)
            assert run_of(recorders[0].frames, sent) == range(len(sent))


@pytest.mark.parametrize("content", [b"", b"RIFF....WAVE", b"no media at all"])
async def test_a_file_that_cannot_be_published(
    server: RoomServer, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    async with server.join("alice") as alice:
        with pytest.raises(ContainerError):
            await alice.local_participant.publish_file(path)
        with pytest.raises(MediaError):
            await alice.local_participant.publish_file(tmp_path / "missing")
        assert alice.local_participant.track_publications == {}


async def test_an_encoder_learns_that_a_keyframe_is_needed(server: RoomServer) -> None:
    sent = await sample(media.VP8)
    async with server.join("bob") as bob, server.join("alice") as alice:
        events = bob.events(TrackSubscribed)
        async with alice.local_participant.publish_track(media.VP8) as track:
            remote = (await expect(events, TrackSubscribed)).track
            first = remote.frames()
            await track.wait_subscribed()
            await track.send(sent[0])
            await track.send(sent[1])
            await first.receive()
            late = remote.frames()
            with trio.fail_after(10):
                await track.wait_keyframe_request()
                assert track.keyframes_requested >= 1
                await track.send(replace(sent[0], timestamp=1.0))
                await track.send(replace(sent[1], timestamp=1.1))
                assert (await late.receive()).data == sent[0].data


async def test_a_stereo_file_is_announced_and_offered_as_stereo(tmp_path: Path) -> None:
    """Tracks of one channel before and after it do not share its section."""
    paths = {name: tmp_path / f"{name}.ogg" for name in ("mono", "stereo")}
    for name, path in paths.items():
        async with media.open_writer(path, media.OPUS, channels=1 + (name == "stereo")) as out:
            await out.send(media.EncodedFrame(b"\xf8abc", 0.0, 0.02))
    answers: list[str] = []

    def note(answer: str) -> str:
        answers.append(answer)
        return answer

    async with (
        open_scripted_room(Plan(edit=note)) as (scripted, room),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(scripted.accept_tracks)
        for name in ("mono", "stereo", "mono", "stereo"):
            await room.local_participant.publish_file(paths[name])
        requests = scripted.requests("add_track")
        for name in ("mono", "stereo", "mono", "stereo"):
            request = (await anext(requests)).add_track
            assert request is not None
            assert request.stereo == (name == "stereo")
            assert (proto.AudioTrackFeature.TF_STEREO in request.audio_features) == request.stereo
        nursery.cancel_scope.cancel()
    formats = [line for line in answers[-1].split("\r\n") if line.startswith("a=fmtp:111")]
    assert formats.count("a=fmtp:111 minptime=10;useinbandfec=1;sprop-stereo=1;stereo=1") == 1
