"""What a room says about itself while a call goes on, over good and bad networks."""

from __future__ import annotations

import pytest
import trio

from lktrio.events import Reconnected, TrackSubscribed, TrackUnsubscribed
from lktrio.media import OPUS, VP8, Codec, EncodedFrame
from lktrio.room import (
    ConnectionState,
    InboundStreamStats,
    LocalTrack,
    OutboundStreamStats,
    Room,
    RoomOptions,
    SimulateScenario,
)
from lktrio.testing import Fate, LinkProfile, SimulatedNetwork, TraceRecord
from tests.support.servers import VERSIONS, RoomServer, expect, open_server

pytestmark = pytest.mark.virtual_time
SIZE = 500  # bytes of a frame
PICTURE = b"\x10\x02\x00\x9d\x01\x2a\x40\x01\xf0\x00".ljust(SIZE, b"\0")  # a keyframe of VP8
SOUND = b"\xfc".ljust(SIZE, b"\0")


async def send(track: LocalTrack, codec: Codec, count: int) -> None:
    data, duration = (PICTURE, 0.04) if codec is VP8 else (SOUND, 0.02)
    for number in range(count):
        await track.send(EncodedFrame(data, number * duration, duration, keyframe=True))


async def read_everything(room: Room) -> None:
    async with trio.open_nursery() as nursery:
        async for event in room.events(TrackSubscribed):
            nursery.start_soon(read, event)


async def read(event: TrackSubscribed) -> None:
    async for _ in event.track.frames():
        pass


@VERSIONS
async def test_a_call(options: RoomOptions) -> None:
    async with (
        open_server("embedded") as server,
        server.join("alice", options) as alice,
        server.join("bob", options) as bob,
        alice.local_participant.publish_track(OPUS) as sound,
        alice.local_participant.publish_track(VP8) as picture,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(read_everything, bob)
        for track in (sound, picture):
            await track.wait_subscribed()
        async with trio.open_nursery() as senders:
            senders.start_soon(send, sound, OPUS, 500)
            senders.start_soon(send, picture, VP8, 250)
            await trio.sleep(5)
            before = {one.track_sid: one for one in bob.stats().inbound}
            for _ in range(100):
                await alice.local_participant.publish_data(b"x" * 100)
        await trio.sleep(0.2)  # for the last ones to arrive
        ours, theirs = alice.stats(), bob.stats()
        assert ours.state is ConnectionState.CONNECTED
        assert (ours.resumes, ours.restarts) == (0, 0)
        assert len(ours.connections) == (1 if alice.signal_version == "v1" else 2)
        publisher = ours.connections[0]
        assert publisher.target == "publisher"
        assert publisher.state == "connected"
        assert publisher.path is not None
        assert (publisher.path.transport, publisher.path.relayed) == ("udp", False)
        assert 0.001 < (publisher.path.round_trip or 0) < 1
        assert publisher.association.messages_sent >= 100
        assert 0 < (publisher.association.round_trip or 0) < 1
        assert publisher.counters["sctp.messages_sent"] == publisher.association.messages_sent
        assert ours.data.sent == theirs.data.received == 100
        sent = {one.track_sid: one for one in ours.outbound}
        assert {one.kind for one in sent.values()} == {"audio", "video"}
        for stream in theirs.inbound:
            check_stream(sent[stream.track_sid], stream)
            rate = SIZE * 8 * (25 if stream.kind == "video" else 50)
            assert stream.bitrate(before[stream.track_sid]) == pytest.approx(rate, rel=0.1)
            assert stream.bitrate(None) == stream.bitrate(stream) == 0
        nursery.cancel_scope.cancel()
    assert alice.stats().state is ConnectionState.DISCONNECTED
    assert not alice.stats().outbound
    assert not bob.stats().inbound


def check_stream(sent: OutboundStreamStats, received: InboundStreamStats) -> None:
    count = 250 if sent.kind == "video" else 500
    assert sent.frames == received.frames == count
    assert received.packets >= count
    assert received.bytes >= count * SIZE
    assert received.participant_identity == "alice"
    assert received.mime_type.lower() == sent.mime_type.lower()
    assert (received.lost, received.given_up, received.freezes, sent.resent) == (0, 0, 0, 0)
    assert 0 <= received.jitter < 0.01
    assert 0.001 < (sent.round_trip or 0) < 1


class MediaSeen:
    """What the network did with the packets of media."""

    def __init__(self, network: SimulatedNetwork) -> None:
        self.sent: dict[int, set[int]] = {}
        self.lost: dict[int, set[int]] = {}
        network.watch(self._see)

    def _see(self, record: TraceRecord, data: bytes) -> None:
        is_rtp = len(data) > 12 and data[0] >> 6 == 2 and not 192 <= data[1] <= 223
        if record.protocol == "udp" and is_rtp:
            number, ssrc = int.from_bytes(data[2:4], "big"), int.from_bytes(data[8:12], "big")
            self.sent.setdefault(ssrc, set()).add(number)
            if record.fate is not Fate.DELIVERED:
                self.lost.setdefault(ssrc, set()).add(number)


async def test_known_losses_are_seen_and_repaired() -> None:
    async with (
        open_server("embedded") as server,
        server.join("alice") as alice,
        server.join("bob") as bob,
        alice.local_participant.publish_track(VP8) as picture,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(read_everything, bob)
        track = (await bob.wait_for(TrackSubscribed)).track
        assert server.network is not None
        assert server.server_host is not None
        bad = LinkProfile(latency=0.02, loss=0.1)
        for host in server.hosts:
            server.network.set_link(server.server_host, host, bad)
            server.network.set_link(host, server.server_host, bad)
        seen = MediaSeen(server.network)
        await send(picture, VP8, 500)
        await trio.sleep(1)
        (down,), (up,) = track.stats(), picture.stats()
        assert down in bob.stats().inbound
        assert up in alice.stats().outbound
        lost = seen.lost[down.ssrc]
        assert len(lost) > 20
        # What the server repaired on the way up comes late on the way down, and may count as lost.
        assert abs(down.lost - len(lost)) <= 2
        assert down.packets + down.lost >= len(seen.sent[down.ssrc]) - 1
        assert down.nacked >= down.repaired >= 0.9 * len(lost)
        assert (down.malformed, down.unknown_payload_type, down.frames_unread) == (0, 0, 0)
        assert down.given_up <= len(lost) - down.repaired + 1
        assert up.nacked >= 10
        assert up.resent >= 0.8 * len(seen.lost[up.ssrc])
        assert 0 < up.fraction_lost < 0.3
        assert up.round_trip == pytest.approx(0.04, abs=0.02)
        (path,) = alice.media_paths
        assert 0.01 < (path.round_trip or 0) < 0.045  # smoothed over some checks, 5 s apart
        (connection,) = bob.stats().connections
        assert connection.counters["udp.dropped"] == connection.counters["srtp.replayed"] == 0
        nursery.cancel_scope.cancel()


async def test_what_is_read_too_slowly_is_counted() -> None:
    async with (
        open_server("embedded") as server,
        server.join("alice") as alice,
        server.join("bob") as bob,
        alice.local_participant.publish_track(OPUS) as sound,
    ):
        track = (await bob.wait_for(TrackSubscribed)).track
        with track.frames() as slow, track.packets():
            await sound.wait_subscribed()
            await send(sound, OPUS, 80)
            await trio.sleep(0.1)
            (stream,) = track.stats()
            assert stream.frames_unread == slow.dropped == 30
            assert stream.packets_unread == 0
        (stream,) = bob.stats().inbound
        assert stream.frames_unread == 30  # also of channels that are closed
        events = bob.events(TrackUnsubscribed, replay=False)
        await alice.leave()
        await expect(events, TrackUnsubscribed)
        assert (track.stats(), sound.stats()) == ((), ())


async def test_lost_links_are_counted_and_freeze_the_picture(server: RoomServer) -> None:
    async with (
        server.join("alice") as alice,
        server.join("bob") as bob,
        alice.local_participant.publish_track(VP8) as picture,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(read_everything, bob)
        await bob.wait_for(TrackSubscribed)
        await send(picture, VP8, 50)
        events = bob.events(Reconnected, replay=False)
        (first,) = bob.stats().inbound
        for scenario in (SimulateScenario.SIGNAL_RECONNECT, SimulateScenario.NODE_FAILURE):
            await bob.simulate(scenario)
            await expect(events, Reconnected)
        await send(picture, VP8, 50)
        stats = bob.stats()
        assert (stats.resumes, stats.restarts) == (1, 1)
        (second,) = stats.inbound
        assert second.ssrc != first.ssrc
        assert second.bitrate(first) > 0
        nursery.cancel_scope.cancel()
