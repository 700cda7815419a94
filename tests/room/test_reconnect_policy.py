"""How a lost link is replaced is the program's choice, and leaving works meanwhile."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import trio

from lktrio.errors import RoomClosed
from lktrio.events import Disconnected, Reconnected, Reconnecting
from lktrio.media import OPUS
from lktrio.room import DisconnectReason, ReconnectKind, ReconnectPolicy, Room, RoomOptions
from tests.support.cases import each_case
from tests.support.servers import V1, RoomServer

pytestmark = pytest.mark.virtual_time
EMBEDDED = pytest.mark.parametrize("server", ["embedded"], indirect=True)
DEADLINE = 1000.0

_RESUME, _RESTART = ReconnectKind.RESUME, ReconnectKind.RESTART


def _with(policy: ReconnectPolicy | None) -> RoomOptions:
    return replace(V1, reconnect=policy)


def _part(server: RoomServer) -> None:
    assert server.network is not None
    assert server.server_host is not None
    server.network.partition(server.hosts[-1], server.server_host)


async def _tell(room: Room, scenario: str) -> list[object]:
    """What is told of the link until it works again, or the room has ended."""
    heard: list[object] = []
    events = room.events(Reconnecting, Reconnected, Disconnected, replay=False)
    await room.simulate(scenario)
    async for event in events:
        heard.append(event)
        if not isinstance(event, Reconnecting):
            break
    return heard


@EMBEDDED
async def test_a_policy_says_what_is_tried(server: RoomServer) -> None:
    lost = Disconnected(DisconnectReason.SIGNAL_CLOSE, can_reconnect=True)
    cases: list[tuple[ReconnectPolicy | None, str, list[object]]] = [
        (None, "signal_reconnect", [lost]),
        (ReconnectPolicy(delays=()), "signal_reconnect", [lost]),
        (ReconnectPolicy(deadline=0.1, delays=(0.2,)), "signal_reconnect", [lost]),
        (
            ReconnectPolicy(resume=False),
            "signal_reconnect",
            [Reconnecting(_RESTART, 1), Reconnected(_RESTART)],
        ),
        (
            ReconnectPolicy(restart=False),
            "signal_reconnect",
            [Reconnecting(_RESUME, 1), Reconnected(_RESUME)],
        ),
        (
            ReconnectPolicy(restart=False),
            "node_failure",
            [
                Reconnecting(_RESUME, 1),
                Disconnected(DisconnectReason.STATE_MISMATCH, can_reconnect=True),
            ],
        ),
        (ReconnectPolicy(resume=False, restart=False), "signal_reconnect", [lost]),
    ]
    for policy, scenario, expected in cases:
        async with server.join("me", _with(policy)) as room:
            with trio.fail_after(100):
                assert await _tell(room, scenario) == expected, policy
        await server.wait_for_participants()


@EMBEDDED
async def test_the_tries_take_the_time_that_the_policy_gives_them(server: RoomServer) -> None:
    policy = ReconnectPolicy(delays=(1.0, 10.0, 100.0), jitter=0.2)
    async with server.join("me", _with(policy)) as room:
        events = room.events(Reconnecting, Disconnected, replay=False)
        _part(server)
        times: list[float] = []
        with trio.fail_after(400):
            async for event in events:
                times.append(trio.current_time())
                assert isinstance(event, Reconnecting) is (len(times) <= 3)
        assert room.state == "disconnected"
    connecting = 5.0  # seconds of each try, beside its delay
    assert times[1] - times[0] == pytest.approx(1 + connecting, abs=0.5)
    assert 8 + connecting <= times[2] - times[1] <= 12 + connecting + 0.5
    assert 80 + connecting <= times[3] - times[2] <= 120 + connecting + 0.5


@EMBEDDED
async def test_a_room_is_left_while_its_link_is_lost(server: RoomServer) -> None:
    for scenario in ("signal_reconnect", "node_failure"):
        policy = ReconnectPolicy(delays=(30.0, 30.0))
        async with server.join("me", _with(policy)) as room:
            events = room.events(Reconnecting, replay=False)
            await room.simulate(scenario)
            await events.receive()
            waiting: list[str] = []

            async def call(function: Any, *args: Any) -> None:
                with pytest.raises(RoomClosed):
                    await function(*args)
                waiting.append(function.__name__)  # noqa: B023

            async def publish() -> None:
                async with room.local_participant.publish_track(OPUS):
                    pass

            async with trio.open_nursery() as nursery:
                nursery.start_soon(call, publish)
                nursery.start_soon(call, room.local_participant.set_name, "Me")
                await trio.sleep(10)
                assert not waiting
                before = trio.current_time()
                await room.leave()
                assert trio.current_time() - before < 2
            assert sorted(waiting) == ["publish", "set_name"]
        await server.wait_for_participants()


@each_case(
    "values",
    [{"delays": (-1.0,)}, {"delays": (float("inf"),)}, {"jitter": 2.0}, {"deadline": -1.0}],
)
def test_policies_that_make_no_sense(values: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="not"):
        ReconnectPolicy(**values)
