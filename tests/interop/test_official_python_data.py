"""LiveKit's Python SDK and our participant send each other data, and come and go."""

from __future__ import annotations

import hashlib

import pytest
import trio

from lktrio.events import (
    DataReceived,
    ParticipantAttributesChanged,
    ParticipantConnected,
    ParticipantDisconnected,
)
from tests.interop.support.child import open_child
from tests.interop.support.participant import open_participant
from tests.support.servers import SERVERS, open_server

pytest.importorskip("livekit.rtc", reason="LiveKit's Python SDK is not installed")
pytest.importorskip("av", reason="PyAV is not installed")

LIMIT = 60
COUNT = 50

on_each_server = pytest.mark.parametrize("which", SERVERS)
single = pytest.mark.parametrize("single", [True, False], ids=["v1", "v0"])


def theirs(size: int, number: int = 0) -> bytes:
    """What the other client sends."""
    return number.to_bytes(4, "big") + bytes(index % 251 for index in range(size - 4))


@on_each_server
@single
async def test_data_crosses_both_ways(which: str, single: bool) -> None:
    large = bytes(range(256)) * 200  # 51,200 bytes
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client") as other,
            open_participant(
                server.url, server.token("me"), single_peer_connection=single
            ) as participant,
        ):
            await other.order(
                "join", url=server.url, token=server.token("other"), single_peer_connection=single
            )
            await participant.wait(lambda: "other" in participant.room.remote_participants)

            await other.order("data", size=1000, reliable=True, topic="many", count=COUNT)
            await other.order("data", size=50_000, reliable=True, topic="large")
            await other.order("data", size=1000, reliable=False, topic="lossy")
            await participant.wait(lambda: len(participant.data("large")) == 1)
            assert participant.data("many") == [theirs(1000, number) for number in range(COUNT)]
            assert participant.data("large") == [theirs(50_000)]
            lossy = await participant.wait_event(DataReceived, lambda e: e.topic == "lossy")
            assert (lossy.reliable, lossy.data) == (False, theirs(1000))
            assert lossy.participant is participant.room.remote_participants["other"]

            publish = participant.room.local_participant.publish_data
            for number in range(COUNT):
                await publish(number.to_bytes(4, "big") * 200, topic="many")
            await publish(large, topic="large", destination_identities=["other"])
            await publish(b"quick", topic="lossy", reliable=False)
            arrived = await other.wait("data", topic="large")
            assert arrived["digest"] == hashlib.sha256(large).hexdigest()
            assert (arrived["identity"], arrived["reliable"]) == ("me", True)
            many = other.matching("data", topic="many")
            sent = [hashlib.sha256(number.to_bytes(4, "big") * 200) for number in range(COUNT)]
            assert [entry["digest"] for entry in many] == [digest.hexdigest() for digest in sent]
            quick = await other.wait("data", topic="lossy")
            assert (quick["size"], quick["reliable"]) == (5, False)


@on_each_server
async def test_data_reaches_only_those_it_is_for(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with (
            open_server(which) as server,
            open_child("official_client", name="alice") as alice,
            open_child("official_client", name="bob") as bob,
            open_participant(server.url, server.token("me")) as participant,
        ):
            await alice.order("join", url=server.url, token=server.token("alice"))
            await bob.order("join", url=server.url, token=server.token("bob"))
            await participant.wait(lambda: len(participant.room.remote_participants) == 2)
            publish = participant.room.local_participant.publish_data
            await publish("secret", topic="secret", destination_identities=["alice"])
            await publish("open", topic="open")
            await alice.wait("data", topic="secret")
            await bob.wait("data", topic="open")
            assert not bob.matching("data", topic="secret")
            await alice.order("data", size=10, reliable=True, topic="secret", to=["bob"])
            await alice.order("data", size=10, reliable=True, topic="open")
            await bob.wait("data", topic="secret")
            await participant.wait_event(DataReceived, lambda e: e.topic == "open")
            assert participant.data("secret") == []


@on_each_server
@single
async def test_each_sees_the_other_come_change_and_go(which: str, single: bool) -> None:
    with trio.fail_after(LIMIT):
        async with open_server(which) as server, open_child("official_client") as other:
            mine = server.token("me", can_update_own_metadata=True)
            theirs = server.token("other", can_update_own_metadata=True)
            async with open_participant(
                server.url, mine, single_peer_connection=single
            ) as participant:
                await other.order(
                    "join", url=server.url, token=theirs, single_peer_connection=single
                )
                connected = await participant.wait_event(ParticipantConnected)
                assert connected.participant.identity == "other"
                await other.order("attributes", attributes={"mood": "fine"})
                changed = await participant.wait_event(
                    ParticipantAttributesChanged, lambda e: e.participant.identity == "other"
                )
                assert changed.changed == {"mood": "fine"}
                await participant.room.local_participant.set_attributes({"colour": "blue"})
                await other.wait("attributes", identity="me", changed={"colour": "blue"})
                await other.order("leave")
                gone = await participant.wait_event(ParticipantDisconnected)
                assert (gone.participant.identity, gone.reason) == ("other", "client_initiated")


@on_each_server
async def test_it_sees_us_leave(which: str) -> None:
    with trio.fail_after(LIMIT):
        async with open_server(which) as server, open_child("official_client") as other:
            await other.order("join", url=server.url, token=server.token("other"))
            async with open_participant(server.url, server.token("me")):
                await other.wait("connected", identity="me")
            await other.wait("left", identity="me")
