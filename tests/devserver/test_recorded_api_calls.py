"""Calls of the server API that LiveKit's server was given get the answers that it gave.

Two participants are in the room as in the recordings, though without peer connections: what they
are asked over data channels is tested elsewhere.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio

from lktrio import proto
from lktrio.devserver import DevServer, open_dev_server
from tests.devserver.client import joined
from tests.devserver.raw_http import Answer, request
from tests.devserver.recorded import SECRET, at, load

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


def name_of(case: dict[str, Any]) -> str:
    return f"{case['case']} {case['path'].partition('?')[0].rpartition('/')[2]}"


def comparable(cases: list[dict[str, Any]]) -> list[Any]:
    names = [name_of(case) for case in cases]
    return [
        pytest.param(case, id=f"{number} {name}")
        for number, (case, name) in enumerate(zip(cases, names, strict=True))
        if case["case"] not in DIFFERENT and name not in DIFFERENT
    ]


def date_of(case: dict[str, Any]) -> str:
    date: str = dict(case["response_headers"])["Date"]
    return date


async def call(server: DevServer, case: dict[str, Any]) -> Answer:
    headers = list(case["request_headers"].items())
    body = base64.b64decode(case["request_body_b64"] or "")
    with at(date_of(case)):
        return await request(server.port, case["method"], case["path"], headers, body)


@asynccontextmanager
async def open_room_as_recorded() -> AsyncGenerator[DevServer, None]:
    async with (
        open_dev_server(api_secret=SECRET) as server,
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


@pytest.mark.parametrize("case", comparable(ROOM))
async def test_rooms(case: dict[str, Any]) -> None:
    with trio.fail_after(20):
        async with open_room_as_recorded() as server:
            if "again" in case["case"]:
                await call(server, case)
            answer = await call(server, case)
    check(answer, case)


def check(answer: Answer, case: dict[str, Any]) -> None:
    recorded = dict(case["response_headers"])
    assert answer.status == case["status"]
    assert answer.headers.get("content-type") == recorded.get("Content-Type")
    body = base64.b64decode(case["response_body_b64"] or "")
    if case["status"] != 200:
        assert answer.body == body
    elif recorded["Content-Type"] == "application/json":
        assert same_shape(json.loads(answer.body), json.loads(body))


@pytest.mark.parametrize("case", comparable(DISPATCH))
async def test_dispatches(case: dict[str, Any]) -> None:
    with trio.fail_after(20):
        async with open_room_as_recorded() as server:
            answer = await call(server, case)
    check(answer, case)
