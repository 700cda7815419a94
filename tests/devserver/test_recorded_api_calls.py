"""Calls of the server API that LiveKit's server was given get the answers that it gave.

Two participants are in the room as in the recordings, though without peer connections: what they
are asked over data channels is tested elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from lktrio import proto
from tests.support.places import Place, serve_place
from tests.support.raw_http import Answer, request
from tests.support.recorded import SECRET, at, load
from tests.support.signal_client import joined

pytestmark = pytest.mark.virtual_time

ROOM = load("api/RoomService.json")["cases"]
DISPATCH = load("api/AgentDispatchService.json")["cases"]

DIFFERENT = {
    "create with egress (no egress service)",  # said at once to be unimplemented
    "body over 10 MiB",  # recorded without its body: see test_http_limits
    "ok application/protobuf PerformRpc",  # they need an answer of the participant
    "ok application/json PerformRpc",
    "unknown method PerformRpc",
    "application error PerformRpc",
    "delete DeleteDispatch",  # it needs the id: see test_agent_dispatches
    "mute, json MutePublishedTrack",  # it needs the sid: see test_server_api
}


REMOVING = ("/DeleteRoom", "/RemoveParticipant")


def name_of(case: dict[str, Any]) -> str:
    return f"{case['case']} {case['path'].partition('?')[0].rpartition('/')[2]}"


def comparable(cases: list[dict[str, Any]]) -> list[dict[str, Any]]:
    named = [(case, name_of(case)) for case in cases]
    return [case for case, name in named if not DIFFERENT & {case["case"], name}]


def date_of(case: dict[str, Any]) -> str:
    date: str = dict(case["response_headers"])["Date"]
    return date


async def call(server: Place, case: dict[str, Any]) -> Answer:
    headers = list(case["request_headers"].items())
    body = base64.b64decode(case["request_body_b64"] or "")
    with at(date_of(case)):
        return await request(server, case["method"], case["path"], headers, body)


@asynccontextmanager
async def open_room_as_recorded() -> AsyncGenerator[Place, None]:
    async with (
        serve_place(api_secret=SECRET) as server,
        joined(server, "alice", "api-room", can_update_own_metadata=True) as alice,
        joined(server, "bob", "api-room", can_update_own_metadata=True),
    ):
        request = proto.AddTrackRequest(cid="c", name="mic", source=proto.TrackSource.MICROPHONE)
        await alice.send(add_track=request)
        await alice.wait_for("track_published")
        yield server


def same_shape(found: Any, recorded: Any) -> bool:
    """Whether a JSON answer has the members of the recorded one, whatever their values.

    Absent messages are null there and left out here.
    """
    if isinstance(recorded, dict):
        members = {name for name, value in recorded.items() if value is not None}
        return isinstance(found, dict) and members <= set(found)
    return type(found) is type(recorded)


async def check_all(cases: list[dict[str, Any]]) -> None:
    """Make calls one after the other, in a new room after those that take somebody away."""
    remaining = deque(cases)
    while remaining:
        with trio.fail_after(60):
            async with open_room_as_recorded() as server:
                while remaining:
                    case = remaining.popleft()
                    if "again" in case["case"]:
                        await call(server, case)
                    check(await call(server, case), case)
                    if case["status"] == 200 and case["path"].endswith(REMOVING):
                        break


async def test_rooms() -> None:
    await check_all(comparable(ROOM))


async def test_dispatches() -> None:
    await check_all(comparable(DISPATCH))


def check(answer: Answer, case: dict[str, Any]) -> None:
    recorded = dict(case["response_headers"])
    name = name_of(case)
    assert answer.status == case["status"], name
    assert answer.headers.get("content-type") == recorded.get("Content-Type"), name
    body = base64.b64decode(case["response_body_b64"] or "")
    if case["status"] != 200:
        assert answer.body == body, name
    elif recorded["Content-Type"] == "application/json":
        assert same_shape(json.loads(answer.body), json.loads(body)), name
