"""LiveKit's mock server as a project of LiveKit Cloud: rooms are tried in each of its regions."""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import pytest
import trio

from lktrio.auth import AccessToken, VideoGrants
from lktrio.errors import AuthenticationFailed, ConnectError, JoinRejected
from lktrio.net import SystemNetwork
from lktrio.room import RoomOptions, open_room

pytestmark = [
    pytest.mark.livekit_test_server,
    pytest.mark.skipif(
        "LK_TEST_SERVER_URL" not in os.environ, reason="LK_TEST_SERVER_URL is not set"
    ),
]
MOCK = urlsplit(os.environ.get("LK_TEST_SERVER_URL", ""))
KEY = os.environ.get("LIVEKIT_API_KEY", "devkey")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "secretsecretsecretsecretsecretsecret")
REGIONS = 4  # of the mock server, if it is not told otherwise; the first is the project's host
PROJECT = "project.livekit.cloud"
CASES: dict[str, tuple[type[ConnectError], bool]] = {
    "validate_500": (JoinRejected, True),
    "close_before_join": (ConnectError, True),
    "room_not_found": (JoinRejected, False),
    "leave_first_message": (JoinRejected, False),
    "": (AuthenticationFailed, False),
}
"""Signal modes, the errors of joins (without a mode: by a bad token), and whether another region
may do better."""


async def _fail(mode: str, kind: type[ConnectError]) -> tuple[list[int], list[str]]:
    """A join that fails; returns the ports that were tried, and the notes of the error."""
    tried: list[int] = []
    network = SystemNetwork()

    async def connect(host: str, port: int) -> trio.abc.HalfCloseableStream:
        tried.append(port)
        return await network.open_tcp_stream(MOCK.hostname or "", port)

    token = AccessToken(
        identity="me",
        video=VideoGrants(room_join=True, room="mock"),
        attributes={"lk.mock": json.dumps({"signal": mode})},
    ).to_jwt(KEY, SECRET if mode else "another secret" * 3)
    options = RoomOptions(network=network, open_tcp_stream=connect, join_retries=0)
    with trio.fail_after(30), pytest.raises(kind) as caught:
        async with open_room(f"ws://{PROJECT}:{MOCK.port}", token, options):
            pytest.fail("the join succeeded")
    return tried, getattr(caught.value, "__notes__", [])


async def test_each_region_is_tried_if_that_may_help() -> None:
    for mode, (kind, goes_on) in CASES.items():
        tried, notes = await _fail(mode, kind)
        assert tried[0] == MOCK.port, mode
        assert (len(set(tried)) == REGIONS) is goes_on, (mode, tried)
        assert len(notes) == (REGIONS if goes_on else 0), (mode, notes)
