"""Two LiveKit servers and Redis are one: when a node dies, rooms go on at the other.

``LIVEKIT_CLUSTER`` names the nodes as ``url=process,url=process``; the process of a node is ended.
Everybody on this machine; ``LIVEKIT_API_KEY`` and ``LIVEKIT_API_SECRET`` as usual.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import trio

from lktrio.auth import AccessToken, VideoGrants
from lktrio.events import ParticipantDisconnected, Reconnected, TrackUnsubscribed
from lktrio.net import SystemNetwork
from lktrio.room import Room, RoomOptions, open_room
from tests.support.calls import call_between, go_on

pytestmark = [
    pytest.mark.livekit_server,
    pytest.mark.skipif("LIVEKIT_CLUSTER" not in os.environ, reason="LIVEKIT_CLUSTER is not set"),
]


@dataclass
class Node:
    """A node that lives."""

    url: str
    process: int


def _nodes() -> list[Node]:
    pairs = (pair.rsplit("=", 1) for pair in os.environ["LIVEKIT_CLUSTER"].split(","))
    return [Node(url, int(process)) for url, process in pairs]


def _balancer(nodes: list[Node]) -> Callable[[str, int], Awaitable[trio.abc.Stream]]:
    """What stands before a cluster: connects to the first node that answers."""
    network = SystemNetwork()

    async def connect(host: str, port: int) -> trio.abc.Stream:
        for node in nodes:
            parts = urlsplit(node.url)
            try:
                return await network.open_tcp_stream(parts.hostname or host, parts.port or port)
            except OSError:
                continue
        raise OSError("no node answers")

    return connect


def _token(identity: str, room: str) -> str:
    grants = VideoGrants(room_join=True, room=room)
    return AccessToken(identity=identity, video=grants).to_jwt()


def _serving(room: Room) -> str:
    assert room.server_info is not None
    return room.server_info.node_id


async def test_a_call_goes_on_when_its_node_dies() -> None:
    """One of the two is linked to the node itself, the other through the other node."""
    one, two = _nodes()
    name, ways = f"cluster-{uuid4()}", ([one, two], [two, one])
    first, second = (RoomOptions(loopback=True, open_tcp_stream=_balancer(way)) for way in ways)
    with trio.fail_after(120):
        async with (
            open_room(one.url, _token("alice", name), first) as alice,
            open_room(one.url, _token("bob", name), second) as bob,
            call_between(alice, bob) as sides,
        ):
            node = _serving(alice)
            assert _serving(bob) == node
            news = [side.room.events(Reconnected, replay=False) for side in sides]
            # Which of the processes is the node, nobody tells; one that only passes signalling on
            # may be lost as well, so the first is ended and, if it was not the node, that is all.
            os.kill(one.process, signal.SIGKILL)
            for way in ways:
                way.remove(one)
            with trio.move_on_after(30):
                for events in news:
                    await events.receive()
            await go_on(*sides)
            for side in sides:
                assert side.room.state == "connected"
                assert side.tracks == 1
                assert not side.told(TrackUnsubscribed)
                assert not side.told(ParticipantDisconnected)
