"""Participants keep small pieces of data at the server, which others ask for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
import trio

from lktrio import proto
from lktrio.devserver import open_dev_server
from tests.devserver.client import SignalClient, joined

Reason = proto.RequestResponse.Reason
KEY = proto.DataBlobKey(generic="blob-1")


@asynccontextmanager
async def open_pair() -> AsyncGenerator[tuple[SignalClient, SignalClient], None]:
    with trio.fail_after(20):
        async with (
            open_dev_server() as server,
            joined(server, "alice") as alice,
            joined(server, "bob") as bob,
        ):
            yield alice, bob


async def store(client: SignalClient, blob: proto.DataBlob | None) -> None:
    request = proto.StoreDataBlobRequest(request_id=7, blob=blob)
    await client.send(store_data_blob_request=request)


async def get(client: SignalClient, identity: str, key: proto.DataBlobKey | None) -> None:
    request = proto.GetDataBlobRequest(request_id=8, participant_identity=identity, key=key)
    await client.send(get_data_blob_request=request)


async def test_what_one_stores_another_gets() -> None:
    schema = proto.DataTrackSchemaId(
        name="some", encoding=proto.DataTrackSchemaEncoding(custom="mine")
    )
    async with open_pair() as (alice, bob):
        for key in (KEY, proto.DataBlobKey(schema_id=schema)):
            await store(alice, proto.DataBlob(key=key, contents=b"a" * 20_000))
            stored = await alice.wait_for("store_data_blob_response")
            await get(bob, "alice", key)
            found = await bob.wait_for("get_data_blob_response")
            assert (stored.request_id, stored.key) == (7, key)
            assert (found.request_id, found.blob.key) == (8, key)
            assert found.blob.contents == b"a" * 20_000


@pytest.mark.parametrize(
    ("blob", "reason", "message"),
    [
        (None, Reason.INVALID_REQUEST, "data blob is invalid"),
        (proto.DataBlob(contents=b"x"), Reason.INVALID_REQUEST, "data blob is invalid"),
        (
            proto.DataBlob(key=proto.DataBlobKey(generic="k" * 300), contents=b"x"),
            Reason.INVALID_REQUEST,
            "data blob is invalid",
        ),
        (proto.DataBlob(key=KEY), Reason.INVALID_REQUEST, "data blob is empty"),
        (
            proto.DataBlob(key=KEY, contents=bytes(64_000)),
            Reason.LIMIT_EXCEEDED,
            "async attribute definition exceeds limit",
        ),
        (
            proto.DataBlob(
                key=proto.DataBlobKey(
                    schema_id=proto.DataTrackSchemaId(
                        name="n", encoding=proto.DataTrackSchemaEncoding(custom="")
                    )
                ),
                contents=b"x",
            ),
            Reason.INVALID_REQUEST,
            "encoding identifier is empty or exceeds the maximum length",
        ),
    ],
)
async def test_what_cannot_be_stored(
    blob: proto.DataBlob | None, reason: Reason, message: str
) -> None:
    async with open_pair() as (alice, _):
        await store(alice, blob)
        answer = await alice.wait_for("request_response")
    assert (answer.request_id, answer.reason, answer.message) == (7, reason, message)


async def test_the_limit_is_of_all_together() -> None:
    async with open_pair() as (alice, _):
        await store(alice, proto.DataBlob(key=KEY, contents=bytes(60_000)))
        await alice.wait_for("store_data_blob_response")
        await store(alice, proto.DataBlob(key=KEY, contents=bytes(60_000)))
        answer = await alice.wait_for("request_response")
    assert answer.reason == Reason.LIMIT_EXCEEDED


@pytest.mark.parametrize(
    ("identity", "key", "reason", "message"),
    [
        ("alice", None, Reason.INVALID_REQUEST, "data blob key is required"),
        ("alice", KEY, Reason.NOT_FOUND, "data blob not found"),
        ("nobody", KEY, Reason.NOT_FOUND, "participant not found"),
    ],
)
async def test_what_is_not_there(
    identity: str, key: proto.DataBlobKey | None, reason: Reason, message: str
) -> None:
    async with open_pair() as (_, bob):
        await get(bob, identity, key)
        answer = await bob.wait_for("request_response")
    assert (answer.request_id, answer.reason, answer.message) == (8, reason, message)


@pytest.mark.parametrize("name", ["", "e" * 33])
async def test_data_tracks_need_good_names_of_encodings(name: str) -> None:
    frames = proto.DataTrackFrameEncoding(custom=name)
    schema = proto.DataTrackSchemaId(name="n", encoding=proto.DataTrackSchemaEncoding(custom=name))
    async with open_pair() as (alice, _):
        for request in (
            proto.PublishDataTrackRequest(pub_handle=1, name="a", frame_encoding=frames),
            proto.PublishDataTrackRequest(pub_handle=2, name="b", schema=schema),
        ):
            await alice.send(publish_data_track_request=request)
            answer = await alice.wait_for("request_response")
            assert answer.reason == Reason.INVALID_REQUEST
            assert answer.message == "encoding identifier is empty or exceeds the maximum length"
