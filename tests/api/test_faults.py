"""Everything that may go wrong on the way to a server, with failover and without it.

With failover the call goes on to the next region, and the caller never knows. Without it, and where
another region would not help, it is one `ServerError` that says what happened and where.
"""

from __future__ import annotations

from dataclasses import dataclass

import httpx
import pytest
import trio
from trio.testing import MockClock

from lktrio import proto
from lktrio.errors import ServerError
from lktrio.proto.codec import encode
from tests.api.peer import (
    CLOUD,
    PROTOBUF,
    Body,
    Handler,
    Peer,
    always,
    answer,
    api,
    hang,
    refusal,
    refuse,
)
from tests.support.cases import each_case

REQUEST = proto.ListRoomsRequest()
ANSWER = proto.ListRoomsResponse(rooms=[proto.Room(name="demo")])
BYTES = encode(ANSWER)
OTHER = "https://other.livekit.cloud"
PATH = f"{CLOUD}/twirp/livekit.RoomService/ListRooms"
USUAL = 10.0  # seconds that an attempt may take
PAUSE = 0.2  # before the second attempt


def page(status: int, text: str, content_type: str = "text/html") -> Handler:
    headers = {"Content-Type": content_type}
    return always(lambda: httpx.Response(status, headers=headers, text=text))


def body(pieces: list[bytes], pause: float = 0.0, *, breaks: bool = False) -> Handler:
    return always(
        lambda: httpx.Response(200, headers=PROTOBUF, stream=Body(pieces, pause, breaks=breaks))
    )


def broken(error: type[httpx.TransportError], text: str) -> Handler:
    async def handler(request: httpx.Request) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        raise error(text, request=request)

    return handler


def once(first: Handler, then: Handler) -> Handler:
    """One handler for the first request, another for those that follow."""
    handlers = [first]

    async def handler(request: httpx.Request) -> httpx.Response:
        return await (handlers.pop() if handlers else then)(request)

    return handler


@dataclass(frozen=True)
class Fault:
    """What a region does, and what the caller gets to know if there is no other one."""

    handler: Handler
    code: str
    status: int | None
    text: str
    seconds: float = 0.0


TRANSIENT = {
    "connect refused": Fault(
        refuse, "unavailable", None, f"no answer from {PATH}: ConnectError: connection refused"
    ),
    "reset before the answer": Fault(
        broken(httpx.ReadError, "connection reset"), "unavailable", None, "connection reset"
    ),
    "server hangs up": Fault(
        broken(httpx.RemoteProtocolError, "Server disconnected without sending a response."),
        "unavailable",
        None,
        "Server disconnected",
    ),
    "reset in the middle of the body": Fault(
        body([BYTES[:3]], breaks=True), "unavailable", None, "connection reset"
    ),
    "no answer at all": Fault(
        hang, "deadline_exceeded", None, f"no answer from {PATH} within 10.0 s", USUAL
    ),
    "slow loris": Fault(
        body([b"\x0a"] * 1000, 1.0), "deadline_exceeded", None, "within 10.0 s", USUAL
    ),
    "503 of the server": Fault(
        always(lambda: refusal(503, "unavailable", "down")), "unavailable", 503, "down"
    ),
    "500 that is no JSON": Fault(
        page(500, "Oops", "text/plain"),
        "unknown",
        500,
        f"HTTP 500 Internal Server Error from {PATH}",
    ),
    "502 of a proxy": Fault(
        page(502, "<html>Bad Gateway</html>"), "unavailable", 502, "<html>Bad Gateway</html>"
    ),
}
FINAL = {
    "404 of a proxy": Fault(
        page(404, "<html>no such page</html>"), "bad_route", 404, "no such page"
    ),
    "407 of a proxy": Fault(page(407, "log in"), "internal", 407, "log in"),
    "redirect": Fault(
        always(lambda: httpx.Response(308, headers={"Location": "https://elsewhere.example"})),
        "internal",
        308,
        "redirects to https://elsewhere.example are not followed: use that URL",
    ),
    "page that says 200": Fault(
        page(200, "<html>Welcome to this hotel</html>"),
        "internal",
        200,
        "it is text/html, not application/protobuf; this is not LiveKit's answer: check the URL: "
        "<html>Welcome to this hotel</html>",
    ),
    "message that is cut": Fault(
        body([BYTES[:-1]]), "internal", 200, "the answer is no ListRoomsResponse"
    ),
}


async def call(handler: Handler, mode: str) -> tuple[list[str], proto.ListRoomsResponse]:
    """Which hosts were asked, and the answer."""

    async def route(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/settings/regions":
            await trio.lowlevel.checkpoint()
            return httpx.Response(200, json={"regions": [{"url": CLOUD}, {"url": OTHER}]})
        if request.url.host == "other.livekit.cloud":
            await trio.lowlevel.checkpoint()
            return answer(ANSWER)
        return await handler(request)

    peer = Peer(route)
    try:
        async with api(peer, CLOUD, failover=mode) as lk:
            found = await lk.room.list_rooms(REQUEST)
    finally:
        hosts = [str(found.url.host).partition(".")[0] for found in peer.requests]
    return hosts, found


async def check_error(fault: Fault, mode: str) -> None:
    start = trio.current_time()
    with pytest.raises(ServerError) as caught:
        await call(fault.handler, mode)
    error = caught.value
    assert (error.code, error.status) == (fault.code, fault.status)
    assert fault.text in error.message
    assert "\n" not in str(error)
    assert len(str(error)) < 500
    assert trio.current_time() - start == pytest.approx(fault.seconds)


@each_case("fault", TRANSIENT.values())
async def test_another_region_answers(autojump_clock: MockClock, fault: Fault) -> None:
    start = trio.current_time()
    hosts, found = await call(fault.handler, "cloud")
    assert hosts == ["project", "project", "other"]  # the second one for the regions
    assert found == ANSWER
    assert trio.current_time() - start == pytest.approx(fault.seconds + PAUSE)


@each_case("fault", TRANSIENT.values())
async def test_without_failover_it_is_an_error(autojump_clock: MockClock, fault: Fault) -> None:
    await check_error(fault, "never")


@each_case("mode", ["cloud", "always", "never"])
@each_case("fault", FINAL.values())
async def test_what_another_region_cannot_mend_is_an_error(
    autojump_clock: MockClock, fault: Fault, mode: str
) -> None:
    await check_error(fault, mode)


async def test_a_region_that_recovers_is_asked_again_where_there_is_no_other(
    autojump_clock: MockClock,
) -> None:
    down, up = always(lambda: refusal(503, "unavailable", "down")), always(lambda: answer(ANSWER))
    no_regions = always(lambda: httpx.Response(404))
    flapping = once(down, up)

    async def route(request: httpx.Request) -> httpx.Response:
        settings = request.url.path == "/settings/regions"
        return await (no_regions if settings else flapping)(request)

    async with api(Peer(route), CLOUD) as lk:
        assert await lk.room.list_rooms(REQUEST) == ANSWER
    assert trio.current_time() == pytest.approx(PAUSE)
    flapping = once(down, up)
    async with api(Peer(route), CLOUD, failover="never") as lk:
        with pytest.raises(ServerError, match="down"):
            await lk.room.list_rooms(REQUEST)
        assert await lk.room.list_rooms(REQUEST) == ANSWER
