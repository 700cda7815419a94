"""LiveKitAPI: where its settings come from, how long it lives, and what it loads."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Coroutine
from typing import Any

import httpx
import pytest
import trio

from lktrio import api, proto
from lktrio.api import LiveKitAPI
from lktrio.auth import verify_token
from lktrio.errors import LocalProtocolError, ServerError
from lktrio.net.system import SYSTEM_NETWORK
from lktrio.proto.codec import decode, encode
from tests.api.peer import KEY, SECRET, URL, Peer, always, answer
from tests.api.peer import api as make_api
from tests.support.http_origin import HttpOrigin
from tests.support.http_origin import answer as wire_answer
from tests.support.proxies import CompanyProxy

VARIABLES = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET", "LIVEKIT_TOKEN")
LIST = proto.ListRoomsRequest()
PROTOBUF_LINE = b"Content-Type: application/protobuf\r\n"


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def listed() -> Peer:
    return Peer(always(lambda: answer(proto.ListRoomsResponse())))


async def authorization(**arguments: Any) -> str:
    peer = listed()
    async with LiveKitAPI(client=httpx.AsyncClient(transport=peer), **arguments) as lk:
        await lk.room.list_rooms(LIST)
    header: str = peer.requests[0].headers["Authorization"]
    return header.removeprefix("Bearer ")


async def test_everything_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in zip(VARIABLES, (URL, KEY, SECRET), strict=False):
        monkeypatch.setenv(name, value)
    assert verify_token(await authorization(), (KEY, SECRET)).video.room_list is True


async def test_a_token_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIVEKIT_TOKEN", "ready")
    assert await authorization(url=URL) == "ready"
    claims = verify_token(
        await authorization(url=URL, api_key=KEY, api_secret=SECRET), (KEY, SECRET)
    )
    assert claims.issuer == KEY


MISSING: list[tuple[dict[str, Any], str]] = [
    ({}, "no server URL"),
    ({"url": ""}, "no server URL"),
    ({"url": " "}, "' ' is not a server URL such as wss://"),
    ({"url": URL}, "no API key and secret"),
    ({"url": URL, "api_key": KEY}, "no API key and secret"),
    ({"url": URL, "api_secret": SECRET}, "no API key and secret"),
    ({"url": URL, "api_key": KEY, "api_secret": "\n"}, "no API key and secret"),
]


def test_what_is_missing_is_said() -> None:
    for arguments, problem in MISSING:
        with pytest.raises(ValueError, match=problem):
            LiveKitAPI(**arguments)


def test_what_is_of_the_wrong_type_is_said() -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"api_key": b"key", "api_secret": SECRET}, "api_key must be a str, not bytes"),
        ({"api_key": KEY, "api_secret": 5}, "api_secret must be a str, not int"),
        ({"token": b"token"}, "token must be a str, not bytes"),
        ({"client": "http"}, "client must be an httpx.AsyncClient, not str"),
    ]
    for arguments, problem in wrong:
        with pytest.raises(TypeError, match=problem):
            LiveKitAPI(URL, **arguments)


def test_what_is_no_token_is_refused() -> None:
    for token in ("", " ", "a b", "a\nb", "ä"):
        with pytest.raises(ValueError, match="the token is empty, or has"):
            LiveKitAPI(URL, token=token)


async def test_line_ends_of_files_do_not_matter() -> None:
    assert await authorization(url=f"{URL}\n", token=" ready\r\n") == "ready"
    signed = await authorization(url=URL, api_key=f"{KEY}\n", api_secret=f" {SECRET}\n")
    assert verify_token(signed, (KEY, SECRET)).issuer == KEY


def test_without_trio_it_is_said() -> None:
    loops: list[tuple[Callable[[Any], object], str]] = [
        (asyncio.run, "asyncio runs this"),
        (by_hand, "no trio runs"),
    ]
    for run, found in loops:
        with pytest.raises(RuntimeError, match=f"LiveKitAPI needs trio, and {found}"):
            run(LiveKitAPI(URL, KEY, SECRET).__aenter__())
        room = LiveKitAPI(URL, KEY, SECRET, client=httpx.AsyncClient()).room
        with pytest.raises(RuntimeError, match=f"ListRooms needs trio, and {found}"):
            run(room.list_rooms(LIST))


def by_hand(coroutine: Coroutine[Any, Any, object]) -> None:
    """What a foreign event loop does."""
    coroutine.send(None)


async def test_connections_are_used_again() -> None:
    origin = HttpOrigin(wire_answer(encode(proto.ListRoomsResponse()), PROTOBUF_LINE))
    async with origin.open() as url, LiveKitAPI(url, KEY, SECRET) as lk:
        for _ in range(3):
            await lk.room.list_rooms(LIST)
    assert (origin.connections, len(origin.requests)) == (1, 3)


async def test_a_proxy_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "ftp://proxy")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with pytest.raises(ValueError, match="proxy 'ftp://proxy' of the environment is none"):
        await LiveKitAPI(URL, KEY, SECRET).__aenter__()


async def test_a_proxy_that_cannot_be_reached_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:hush@127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    async with LiveKitAPI(URL, KEY, SECRET) as lk:
        with pytest.raises(ServerError) as caught:
            await lk.room.list_rooms(LIST)
    said = "ConnectError: through the proxy http://127.0.0.1:1 of the environment: "
    assert said in str(caught.value)
    assert "hush" not in str(caught.value)


async def test_calls_go_through_the_proxy_that_is_given() -> None:
    origin = HttpOrigin(wire_answer(encode(proto.ListRoomsResponse()), PROTOBUF_LINE))
    proxy = CompanyProxy(SYSTEM_NETWORK, ("me", "hush"))
    async with origin.open() as url, proxy.open("127.0.0.1") as at:
        given = f"socks5://me:hush@{at}"
        async with LiveKitAPI(url, KEY, SECRET, proxy=given) as lk:
            await lk.room.list_rooms(LIST)
            assert "hush" not in repr(lk)
    assert proxy.asked == [("127.0.0.1", int(url.rpartition(":")[2]))]
    for proxy_url, client, message in (
        ("ftp://me:hush@proxy", None, "the proxy 'ftp://proxy' is none that can be used: give"),
        (given, httpx.AsyncClient(), "give the proxy to the client"),
    ):
        with pytest.raises(ValueError, match=message):
            LiveKitAPI(url, KEY, SECRET, proxy=proxy_url, client=client)


async def test_its_own_client_lives_as_long_as_the_block() -> None:
    lk = LiveKitAPI(URL, KEY, SECRET)
    with pytest.raises(LocalProtocolError, match="async with"):
        lk.room  # noqa: B018 - a property
    async with lk:
        room = lk.room
        assert lk.room is room
    with pytest.raises(LocalProtocolError, match="closed"):
        await room.list_rooms(LIST)
    await lk.aclose()


async def test_a_client_that_was_passed_in_stays_open() -> None:
    async with httpx.AsyncClient(transport=listed()) as client:
        async with LiveKitAPI(URL, KEY, SECRET, client=client) as lk:
            await lk.room.list_rooms(LIST)
        assert not client.is_closed
        await LiveKitAPI(URL, KEY, SECRET, client=client).room.list_rooms(LIST)


async def test_a_client_that_was_passed_in_keeps_its_headers_and_hooks() -> None:
    peer, seen = listed(), list[int]()

    async def note(response: httpx.Response) -> None:
        await trio.lowlevel.checkpoint()
        seen.append(response.status_code)

    client = httpx.AsyncClient(
        transport=peer, headers={"X-Tenant": "7"}, event_hooks={"response": [note]}
    )
    async with client, LiveKitAPI(URL, KEY, SECRET, client=client) as lk:
        await lk.room.list_rooms(LIST)
    assert peer.requests[0].headers["X-Tenant"] == "7"
    assert seen == [200]


async def test_many_tasks_may_call_at_once() -> None:
    peer = listed()
    async with make_api(peer) as lk, trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(lk.room.list_rooms, LIST)
    assert len({request.headers["X-Livekit-Request-Id"] for request in peer.requests}) == 20


async def test_closing_while_cancelled_closes() -> None:
    lk = LiveKitAPI(URL, KEY, SECRET)
    with trio.CancelScope() as scope:
        async with lk:
            room = lk.room
            scope.cancel()
    with pytest.raises(LocalProtocolError, match="closed"):
        await room.list_rooms(LIST)


def test_no_secret_is_shown() -> None:
    assert repr(LiveKitAPI(URL, KEY, SECRET)) == f"LiveKitAPI('{URL}')"


async def test_trunks_come_in_the_order_of_their_ids() -> None:
    found = proto.ListSIPInboundTrunkResponse(
        items=[
            proto.SIPInboundTrunkInfo(),
            proto.SIPInboundTrunkInfo(sip_trunk_id="b"),
            proto.SIPInboundTrunkInfo(sip_trunk_id="a"),
        ]
    )
    peer = Peer(always(lambda: answer(found)))
    async with make_api(peer) as lk:
        trunks = await lk.sip.get_sip_inbound_trunks(["a", "missing", "b"])
    asked = decode(proto.ListSIPInboundTrunkRequest, peer.requests[0].content)
    assert asked == proto.ListSIPInboundTrunkRequest(trunk_ids=["a", "missing", "b"])
    assert [trunk.sip_trunk_id if trunk else None for trunk in trunks] == ["a", None, "b"]


async def test_outbound_trunks_and_rules_by_id() -> None:
    outbound = proto.ListSIPOutboundTrunkResponse(
        items=[proto.SIPOutboundTrunkInfo(sip_trunk_id="a")]
    )
    rules = proto.ListSIPDispatchRuleResponse(
        items=[proto.SIPDispatchRuleInfo(sip_dispatch_rule_id="r")]
    )
    peer = Peer(always(lambda: answer(outbound)))
    async with make_api(peer) as lk:
        assert await lk.sip.get_sip_outbound_trunks(["x", "a"]) == [None, outbound.items[0]]
    asked = decode(proto.ListSIPOutboundTrunkRequest, peer.requests[0].content)
    assert asked == proto.ListSIPOutboundTrunkRequest(trunk_ids=["x", "a"])
    peer = Peer(always(lambda: answer(rules)))
    async with make_api(peer) as lk:
        assert await lk.sip.get_sip_dispatch_rules(["r", "y"]) == [rules.items[0], None]
    wanted = decode(proto.ListSIPDispatchRuleRequest, peer.requests[0].content)
    assert wanted == proto.ListSIPDispatchRuleRequest(dispatch_rule_ids=["r", "y"])


async def test_one_dispatch() -> None:
    dispatch = proto.AgentDispatch(id="AD_a", room="demo")
    response = proto.ListAgentDispatchResponse(agent_dispatches=[dispatch])
    peer = Peer(always(lambda: answer(response)))
    async with make_api(peer) as lk:
        assert await lk.agent_dispatch.get_dispatch("AD_a", "demo") == dispatch
    asked = decode(proto.ListAgentDispatchRequest, peer.requests[0].content)
    assert asked == proto.ListAgentDispatchRequest(dispatch_id="AD_a", room="demo")
    async with make_api(always(lambda: answer(proto.ListAgentDispatchResponse()))) as lk:
        assert await lk.agent_dispatch.get_dispatch("AD_b", "demo") is None


def test_messages_are_here_too() -> None:
    assert api.CreateRoomRequest is proto.CreateRoomRequest
    assert api.EgressInfo is proto.EgressInfo
    preset = api.RoomCompositeEgressRequest(preset=api.EncodingOptionsPreset.H264_1080P_30)
    assert preset.preset == proto.EncodingOptionsPreset.H264_1080P_30
    assert {"LiveKitAPI", "CreateRoomRequest", "SIPService"} <= set(dir(api))
    with pytest.raises(AttributeError):
        getattr(api, "NoSuchThing")  # noqa: B009 - a type checker knows better
    with pytest.raises(AttributeError):
        getattr(api, "_private")  # noqa: B009 - a type checker knows better


def test_little_is_loaded() -> None:
    program = (
        "import sys; from lktrio import api; first = 'httpx' in sys.modules;"
        "api.LiveKitAPI('http://a', 'k', 's', client=__import__('httpx').AsyncClient()).room;"
        "print(first, [m for m in sys.modules if m.startswith('lktrio.api.') or m.endswith('sip')])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.startswith("False ")
    assert "lktrio.api.room_service" in loaded
    assert "lktrio.api.sip" not in loaded
    assert "livekit_sip" not in loaded
