"""How long a call may take: as long as the caller says, else as long as is usual for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from lktrio import proto
from lktrio.errors import ServerError
from lktrio.proto.codec import decode
from tests.api.peer import CLOUD, PROTOBUF, URL, Body, Peer, always, answer, api, hang
from tests.support.cases import each_case

LIST = proto.ListRoomsRequest()
RINGING = timedelta(seconds=50)


async def seconds_until_error(peer: Peer, service: str, name: str, request: Any) -> float:
    start = trio.current_time()
    async with api(peer) as lk:
        with pytest.raises(ServerError) as caught:
            await getattr(getattr(lk, service), name)(request)
    assert caught.value.code == "deadline_exceeded"
    assert caught.value.status is None
    return trio.current_time() - start


@each_case(
    "service, name, request_, seconds",
    [
        ("room", "list_rooms", LIST, 10),
        ("room", "perform_rpc", proto.PerformRpcRequest(), 10),
        ("room", "perform_rpc", proto.PerformRpcRequest(response_timeout_ms=30_000), 32),
        ("sip", "create_sip_participant", proto.CreateSIPParticipantRequest(), 10),
        (
            "sip",
            "create_sip_participant",
            proto.CreateSIPParticipantRequest(wait_until_answered=True),
            32,
        ),
        (
            "sip",
            "create_sip_participant",
            proto.CreateSIPParticipantRequest(wait_until_answered=True, ringing_timeout=RINGING),
            52,
        ),
        ("sip", "transfer_sip_participant", proto.TransferSIPParticipantRequest(), 32),
        (
            "sip",
            "transfer_sip_participant",
            proto.TransferSIPParticipantRequest(ringing_timeout=RINGING),
            52,
        ),
        ("connector", "accept_whatsapp_call", proto.AcceptWhatsAppCallRequest(), 10),
        (
            "connector",
            "accept_whatsapp_call",
            proto.AcceptWhatsAppCallRequest(wait_until_answered=True),
            32,
        ),
        ("phone_numbers", "search_phone_numbers", proto.SearchPhoneNumbersRequest(), 30),
    ],
)
async def test_without_a_deadline(
    autojump_clock: MockClock, service: str, name: str, request_: Any, seconds: float
) -> None:
    assert await seconds_until_error(Peer(hang), service, name, request_) == pytest.approx(seconds)


async def test_the_deadline_of_the_caller_is_shorter(autojump_clock: MockClock) -> None:
    async with api(Peer(hang)) as lk:
        with pytest.raises(trio.TooSlowError), trio.fail_after(1):
            await lk.sip.transfer_sip_participant(proto.TransferSIPParticipantRequest())
    assert trio.current_time() == pytest.approx(1)


async def test_the_deadline_of_the_caller_is_longer(autojump_clock: MockClock) -> None:
    async with api(Peer(hang)) as lk:
        with pytest.raises(trio.TooSlowError), trio.fail_after(100):
            await lk.room.list_rooms(LIST)
    assert trio.current_time() == pytest.approx(100)


async def test_a_region_that_hangs_leaves_time_for_others(autojump_clock: MockClock) -> None:
    async def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/settings/regions":
            return httpx.Response(200, json={"regions": [{"url": "https://a.livekit.cloud"}]})
        if request.url.host == "a.livekit.cloud":
            return answer(proto.ListRoomsResponse())
        return await hang(request)

    async with api(Peer(handler), CLOUD) as lk:
        with trio.fail_after(30):
            await lk.room.list_rooms(LIST)
        assert trio.current_time() == pytest.approx(10.2)
        await lk.room.list_rooms(LIST)
        assert trio.current_time() == pytest.approx(20.4)


async def test_ringing_is_made_explicit(autojump_clock: MockClock) -> None:
    peer = Peer(always(lambda: answer(proto.SIPParticipantInfo())))
    request = proto.CreateSIPParticipantRequest(wait_until_answered=True)
    async with api(peer) as lk:
        await lk.sip.create_sip_participant(request)
        await lk.sip.create_sip_participant(proto.CreateSIPParticipantRequest())
    sent = [decode(proto.CreateSIPParticipantRequest, found.content) for found in peer.requests]
    assert sent[0].ringing_timeout == timedelta(seconds=30)
    assert sent[1].ringing_timeout is None
    assert request.ringing_timeout is None


async def test_a_body_that_trickles_in_is_given_up(autojump_clock: MockClock) -> None:
    def trickle() -> httpx.Response:
        return httpx.Response(200, headers=PROTOBUF, stream=Body([b"\x0a"] * 1000, pause=1))

    seconds = await seconds_until_error(Peer(always(trickle)), "room", "list_rooms", LIST)
    assert seconds == pytest.approx(10)


async def test_slow_bodies_within_the_deadline_are_read(autojump_clock: MockClock) -> None:
    def slow() -> httpx.Response:
        return httpx.Response(200, headers=PROTOBUF, stream=Body([b"\x0a", b"\x00"], pause=3))

    async with api(always(slow)) as lk:
        assert len((await lk.room.list_rooms(LIST)).rooms) == 1


async def test_cancelling_ends_the_request_at_once(autojump_clock: MockClock) -> None:
    ended: list[float] = []

    async def handler(request: httpx.Request) -> httpx.Response:
        try:
            return await hang(request)
        finally:
            ended.append(trio.current_time())

    async with api(handler) as lk, trio.open_nursery() as nursery:
        nursery.start_soon(lk.room.list_rooms, LIST)
        await trio.sleep(1)
        nursery.cancel_scope.cancel()
    assert ended == [pytest.approx(1)]


async def test_timeouts_of_the_client_do_not_count(autojump_clock: MockClock) -> None:
    peer = Peer(always(lambda: answer(proto.ListRoomsResponse())))
    async with api(peer, URL) as lk:
        await lk.room.list_rooms(LIST)
    assert set(peer.requests[0].extensions["timeout"].values()) == {None}
