"""The official SDKs' checks against LiveKit's mock server: grants, failover, region pins, SIP.

The header ``X-Lk-Mock`` of a request says how the mock server treats it; the HTTP client puts it
on every request, also on the one for the regions and on every further attempt.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import trio

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.auth import AccessToken, SIPGrants, VideoGrants
from lktrio.errors import ServerError, SipCallError
from tests.api.test_requests import ATTRIBUTES, METHODS, request_for
from tests.support.cases import each_case

pytestmark = [
    pytest.mark.livekit_test_server,
    pytest.mark.skipif(
        "LK_TEST_SERVER_URL" not in os.environ, reason="LK_TEST_SERVER_URL is not set"
    ),
]
KEY = os.environ.get("LIVEKIT_API_KEY", "devkey")
SECRET = os.environ.get("LIVEKIT_API_SECRET", "secretsecretsecretsecretsecretsecret")
LIST = proto.ListRoomsRequest()
MOCKED = [
    row
    for row in METHODS
    if row[0] in ("RoomService", "Egress", "Ingress", "SIP", "AgentDispatchService", "Connector")
]
POPULATED = ("RoomService", "Egress", "Ingress", "SIP", "Connector")
DIALED = proto.CreateSIPParticipantRequest(
    sip_trunk_id="ST_a", sip_call_to="+15550100", room_name="demo", wait_until_answered=True
)
TRANSFERRED = proto.TransferSIPParticipantRequest(
    room_name="demo", participant_identity="a", transfer_to="tel:+15550100"
)


class Mocked:
    """An API that tells the mock server how to behave, and which region answered."""

    def __init__(self, lk: LiveKitAPI) -> None:
        self.lk = lk
        self.regions: list[str] = []
        self.paths: list[str] = []

    async def note(self, response: httpx.Response) -> None:
        self.paths.append(response.request.url.path)
        self.regions.append(response.headers.get("X-Lk-Mock-Region", ""))


@asynccontextmanager
async def mocked(control: dict[str, Any] | None = None, **options: Any) -> AsyncIterator[Mocked]:
    """Without ``control`` the mock server behaves as the real one does."""
    headers = {} if control is None else {"X-Lk-Mock": json.dumps(control)}
    async with httpx.AsyncClient(headers=headers, timeout=None) as client:
        credentials = {} if "token" in options else {"api_key": KEY, "api_secret": SECRET}
        arguments = {**credentials, "failover": "always", "client": client, **options}
        async with LiveKitAPI(os.environ["LK_TEST_SERVER_URL"], **arguments) as lk:
            found = Mocked(lk)
            client.event_hooks = {"response": [found.note]}
            with trio.fail_after(60):
                yield found


@each_case("service, name, method", MOCKED)
async def test_every_method_is_granted(service: str, name: str, method: Any) -> None:
    async with mocked({"delayMs": 1}) as api:
        response = await getattr(getattr(api.lk, ATTRIBUTES[service]), name)(request_for(method))
    assert isinstance(response, method.response)
    assert api.regions == ["0"]


async def test_answers_hold_what_was_asked() -> None:
    async with mocked() as api:
        room = await api.lk.room.create_room(proto.CreateRoomRequest(name="demo", metadata="m"))
    assert (room.name, room.metadata) == ("demo", "m")
    assert room.sid


@each_case(
    "service, name, method",
    [row for row in MOCKED if row[1].startswith("list_") and row[0] in POPULATED],
)
async def test_lists_have_something_in_them(service: str, name: str, method: Any) -> None:
    async with mocked({"delayMs": 1}) as api:
        response = await getattr(getattr(api.lk, ATTRIBUTES[service]), name)(request_for(method))
    (listed,) = [value for value in vars(response).values() if isinstance(value, list)]
    assert len(listed) == 1


async def test_a_chosen_answer() -> None:
    async with mocked({"response": {"sid": "RM_x", "name": "mine"}}) as api:
        room = await api.lk.room.create_room(proto.CreateRoomRequest(name="demo"))
    assert room == proto.Room(sid="RM_x", name="mine")


@each_case("service, name, method", MOCKED)
async def test_a_token_without_the_grant_is_refused(service: str, name: str, method: Any) -> None:
    token = AccessToken(video=VideoGrants(agent=True)).to_jwt(KEY, SECRET)
    async with mocked(token=token) as api:
        with pytest.raises(ServerError) as caught:
            await getattr(getattr(api.lk, ATTRIBUTES[service]), name)(request_for(method))
    assert (caught.value.code, caught.value.status) == ("permission_denied", 403)
    assert len(api.paths) == 1


@each_case(
    "video",
    [
        VideoGrants(room_admin=True, room="other"),
        VideoGrants(room_admin=True, room="demo"),
        VideoGrants(room_admin=True, room="demo", destination_room="third"),
    ],
)
async def test_grants_are_about_one_room(video: VideoGrants) -> None:
    token = AccessToken(video=video).to_jwt(KEY, SECRET)
    request = proto.MoveParticipantRequest(room="demo", identity="a", destination_room="other")
    async with mocked(token=token) as api:
        with pytest.raises(ServerError) as caught:
            await api.lk.room.move_participant(request)
    assert caught.value.code == "permission_denied"


@each_case("token", ["garbage", "a.b.c", AccessToken().to_jwt(KEY, "wrong" * 8)])
async def test_bad_tokens(token: str) -> None:
    async with mocked(token=token) as api:
        with pytest.raises(ServerError) as caught:
            await api.lk.room.list_rooms(LIST)
    assert (caught.value.code, caught.value.status) == ("unauthenticated", 401)


async def test_permissions_can_be_skipped() -> None:
    async with mocked({"skipAuth": True}, token="none") as api:
        await api.lk.room.list_rooms(LIST)
    assert api.regions == ["0"]


@each_case("failed, served", [([], "0"), ([0], "1"), ([0, 1], "2"), ([1], "0"), ([0, 2], "1")])
@each_case("mode", ["status", "drop"])
async def test_failover(failed: list[int], served: str, mode: str) -> None:
    async with mocked({"failRegions": failed, "failMode": mode}) as api:
        await api.lk.room.list_rooms(LIST)
    assert api.regions[-1] == served


@each_case("mode", ["status", "drop"])
async def test_all_regions_down(mode: str) -> None:
    async with mocked({"failRegions": [0, 1, 2, 3], "failMode": mode}) as api:
        with pytest.raises(ServerError) as caught:
            await api.lk.room.list_rooms(LIST)
    assert caught.value.code == "unavailable"
    assert caught.value.status == (503 if mode == "status" else None)


@each_case("status", [500, 502, 503, 504])
async def test_server_errors_are_tried_elsewhere(status: int) -> None:
    async with mocked({"failRegions": [0], "failStatus": status}) as api:
        await api.lk.room.list_rooms(LIST)
    assert api.regions[-1] == "1"


@each_case(
    "status, code",
    [
        (400, "invalid_argument"),
        (404, "not_found"),
        (409, "already_exists"),
        (429, "resource_exhausted"),
    ],
)
async def test_refusals_are_final(status: int, code: str) -> None:
    control = {"failRegions": [0], "failStatus": status, "failTwirpCode": code}
    async with mocked(control) as api:
        with pytest.raises(ServerError) as caught:
            await api.lk.room.list_rooms(LIST)
    assert (caught.value.code, caught.value.status) == (code, status)
    assert len(api.paths) == 1


@each_case("failover", ["cloud", "never"])
async def test_no_failover_for_this_host(failover: str) -> None:
    async with mocked({"failRegions": [0]}, failover=failover) as api:
        with pytest.raises(ServerError):
            await api.lk.room.list_rooms(LIST)
    assert len(api.paths) == 1


async def test_regions_that_cannot_be_had() -> None:
    async with mocked({"failRegions": [0], "regionsStatus": 500}) as api:
        with pytest.raises(ServerError) as caught:
            await api.lk.room.list_rooms(LIST)
    assert caught.value.status == 503
    assert "/settings/regions" in api.paths


@each_case(
    "pinned, served", [(["region-0"], "0"), (["region-1"], "1"), (["region-3", "region-2"], "2")]
)
async def test_region_pins(pinned: list[str], served: str) -> None:
    async with mocked({"pinnedRegions": pinned}) as api:
        await api.lk.room.list_rooms(LIST)
    assert api.regions[-1] == served


async def test_a_pinned_region_that_is_down() -> None:
    control = {"pinnedRegions": ["region-1", "region-2"], "failRegions": [1]}
    async with mocked(control) as api:
        await api.lk.room.list_rooms(LIST)
    assert api.regions[-1] == "2"


async def test_a_pinned_region_that_is_nowhere() -> None:
    async with mocked({"pinnedRegions": ["region-99"]}) as api:
        with pytest.raises(ServerError) as caught:
            await api.lk.room.list_rooms(LIST)
    assert caught.value.status == 451


async def test_a_delay_beyond_the_deadline() -> None:
    async with mocked({"delayMs": 30_000}) as api:
        with pytest.raises(trio.TooSlowError), trio.fail_after(0.5):
            await api.lk.room.list_rooms(LIST)


@each_case(
    "sip, phrase",
    [
        ({"code": 486, "status": "Busy Here"}, "Busy Here"),
        ({"code": 603}, None),
        ({"code": 404}, None),
        ({"code": 480}, None),
        ({"code": 408}, None),
        ({"code": 500}, None),
    ],
)
async def test_sip_statuses(sip: dict[str, Any], phrase: str | None) -> None:
    async with mocked({"sipStatus": sip, "delayMs": 1}) as api:
        for call in (
            lambda: api.lk.sip.create_sip_participant(DIALED),
            lambda: api.lk.sip.transfer_sip_participant(TRANSFERRED),
        ):
            with pytest.raises(SipCallError) as caught:
                await call()
            assert caught.value.sip_status_code == sip["code"]
            assert caught.value.sip_status
            assert phrase in (None, caught.value.sip_status)
            assert caught.value.meta["error_details"]
            assert caught.value.status is not None


async def test_ringing_then_failing() -> None:
    async with mocked({"sipStatus": {"code": 486}, "delayMs": 1500}) as api:
        with pytest.raises(SipCallError):
            await api.lk.sip.create_sip_participant(DIALED)


async def test_ringing_longer_than_other_calls_may_take() -> None:
    async with mocked() as api:
        start = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(api.lk.sip.create_sip_participant, DIALED)
            nursery.start_soon(api.lk.sip.transfer_sip_participant, TRANSFERRED)
        assert trio.current_time() - start > 10


async def test_a_ready_token_with_the_grants() -> None:
    sip = SIPGrants(call=True)
    video = VideoGrants(room_admin=True, room="demo")
    token = AccessToken(sip=sip, video=video).to_jwt(KEY, SECRET)
    async with mocked({"delayMs": 1}, token=token) as api:
        await api.lk.sip.transfer_sip_participant(TRANSFERRED)
