"""Whatever answers instead of the server, or in the middle, becomes an error that says so."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from lktrio import proto
from lktrio.errors import ServerError, SipCallError
from lktrio.proto.codec import encode
from tests.api.peer import PROTOBUF, Body, Handler, Peer, always, api, refusal, refuse
from tests.support.cases import each_case

REQUEST = proto.ListRoomsRequest()
ANSWER = encode(proto.ListRoomsResponse(rooms=[proto.Room(name="demo")]))


async def error_of(handler: Handler, **options: Any) -> ServerError:
    async with api(handler, **options) as lk:
        with pytest.raises(ServerError) as caught:
            await lk.room.list_rooms(REQUEST)
    return caught.value


async def test_texts_of_a_server_are_made_printable() -> None:
    evil = "\x1b[2Jgone\r\nERROR forged\u202e"
    answers: list[Handler] = [
        always(lambda: refusal(404, evil, evil, **{evil: evil})),
        respond(502, evil.encode(), Content_Type="text/plain"),
        respond(302, b"", Location="http://x/\x1b2J"),
        respond(200, b"", Content_Type="text/\x1b2J"),
    ]
    for handler in answers:
        error = await error_of(handler)
        for text in (str(error), error.code, error.message, *error.meta, *error.meta.values()):
            assert text.isprintable(), repr(text)


def respond(status: int, content: bytes = b"", **headers: str) -> Handler:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return always(lambda: httpx.Response(status, headers=named, content=content))


async def test_an_error_of_the_server() -> None:
    error = await error_of(always(lambda: refusal(404, "not_found", "no such room", a="b")))
    assert type(error) is ServerError
    assert (error.code, error.message, error.meta, error.status) == (
        "not_found",
        "no such room",
        {"a": "b"},
        404,
    )
    assert str(error) == "not_found: no such room"


async def test_a_sip_error() -> None:
    handler = always(
        lambda: refusal(
            429, "resource_exhausted", "busy", sip_status_code="486", sip_status="Busy Here"
        )
    )
    error = await error_of(handler)
    assert isinstance(error, SipCallError)
    assert (error.sip_status_code, error.sip_status) == (486, "Busy Here")
    assert (error.code, error.status) == ("resource_exhausted", 429)
    assert (error.sip_transfer_reason, error.sip_transfer_id) == ("", "")


async def test_a_transfer_may_fail_without_a_sip_status() -> None:
    meta = {"sip_transfer_reason": "STR_RINGING_TIMEOUT", "sip_transfer_id": "STX_a"}
    error = await error_of(always(lambda: refusal(408, "deadline_exceeded", "no answer", **meta)))
    assert isinstance(error, SipCallError)
    assert (error.sip_status_code, error.sip_status) == (None, "")
    assert error.sip_transfer_reason == "STR_RINGING_TIMEOUT"
    assert error.sip_transfer_id == "STX_a"


@each_case("number", ["", "many", "-1", "4.5", "\u0664"])
async def test_a_sip_status_that_is_no_number_is_an_ordinary_error(number: str) -> None:
    error = await error_of(always(lambda: refusal(500, "internal", "x", sip_status_code=number)))
    assert type(error) is ServerError


@each_case(
    "status, code",
    [
        (400, "internal"),
        (401, "unauthenticated"),
        (403, "permission_denied"),
        (404, "bad_route"),
        (413, "resource_exhausted"),
        (429, "resource_exhausted"),
        (451, "failed_precondition"),
        (418, "internal"),
        (500, "unknown"),
        (502, "unavailable"),
        (503, "unavailable"),
        (504, "unavailable"),
    ],
)
async def test_a_page_of_a_proxy(status: int, code: str) -> None:
    page = b"<html><title>Oops</title>\n  " + b"x" * 1000 + b"</html>"
    error = await error_of(respond(status, page, Content_Type="text/html"))
    assert (error.code, error.status) == (code, status)
    assert error.meta["http_error_from_intermediary"] == "true"
    assert f"HTTP {status}" in error.message
    assert "example.com/twirp/livekit.RoomService/ListRooms" in error.message
    assert "<title>Oops</title> xxx" in error.message
    assert len(error.message) < 400


@each_case(
    "body",
    [
        b"",
        b"not json",
        b"\xff\xfe",
        b"[]",
        b"3",
        b"{}",
        b'{"code": 3}',
        b'{"code": "internal", "msg": {}}',
        b"[" * 100_000,
    ],
)
async def test_an_error_body_that_is_none(body: bytes) -> None:
    error = await error_of(respond(503, body, Content_Type="application/json"))
    assert (error.code, error.status) == ("unavailable", 503)


async def test_meta_that_is_no_text_is_left_out() -> None:
    body = b'{"code": "internal", "msg": "x", "meta": {"a": 1, "b": "c"}}'
    assert (await error_of(respond(500, body))).meta == {"b": "c"}
    assert (await error_of(respond(500, b'{"code": "internal", "meta": []}'))).meta == {}


async def test_a_redirect_is_not_followed() -> None:
    peer = Peer(respond(301, b"", Location="https://other.example.com/x"))
    error = await error_of(peer.handler)
    assert (error.code, error.status) == ("internal", 301)
    assert error.meta["location"] == "https://other.example.com/x"
    assert "use that URL" in error.message
    client = httpx.AsyncClient(transport=peer, follow_redirects=True)
    async with api(peer) as lk:
        lk._client = client
        with pytest.raises(ServerError, match="redirects"):
            await lk.room.list_rooms(REQUEST)
    assert len(peer.requests) == 1


@each_case("content_type", ["text/html", "application/json", ""])
async def test_success_of_another_type(content_type: str) -> None:
    error = await error_of(respond(200, b"<html>", Content_Type=content_type))
    assert (error.code, error.status) == ("internal", 200)
    kind = f"it is {content_type}" if content_type else "it has no Content-Type"
    assert f"{kind}, not application/protobuf; this is not LiveKit's answer" in error.message
    assert error.message.endswith(": check the URL: <html>")


async def test_parameters_of_the_content_type_do_not_matter() -> None:
    handler = respond(200, ANSWER, Content_Type="Application/Protobuf; charset=x")
    async with api(handler) as lk:
        assert (await lk.room.list_rooms(REQUEST)).rooms[0].name == "demo"


async def test_success_that_is_no_message() -> None:
    error = await error_of(respond(200, ANSWER[:-1], Content_Type="application/protobuf"))
    assert (error.code, error.status) == ("internal", 200)
    assert "the answer is no ListRoomsResponse" in error.message
    assert error.__cause__ is not None


async def test_no_connection() -> None:
    error = await error_of(refuse)
    assert (error.code, error.status) == ("unavailable", None)
    assert "ConnectError: connection refused" in error.message
    assert isinstance(error.__cause__, httpx.ConnectError)


async def test_an_answer_that_breaks_off() -> None:
    body = Body([ANSWER[:3]], breaks=True)
    error = await error_of(always(lambda: httpx.Response(200, headers=PROTOBUF, stream=body)))
    assert (error.code, error.status) == ("unavailable", None)
    assert "ReadError: connection reset" in error.message


async def test_no_token_is_shown() -> None:
    for handler in (refuse, respond(500, b"x"), respond(200, b"x")):
        error = await error_of(handler, token="hush-token")
        assert "hush" not in f"{error} {error.meta}"
