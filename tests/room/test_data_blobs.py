"""Blobs that participants store for each other, and what data tracks say about their frames."""

from __future__ import annotations

from functools import partial

import pytest
import trio

from lktrio import proto
from lktrio.errors import NotPermitted, PublishError, ServerError
from lktrio.events import DataTrackPublished, Reconnected
from lktrio.room import (
    DataTrackFrameEncoding,
    DataTrackSchemaEncoding,
    DataTrackSchemaId,
    SimulateScenario,
)
from tests.support.scripted_room import open_scripted_room, quick
from tests.support.servers import RoomServer, expect, until

pytestmark = pytest.mark.virtual_time

POSE = DataTrackSchemaId("pose.v1", DataTrackSchemaEncoding.JSON_SCHEMA)
OTHERS = [
    DataTrackSchemaId("pose.v1", DataTrackSchemaEncoding.PROTOBUF),
    DataTrackSchemaId("pose.v1", "of our own"),
    DataTrackSchemaId("pose.v1"),
]
DEFINITION = '{"type": "object"}'


async def test_tracks_say_what_their_frames_are(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        publish = alice.local_participant.publish_data_track
        events = bob.events(DataTrackPublished)
        cases = [
            ("", None),
            (DataTrackFrameEncoding.CDR, DataTrackSchemaId("s", DataTrackSchemaEncoding.ROS2_MSG)),
            ("JSON", POSE),
            ("of our own", OTHERS[1]),
            (DataTrackFrameEncoding.CBOR, OTHERS[2]),
        ]
        for encoding, schema in cases:
            async with publish("x", frame_encoding=encoding, schema=schema) as track:
                remote = (await expect(events, DataTrackPublished)).track
                for one in (track, remote):
                    assert one.frame_encoding == encoding.lower(), encoding
                    assert one.schema == schema, encoding
        for kind in (DataTrackFrameEncoding, DataTrackSchemaEncoding):
            for known in kind:
                schema = DataTrackSchemaId("s", known)
                async with publish("x", frame_encoding=known, schema=schema) as track:
                    encodings = [track.frame_encoding, schema.encoding]
                    custom = track.info.frame_encoding and track.info.frame_encoding.custom
                    assert encodings == [known, known]
                    assert (custom is None) == (known in set(DataTrackFrameEncoding)), known
        wrong: list[tuple[str, DataTrackSchemaId | None]] = [
            ("ü" * 17, None),
            ("", DataTrackSchemaId("")),
            ("", DataTrackSchemaId("x" * 257)),
            ("", DataTrackSchemaId("x", "ü" * 17)),
        ]
        for encoding, schema in wrong:
            with pytest.raises(ValueError, match="bytes"):
                async with publish("x", frame_encoding=encoding, schema=schema):
                    raise AssertionError
        try:
            unspecified = publish("x", frame_encoding="unspecified")
            async with unspecified as track:
                assert track.frame_encoding == "unspecified"
        except PublishError as error:
            raise AssertionError from error


async def test_blobs_are_for_everybody(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        me, other = alice.local_participant, bob.local_participant
        try:
            await me.define_schema(POSE, DEFINITION)
        except NotPermitted:
            assert server.real  # its default
            return
        assert await other.get_schema(POSE, "alice") == DEFINITION.encode()
        assert await me.get_schema(POSE, "alice") == DEFINITION.encode()
        await me.store_data_blob("pose.v1", b"\x00\xff" * 1000)
        assert await other.get_data_blob("pose.v1", "alice") == b"\x00\xff" * 1000
        for schema in OTHERS:  # the language is part of the key
            with pytest.raises(ServerError, match="not_found"):
                await other.get_schema(schema, "alice")
            await me.define_schema(schema, repr(schema))
            assert await other.get_schema(schema, "alice") == repr(schema).encode()
        await me.store_data_blob("pose.v1", "in its place")
        assert await other.get_data_blob("pose.v1", "alice") == b"in its place"
        for key, identity in (("pose.v2", "alice"), ("pose.v1", "bob"), ("pose.v1", "nobody")):
            with pytest.raises(ServerError, match="not_found") as caught:
                await other.get_data_blob(key, identity)
            assert caught.value.code == "not_found"
        with pytest.raises(ServerError, match="limit_exceeded"):
            await me.store_data_blob("large", bytes(63_900))
        for key in ("", "ü" * 129):
            with pytest.raises(ValueError, match="256 bytes"):
                await me.store_data_blob(key, b"x")
            with pytest.raises(ValueError, match="256 bytes"):
                await me.get_data_blob(key, "alice")
        with pytest.raises(ValueError, match="empty"):
            await me.store_data_blob("x", b"")
        await alice.leave()
        await until(lambda: not bob.remote_participants)
        with pytest.raises(ServerError, match="not_found"):
            await other.get_schema(POSE, "alice")


def _is_of(sid: str, event: DataTrackPublished) -> bool:
    return event.track.sid == sid


async def test_blobs_outlive_a_link(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        me = alice.local_participant
        try:
            await me.define_schema(POSE, DEFINITION)
        except NotPermitted:
            assert server.real  # its default
            return
        for scenario in (SimulateScenario.SIGNAL_RECONNECT, SimulateScenario.NODE_FAILURE):
            events = alice.events(Reconnected, replay=False)
            async with me.publish_data_track("x", schema=POSE) as track:
                await alice.simulate(scenario)
                await me.store_data_blob("meanwhile", scenario)
                await expect(events, Reconnected)
                sid = track.sid
                events_of_bob = bob.events(DataTrackPublished)
                published = await expect(events_of_bob, DataTrackPublished, partial(_is_of, sid))
                assert published.track.schema == POSE
                definition = await bob.local_participant.get_schema(POSE, "alice")
                assert definition == DEFINITION.encode(), scenario
            with trio.fail_after(10):
                stored = await bob.local_participant.get_data_blob("meanwhile", "alice")
            assert stored == scenario.encode()


async def test_answers_of_others_are_not_ours() -> None:
    """And a server without blobs, which says nothing, is not waited for."""
    async with open_scripted_room(options=quick(request=1.0)) as (scripted, room):
        me = room.local_participant
        async with trio.open_nursery() as nursery:

            async def fetch() -> None:
                assert await me.get_data_blob("a", "bob") == b"ours"

            nursery.start_soon(fetch)
            sent = (await scripted.visit.wait_for("get_data_blob_request")).get_data_blob_request
            assert sent is not None
            assert (sent.participant_identity, sent.key) == ("bob", proto.DataBlobKey(generic="a"))
            for number, contents in ((sent.request_id + 1, b"other"), (sent.request_id, b"ours")):
                blob = proto.DataBlob(contents=contents)
                answer = proto.GetDataBlobResponse(request_id=number, blob=blob)
                await scripted.send(get_data_blob_response=answer)
        with pytest.raises(ServerError, match="deadline_exceeded"):
            await me.store_data_blob("a", b"x")
        assert room.unhandled == {}
