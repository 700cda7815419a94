"""Data tracks with a server that is asked, refuses, is silent, or sends what makes no sense."""

from __future__ import annotations

import gc

import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.errors import DuplicateName, EncryptedMedia, NotPermitted, PublishError, PublishTimeout
from lktrio.events import DataTrackPublished, DataTrackUnpublished, LocalDataTrackUnpublished
from lktrio.room import DataTrackChannel, RemoteDataTrack, Room
from lktrio.room.data_tracks.packet import DataTrackPacket, encode_packet
from tests.support.scripted_room import ME, Plan, ScriptedRoom, info, open_scripted_room, quick
from tests.support.servers import expect, until

pytestmark = pytest.mark.virtual_time

Handles = proto.DataTrackSubscriberHandles
Reason = proto.RequestResponse.Reason
Updates = list[tuple[str, bool, int | None]]


def named(name: str, sid: str = "", **values: object) -> proto.DataTrackInfo:
    return proto.DataTrackInfo(sid=sid or f"DTR_{name}", name=name, **values)  # type: ignore[arg-type]


def packet(handle: int, payload: bytes, number: int = 0, **marks: bool) -> bytes:
    flags = {"starts": True, "ends": True, **marks}
    return encode_packet(DataTrackPacket(handle, number, number, 0, payload=payload, **flags))


class Server:
    """What a test does as the server."""

    def __init__(self, scripted: ScriptedRoom, room: Room) -> None:
        self.scripted, self.room = scripted, room
        self._requests = 0

    async def publish(self, *tracks: proto.DataTrackInfo, of: str = "bob") -> list[RemoteDataTrack]:
        await self.scripted.update(info(of, data_tracks=list(tracks)))
        names = {track.name for track in tracks}

        def there() -> set[str]:
            other = self.room.remote_participants.get(of)
            return set(other.data_tracks) if other is not None else set()

        await until(lambda: there() == names)
        return [self.room.remote_participants[of].data_tracks[track.name] for track in tracks]

    async def asked(self) -> Updates:
        """What the next request for subscriptions says."""
        self._requests += 1
        request = await self.scripted.visit.wait_for("update_data_subscription", self._requests)
        assert request.update_data_subscription is not None
        return [
            (one.track_sid, one.subscribe, one.options.target_fps if one.options else None)
            for one in request.update_data_subscription.updates
        ]

    async def number(self, **handles: int) -> None:
        """Say the handles of tracks, which are named ``DTR_`` and something."""
        sub_handles = {
            handle: Handles.PublishedDataTrack(
                publisher_identity="bob", publisher_sid="PA_bob", track_sid=f"DTR_{name}"
            )
            for name, handle in handles.items()
        }
        await self.scripted.send(data_track_subscriber_handles=Handles(sub_handles=sub_handles))

    async def send(self, message: bytes) -> None:
        await self.scripted.send_data(message, "_data_track")


async def payload(frames: DataTrackChannel) -> bytes:
    with trio.fail_after(5):
        return (await frames.receive()).payload


async def test_subscriptions_are_asked_for_together_and_once() -> None:
    async with open_scripted_room() as (scripted, room):
        server = Server(scripted, room)
        a, b = await server.publish(named("a"), named("b"))
        first, second = a.frames(target_fps=5), b.frames()
        assert await server.asked() == [("DTR_a", True, 5), ("DTR_b", True, None)]
        faster = a.frames(target_fps=30)
        assert await server.asked() == [("DTR_a", True, 30)]
        everything = a.frames()
        assert await server.asked() == [("DTR_a", True, None)]
        for channel in (everything, faster):
            channel.close()
            channel.close()
        assert await server.asked() == [("DTR_a", True, 5)]
        first.close()
        a.frames().close()  # come and gone in between
        assert await server.asked() == [("DTR_a", False, None)]
        await server.number(b=7)
        await second.wait_subscribed()
        del second  # nobody refers to it any longer
        gc.collect()
        await server.send(packet(7, b"for nobody"))
        assert await server.asked() == [("DTR_b", False, None)]
        await trio.testing.wait_all_tasks_blocked()
        kinds = [request.update_data_subscription for request in scripted.visit.requests]
        assert len([one for one in kinds if one is not None]) == 6


async def test_handles_are_what_the_server_says_last() -> None:
    async with open_scripted_room() as (scripted, room):
        server = Server(scripted, room)
        a, b = await server.publish(named("a"), named("b"))
        of_a, of_b = a.frames(), b.frames()
        await server.send(packet(3, b"before its handle"))
        await server.send(packet(4, b"of nobody known"))
        await trio.sleep(0.1)
        await server.number(a=3, missing=9)
        assert await payload(of_a) == b"before its handle"
        assert (a.subscribed, b.subscribed) == (True, False)
        await server.number(a=5, b=3)
        await of_b.wait_subscribed()
        await server.send(packet(3, b"now of b"))
        await server.send(packet(5, b"now of a"))
        assert (await payload(of_a), await payload(of_b)) == (b"now of a", b"now of b")
        await server.number(b=3)
        await until(lambda: not a.subscribed)
        await server.send(packet(5, b"not received any more"))
        await trio.sleep(3)
        await server.number(a=5, b=3)
        await of_a.wait_subscribed()
        await server.send(packet(5, b"again"))
        assert await payload(of_a) == b"again"  # what was too early is too old by now
        assert room.unhandled == {}


async def test_what_makes_no_sense_is_counted() -> None:
    async with open_scripted_room() as (scripted, room):
        server, stats = Server(scripted, room), room.data_stats
        (track,) = await server.publish(named("a"))
        await server.send(packet(1, b"that nobody waits for"))
        await until(lambda: stats.track_packets_unknown == 1)
        frames = track.frames()
        for number in range(1000):  # of handles that will never be known
            await server.send(packet(number + 2, bytes(100)))
        await server.number(a=1)
        await frames.wait_subscribed()
        for garbage in (b"\x00", b"\xff" * 40, packet(1, b"")[:11], bytes(12)):
            await server.send(garbage)
        for number in range(20):  # frames that do not end
            await server.send(packet(1, b"x", number, ends=False))
        await server.send(packet(1, b"whole", 20))
        assert await payload(frames) == b"whole"
        assert stats.track_packets_malformed == 4
        assert stats.track_packets_unknown >= 900
        assert stats.track_frames_incomplete >= 10
        assert room.state == "connected"


async def test_tracks_of_others_come_change_and_go() -> None:
    async with open_scripted_room() as (scripted, room):
        server = Server(scripted, room)
        news = room.events(DataTrackPublished, DataTrackUnpublished)
        (track,) = await server.publish(named("a", "DTR_1"))
        assert (await expect(news, DataTrackPublished)).track is track
        frames = track.frames()
        await scripted.update(
            info("bob", data_tracks=[named("a", "DTR_2"), named("a", "DTR_3"), named("b")])
        )
        assert (await expect(news, DataTrackUnpublished)).track is track
        assert [(await expect(news, DataTrackPublished)).track.sid for _ in "ab"] == [
            "DTR_2",
            "DTR_b",
        ]
        assert [frame async for frame in frames] == []
        (secret,) = await server.publish(
            named("s", encryption=proto.Encryption.Type.GCM), of="carol"
        )
        with pytest.raises(EncryptedMedia):
            secret.frames()
        beginning = room.events(DataTrackPublished)
        names = [(await expect(beginning, DataTrackPublished)).track.name for _ in range(3)]
        assert sorted(names) == ["a", "b", "s"]
        left = info("bob", state=proto.ParticipantInfo.State.DISCONNECTED)
        await scripted.update(left)
        gone = [(await expect(news, DataTrackUnpublished)).track.name for _ in "ab"]
        assert sorted(gone) == ["a", "b"]


def _refusal(request: proto.PublishDataTrackRequest, reason: Reason) -> proto.RequestResponse:
    return proto.RequestResponse(reason=reason, publish_data_track=request, message="no")


async def test_refusals_are_errors_of_their_own() -> None:
    cases = {
        Reason.NOT_ALLOWED: NotPermitted,
        Reason.DUPLICATE_NAME: DuplicateName,
        Reason.INVALID_HANDLE: PublishError,
        Reason.DUPLICATE_HANDLE: PublishError,
        Reason.INVALID_NAME: PublishError,
        Reason.LIMIT_EXCEEDED: PublishError,
    }
    async with open_scripted_room() as (scripted, room), trio.open_nursery() as nursery:

        async def refuse() -> None:
            reasons = iter(cases)
            async for sent in scripted.requests("publish_data_track_request"):
                request = sent.publish_data_track_request
                assert request is not None
                other = proto.PublishDataTrackRequest(pub_handle=request.pub_handle + 1)
                await scripted.send(request_response=_refusal(other, Reason.NOT_ALLOWED))
                await scripted.send(request_response=_refusal(request, next(reasons)))

        nursery.start_soon(refuse)
        for reason, error in cases.items():
            with pytest.raises(error, match=f"'x' .{reason.name.lower()}.: no") as caught:
                async with room.local_participant.publish_data_track("x"):
                    raise AssertionError
            assert type(caught.value) is error, reason
        await trio.testing.wait_all_tasks_blocked()
        assert not any(one.unpublish_data_track_request for one in scripted.visit.requests)
        nursery.cancel_scope.cancel()


async def test_a_server_that_does_not_answer() -> None:
    """What it may have accepted nevertheless is withdrawn."""
    async with open_scripted_room(options=quick(add_track=0.5)) as (scripted, room):
        with pytest.raises(PublishTimeout, match="know data tracks"):
            async with room.local_participant.publish_data_track("x"):
                raise AssertionError
        asked = (
            await scripted.visit.wait_for("publish_data_track_request")
        ).publish_data_track_request
        ended = await scripted.visit.wait_for("unpublish_data_track_request")
        assert asked is not None
        assert ended.unpublish_data_track_request == proto.UnpublishDataTrackRequest(
            pub_handle=asked.pub_handle
        )
        late = proto.PublishDataTrackResponse(info=named("x", pub_handle=asked.pub_handle))
        await scripted.send(publish_data_track_response=late)
        await trio.testing.wait_all_tasks_blocked()
        assert not room.local_participant.data_tracks
        assert room.unhandled == {}


async def accept(scripted: ScriptedRoom) -> None:
    async for sent in scripted.requests("publish_data_track_request"):
        request = sent.publish_data_track_request
        assert request is not None
        track = named(request.name, pub_handle=request.pub_handle)
        await scripted.send(publish_data_track_response=proto.PublishDataTrackResponse(info=track))


async def test_a_channel_that_never_opens() -> None:
    plan, options = Plan(data=False), quick(data_channel=0.2)
    async with (
        open_scripted_room(plan, options) as (scripted, room),
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(accept, scripted)
        with pytest.raises(PublishTimeout, match="_data_track"):
            async with room.local_participant.publish_data_track("x"):
                raise AssertionError
        await scripted.visit.wait_for("unpublish_data_track_request")
        nursery.cancel_scope.cancel()


async def test_a_permission_that_is_taken_away() -> None:
    async with open_scripted_room() as (scripted, room), trio.open_nursery() as nursery:
        nursery.start_soon(accept, scripted)
        events = room.events(LocalDataTrackUnpublished)
        async with room.local_participant.publish_data_track("x") as track:
            await track.send(b"x")
            revoked = proto.ParticipantPermission(can_subscribe=True, can_publish=True)
            mine = proto.ParticipantInfo(
                sid=ME.sid, identity=ME.identity, state=ME.state, permission=revoked
            )
            await scripted.update(mine)
            assert (await expect(events, LocalDataTrackUnpublished)).track is track
            with pytest.raises(trio.BrokenResourceError, match="took"):
                await track.send(b"y")
        nursery.cancel_scope.cancel()


async def test_a_server_that_has_other_ideas_of_our_tracks() -> None:
    """Other names than it was asked for, and tracks that it ends by itself."""
    async with open_scripted_room() as (scripted, room), trio.open_nursery() as nursery:

        async def accept_as_one() -> None:
            async for sent in scripted.requests("publish_data_track_request"):
                request = sent.publish_data_track_request
                assert request is not None
                track = named("same", pub_handle=request.pub_handle)
                response = proto.PublishDataTrackResponse(info=track)
                await scripted.send(publish_data_track_response=response)

        nursery.start_soon(accept_as_one)
        me, events = room.local_participant, room.events(LocalDataTrackUnpublished)
        async with me.publish_data_track("x") as x, me.publish_data_track("y") as y:
            assert me.data_tracks == {"x": x, "y": y}
            await scripted.send(
                unpublish_data_track_response=proto.UnpublishDataTrackResponse(info=x.info)
            )
            assert (await expect(events, LocalDataTrackUnpublished)).track is x
            with pytest.raises(trio.BrokenResourceError, match="took"):
                x.send_nowait(b"x")
            y.send_nowait(b"y")
        assert not me.data_tracks
        assert (await expect(events, LocalDataTrackUnpublished)).track is y
        nursery.cancel_scope.cancel()


async def test_senders_wait_for_room() -> None:
    """And no longer than the track, the link and the room are there."""
    async with open_scripted_room() as (scripted, room), trio.open_nursery() as nursery:
        nursery.start_soon(accept, scripted)
        me = room.local_participant
        async with me.publish_data_track("x") as track, me.publish_data_track("y") as other:
            sent = 0

            async def send() -> None:
                nonlocal sent
                while True:
                    await track.send(bytes(10_000))
                    sent += 1

            async def send_until_closed() -> None:
                with pytest.raises(trio.ClosedResourceError):
                    await send()

            receive, scripted.peer.receive = scripted.peer.receive, lambda *args: None  # type: ignore[method-assign]
            nursery.start_soon(send_until_closed)
            await until(lambda: sent > 6)
            await trio.sleep(0.1)
            stopped = sent
            assert stopped < 20
            with pytest.raises(trio.WouldBlock):
                other.send_nowait(b"x")
            with trio.move_on_after(0.1) as scope:
                await other.send(b"x")
            assert scope.cancelled_caught
            assert sent == stopped
            scripted.peer.receive = receive  # type: ignore[method-assign]
            await until(lambda: sent > stopped + 20)
            scripted.peer.receive = lambda *args: None  # type: ignore[method-assign]
            await trio.sleep(0.5)
            await track.aclose()
        nursery.cancel_scope.cancel()
