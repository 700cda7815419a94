"""A join that fails says why, with the exception that tells what to do about it."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
import trio.testing
import trustme

from lktrio import proto
from lktrio.errors import (
    AuthenticationFailed,
    ConnectError,
    ConnectTimeout,
    JoinRejected,
    ServerUnreachable,
)
from lktrio.signal import LeaveReceived, SignalOptions, Timeouts, open_signal
from tests.support.signal_server import (
    Answer,
    Visit,
    join_and_stay,
    open_memory_server,
    open_signal_server,
)

REFUSALS = json.loads(
    (Path(__file__).parent.parent / "data" / "signal" / "refusals.json").read_text()
)
V0 = SignalOptions(single_peer_connection=False)
OFFER = proto.SessionDescription(type="offer", sdp="v=0")
NO_ROOM = "requested room does not exist"


async def failure(url: str, options: SignalOptions | None = None, **more: Any) -> ConnectError:
    """Join, which has to fail with an exception of lktrio, and return that."""
    with pytest.raises(ConnectError) as caught, trio.fail_after(20):
        async with open_signal(url, "token", options, **more):
            pass
    assert "token=" not in str(caught.value)
    return caught.value


def expected_class(status: int, body: str) -> type[ConnectError]:
    if status in (401, 403):
        return AuthenticationFailed
    return ServerUnreachable if status == 404 and NO_ROOM not in body else JoinRejected


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case["case"])
async def test_the_text_of_a_refused_upgrade_is_told(case: Any) -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(case["status"], case["body"])

    async with open_signal_server(script) as server:
        error = await failure(server.url, V0)
    assert type(error) is expected_class(case["status"], case["body"])
    if not isinstance(error, ServerUnreachable):
        assert " ".join(case["body"].split()) in str(error)
        assert server.asked == []
    if isinstance(error, JoinRejected):
        assert error.status == case["status"]


@pytest.mark.parametrize(
    "case",
    [case for case in REFUSALS if case["path"].endswith("/validate")],
    ids=lambda case: case["case"],
)
async def test_where_the_text_is_missing_the_server_is_asked(case: Any) -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(502 if case["status"] != 404 else 404)

    headers = dict(case["headers"])
    answer = (case["status"], headers, case["body"].encode())
    async with open_signal_server(script, {"/rtc/validate": answer}) as server:
        error = await failure(server.url, V0)
    assert type(error) is expected_class(case["status"], case["body"])
    (asked,) = server.asked
    assert asked.headers["authorization"] == "Bearer token"
    assert asked.query["sdk"] == "python"


async def test_a_v1_refusal_is_asked_about_at_v1() -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(500)

    answer: Answer = (500, {}, b"no capacity")
    async with open_signal_server(script, {"/rtc/v1/validate": answer}) as server:
        options = SignalOptions(attributes={"a": "b"})
        error = await failure(server.url, options, make_offer=lambda: OFFER)
    assert isinstance(error, JoinRejected)
    assert (error.status, "no capacity" in str(error)) == (500, True)
    joined, asked = server.visit.request.join_request, server.asked[0].join_request
    assert joined.publisher_offer == OFFER
    assert asked.publisher_offer is None  # URLs are logged, and an offer holds a password
    assert asked.participant_attributes == {"a": "b"}


async def test_a_token_that_the_server_echoes_is_not_repeated() -> None:
    async def script(visit: Visit) -> None:
        sent = visit.request.headers["authorization"].removeprefix("Bearer ")
        await visit.refuse(401, f"invalid token: {sent}, its signature is invalid")

    async with open_signal_server(script) as server:
        with pytest.raises(AuthenticationFailed, match="its signature is invalid") as caught:
            async with open_signal(server.url, "secret.secret.secret", V0):
                pytest.fail("it was joined")
    assert "secret.secret" not in str(caught.value)


async def test_a_missing_room_is_no_reason_to_try_v0() -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(404, NO_ROOM)

    async with open_signal_server(script) as server:
        error = await failure(server.url)
    assert isinstance(error, JoinRejected)
    assert error.status == 404
    assert len(server.visits) == 1


async def test_a_missing_room_is_found_out_when_only_validate_says_so() -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(404)

    answer: Answer = (404, {}, NO_ROOM.encode())
    async with open_signal_server(script, {"/rtc/validate": answer}) as server:
        error = await failure(server.url)
    assert isinstance(error, JoinRejected)
    assert [visit.request.path for visit in server.visits] == ["/rtc/v1", "/rtc"]


async def test_a_proxy_that_lets_no_websocket_through_is_suspected() -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(502)

    answers: dict[str, Answer] = {"/rtc/v1/validate": (200, {}, b"success")}
    async with open_signal_server(script, answers) as server:
        error = await failure(server.url)
    assert isinstance(error, ServerUnreachable)
    assert "proxy" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.0 404 Not Found\r\n\r\n<html>nothing here</html>",
        b"HTTP/1.1 301 Moved\r\nLocation: https://elsewhere/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: /login\r\n\r\n",
    ],
)
async def test_a_web_server_that_is_not_livekit(answer: bytes) -> None:
    async def script(visit: Visit) -> None:
        await visit.send_raw(answer)

    async with open_signal_server(script) as server:
        error = await failure(server.url)
    assert isinstance(error, ServerUnreachable)
    assert "not a LiveKit server" in str(error)


@pytest.mark.parametrize(
    "answer", [b"", b"SSH-2.0-OpenSSH\r\n", b"\x15\x03\x01\x00\x02\x02\x46", b"HTTP/1.1 20"]
)
async def test_a_server_that_does_not_speak_http(answer: bytes) -> None:
    async def handle(stream: trio.SocketStream) -> None:
        async with stream:
            await stream.receive_some()
            if answer:
                await stream.send_all(answer)

    async with listen(handle) as port:
        with trio.fail_after(5):
            error = await failure(f"ws://127.0.0.1:{port}")
    assert isinstance(error, ServerUnreachable)
    assert "does not speak HTTP" in str(error)


async def test_a_refusal_without_end_is_cut_off() -> None:
    async def handle(stream: trio.SocketStream) -> None:
        try:
            async with stream:
                await stream.receive_some()
                await stream.send_all(b"HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n")
                while True:
                    await stream.send_all(b"4000\r\n" + b"x" * 0x4000 + b"\r\n")
        except trio.BrokenResourceError:
            pass

    async with listen(handle) as port:
        with trio.fail_after(5):
            error = await failure(f"ws://127.0.0.1:{port}")
    assert isinstance(error, AuthenticationFailed)
    assert len(str(error)) < 1000


async def test_the_text_of_a_server_cannot_fill_the_screen() -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(400, "\x1b[2Jbad\r\n\r\nline " + "x" * 5000)

    async with open_signal_server(script) as server:
        error = await failure(server.url)
    assert "[2Jbad line xxx" in str(error)
    assert "\x1b" not in str(error)
    assert len(str(error)) < 500


async def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        error = await failure(f"ws://127.0.0.1:{port}")
    assert isinstance(error, ServerUnreachable)
    assert f"127.0.0.1:{port}: Connection refused" in str(error)
    assert isinstance(error.__cause__, OSError)


async def test_the_host_has_no_address() -> None:
    async def connect(host: str, port: int) -> trio.abc.Stream:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    error = await failure("wss://nowhere.test", connect=connect)
    assert isinstance(error, ServerUnreachable)
    assert "nowhere.test:443: Name or service not known" in str(error)


async def test_tls_where_there_is_none() -> None:
    async with open_signal_server(join_and_stay) as server:
        error = await failure(server.url.replace("ws:", "wss:"))
    assert isinstance(error, ServerUnreachable)
    assert "does not speak TLS" in str(error)
    assert "ws://" in str(error)


async def test_no_tls_where_there_is_some(authority: trustme.CA) -> None:
    async with open_tls_server(authority) as port:
        error = await failure(f"ws://127.0.0.1:{port}")
    assert isinstance(error, ServerUnreachable)
    assert "wss://" in str(error)


async def test_no_tls_where_a_web_server_says_that_there_should_be() -> None:
    async def script(visit: Visit) -> None:
        await visit.refuse(400, "Client sent an HTTP request to an HTTPS server.\n")

    async with open_signal_server(script) as server:
        error = await failure(server.url)
    assert isinstance(error, ServerUnreachable)
    assert "wss://" in str(error)


async def test_a_certificate_that_is_not_trusted(authority: trustme.CA) -> None:
    async with open_tls_server(authority) as port:
        error = await failure(f"wss://127.0.0.1:{port}")
    assert isinstance(error, ServerUnreachable)
    assert "not trusted" in str(error)
    assert "ssl_context" in str(error)


async def test_a_certificate_for_another_host(authority: trustme.CA) -> None:
    context = trusting(authority)
    async with open_tls_server(authority, "elsewhere.test") as port:
        error = await failure(f"wss://127.0.0.1:{port}", ssl_context=context)
    assert isinstance(error, ServerUnreachable)


async def test_a_private_authority_can_be_trusted(authority: trustme.CA) -> None:
    async with (
        open_tls_server(authority) as port,
        open_signal(
            f"wss://127.0.0.1:{port}", "token", ssl_context=trusting(authority)
        ) as connection,
    ):
        assert connection.join is not None


async def test_the_injected_client_is_asked() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert str(request.url).startswith("http://server.test/rtc/v1/validate?join_request=")
        return httpx.Response(403, text="no means no")

    async def script(visit: Visit) -> None:
        await visit.refuse(403)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http,
        open_memory_server(script) as (server, connect),
    ):
        error = await failure(server.url, connect=connect, http=http)
    assert isinstance(error, AuthenticationFailed)
    assert "no means no" in str(error)


async def test_validate_fails_too() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down", request=request)

    async def script(visit: Visit) -> None:
        await visit.refuse(503)

    async with (
        httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http,
        open_memory_server(script) as (server, connect),
    ):
        error = await failure(server.url, connect=connect, http=http)
    assert isinstance(error, JoinRejected)
    assert error.status == 503


async def test_the_server_closes_in_place_of_letting_us_in() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.close(1011)

    async with open_signal_server(script) as server:
        error = await failure(server.url)
    assert isinstance(error, JoinRejected)
    assert "1011" in str(error)


async def test_the_server_drops_us_in_place_of_letting_us_in() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.drop()

    async with open_signal_server(script) as server:
        error = await failure(server.url)
    assert isinstance(error, ServerUnreachable)
    assert "did not answer our join" in str(error)


async def test_the_server_tells_us_to_leave_at_once() -> None:
    leave = proto.LeaveRequest(reason=proto.DisconnectReason.DUPLICATE_IDENTITY)

    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.send(proto.SignalResponse(leave=leave))

    async with open_signal_server(script) as server:
        error = await failure(server.url)
    assert isinstance(error, LeaveReceived)
    assert error.leave == leave
    assert "duplicate identity" in str(error)


class TestDeadlines:
    """In virtual time."""

    timeouts = Timeouts(connect=3, upgrade=4, first_message=6, validate=7, leave=2)

    async def test_of_connecting(self, autojump_clock: trio.testing.MockClock) -> None:
        async def connect(host: str, port: int) -> trio.abc.Stream:
            await trio.sleep_forever()
            raise AssertionError

        error = await failure("ws://server.test", connect=connect, timeouts=self.timeouts)
        assert isinstance(error, ConnectTimeout)
        assert str(error) == "connecting to server.test:80 took longer than 3 s"
        assert trio.current_time() == pytest.approx(3)

    async def test_of_tls(self, autojump_clock: trio.testing.MockClock) -> None:
        ours, theirs = trio.testing.memory_stream_pair()

        async def connect(host: str, port: int) -> trio.abc.Stream:
            return ours

        async with theirs:
            error = await failure("wss://server.test", connect=connect, timeouts=self.timeouts)
        assert isinstance(error, ConnectTimeout)
        assert "TLS" in str(error)
        assert trio.current_time() == pytest.approx(3)

    async def test_of_the_upgrade(self, autojump_clock: trio.testing.MockClock) -> None:
        async with open_memory_server(silence) as (server, connect):
            error = await failure(server.url, connect=connect, timeouts=self.timeouts)
        assert isinstance(error, ConnectTimeout)
        assert "did not open the WebSocket within 4 s" in str(error)
        assert trio.current_time() == pytest.approx(4)

    async def test_of_the_first_message(self, autojump_clock: trio.testing.MockClock) -> None:
        async with open_memory_server(Visit.accept) as (server, connect):
            error = await failure(server.url, connect=connect, timeouts=self.timeouts)
            assert isinstance(error, ConnectTimeout)
            assert "did not answer our join within 6 s" in str(error)
            assert trio.current_time() == pytest.approx(6)
            await server.visit.closed.wait()
            assert server.visit.left  # it had let us in

    async def test_of_asking(self, autojump_clock: trio.testing.MockClock) -> None:
        async def answer(request: httpx.Request) -> httpx.Response:
            await trio.sleep_forever()
            raise AssertionError

        async def script(visit: Visit) -> None:
            await visit.refuse(500)

        async with (
            httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http,
            open_memory_server(script) as (server, connect),
        ):
            error = await failure(server.url, connect=connect, http=http, timeouts=self.timeouts)
        assert isinstance(error, JoinRejected)
        assert trio.current_time() == pytest.approx(7)


async def silence(visit: Visit) -> None:
    await trio.sleep_forever()


@asynccontextmanager
async def listen(handle: Any) -> AsyncGenerator[int, None]:
    async with trio.open_nursery() as nursery:
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        nursery.start_soon(partial(trio.serve_listeners, handle, [listener]))
        yield listener.socket.getsockname()[1]
        nursery.cancel_scope.cancel()


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@asynccontextmanager
async def open_tls_server(
    authority: trustme.CA, host: str = "127.0.0.1"
) -> AsyncGenerator[int, None]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)

    async def secured(stream: trio.SocketStream) -> None:
        try:
            await server.handle(
                trio.SSLStream(stream, context, server_side=True, https_compatible=True)
            )
        except* trio.BrokenResourceError:
            pass

    async with open_signal_server(join_and_stay) as server, listen(secured) as port:
        yield port
