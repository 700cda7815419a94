"""The connections of the client: used again, never mixed up, never more than there may be."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import h11
import httpx
import pytest
import trio
import trustme
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock, wait_all_tasks_blocked

from lktrio import proto
from lktrio.api import LiveKitAPI
from lktrio.api._http1 import MAX_BODY, MAX_HEAD, Http1Connection, _read_plain
from lktrio.api._transport import IDLE_SECONDS, MAX_REQUESTS, Transport
from lktrio.proto.codec import encode
from tests.api.peer import KEY, SECRET

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
REQUEST = b"POST /path?a=b HTTP/1.1\r\n"

Serve = Callable[[trio.abc.Stream], Awaitable[None]]


async def read_request(stream: trio.abc.Stream) -> bytes:
    """One request with its body; empty at the end of the stream."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = await stream.receive_some()
        if not data:
            return b""
        received += data
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0] or b"0")
    while len(body) < length:
        body += await stream.receive_some()
    return head + b"\r\n\r\n" + body


class Server:
    """Answers each request with the next of some texts, the last one for ever.

    A text that ends with CLOSE is followed by the end of the connection.
    """

    CLOSE = b"<close>"

    def __init__(self, *answers: bytes) -> None:
        self.answers = list(answers)
        self.requests: list[bytes] = []
        self.connections = 0
        self.open = 0

    async def serve(self, stream: trio.abc.Stream) -> None:
        self.connections += 1
        self.open += 1
        try:
            while request := await read_request(stream):
                self.requests.append(request)
                text = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                await stream.send_all(text.removesuffix(self.CLOSE))
                if text.endswith(self.CLOSE):
                    return
        except trio.BrokenResourceError:
            pass  # the client gave up
        finally:
            self.open -= 1
            await trio.aclose_forcefully(stream)


@asynccontextmanager
async def serving(serve: Serve) -> AsyncIterator[str]:
    """The URL of a server, and a nursery's life of its connections."""
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(lambda task_status: listen(serve, task_status))
        yield f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}/path?a=b"
        nursery.cancel_scope.cancel()


async def listen(serve: Serve, task_status: trio.TaskStatus[list[trio.SocketListener]]) -> None:
    await trio.serve_tcp(serve, 0, host="127.0.0.1", task_status=task_status)


def make_client(ssl_context: ssl.SSLContext | None = None) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=Transport(ssl_context=ssl_context), timeout=None)


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    async with serving(server.serve) as url, make_client() as client:
        yield client, url


async def test_a_request_goes_out_whole_and_its_answer_comes_back() -> None:
    server = Server(OK)
    async with client_of(server) as (client, url):
        response = await client.post(url, content=b"body", headers={"X-Name": "value"})
    assert (response.status_code, response.reason_phrase, response.text) == (200, "OK", "ok")
    assert response.http_version == "HTTP/1.1"
    (request,) = server.requests
    assert request.startswith(REQUEST)
    assert request.endswith(b"\r\n\r\nbody")
    assert b"X-Name: value\r\n" in request
    assert b"Host: 127.0.0.1:" in request


async def test_one_connection_serves_one_request_after_the_other() -> None:
    server = Server(OK)
    async with client_of(server) as (client, url):
        for _ in range(5):
            await client.post(url)
    assert (server.connections, len(server.requests)) == (1, 5)


@pytest.mark.parametrize(
    "text",
    [
        OK,
        b"HTTP/1.1 200 OK\r\nContent-Length:2\r\nX: \t y \r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Keep-Alive\r\n\r\nok",
        b"HTTP/1.1 200 \r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_answers_of_every_shape_are_read_and_the_connection_is_used_again(
    text: bytes,
) -> None:
    server = Server(text)
    async with client_of(server) as (client, url):
        for _ in range(2):
            response = await client.post(url)
            assert (response.status_code, response.content) == (200, b"ok")
    assert server.connections == 1


@pytest.mark.parametrize(
    "text",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\n\r\nok" + Server.CLOSE,
        b"HTTP/1.0 200 OK\r\n\r\nok" + Server.CLOSE,
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
        OK + b"\x00",
    ],
)
async def test_a_connection_that_cannot_be_trusted_is_not_used_again(text: bytes) -> None:
    server = Server(text)
    async with client_of(server) as (client, url):
        for _ in range(2):
            assert (await client.post(url)).content == b"ok"
    assert server.connections == 2


async def test_answers_without_a_body_end_with_their_head() -> None:
    server = Server(
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
    )
    async with client_of(server) as (client, url):
        assert (await client.post(url)).status_code == 204
        assert (await client.head(url)).headers["Content-Length"] == "5"
    assert server.connections == 1


async def test_an_answer_may_come_in_pieces_of_any_size() -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    for text in (OK, chunked):

        async def serve(stream: trio.abc.Stream, text: bytes = text) -> None:
            while await read_request(stream):
                for byte in text:
                    await stream.send_all(bytes([byte]))
                    await wait_all_tasks_blocked()

        async with serving(serve) as url, make_client() as client:
            for _ in range(2):
                assert (await client.post(url)).content == b"ok"


@pytest.mark.parametrize("length", [0, 1, 200_000])
async def test_a_body_of_any_length_is_read(length: int) -> None:
    body = b"x" * length
    text = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (length, body)
    async with client_of(Server(text)) as (client, url):
        assert (await client.post(url)).content == body


@pytest.mark.parametrize("cut", range(len(OK)))
async def test_an_answer_that_is_cut_short_is_an_error(cut: int) -> None:
    async with client_of(Server(OK[:cut] + Server.CLOSE)) as (client, url):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(url)


@pytest.mark.parametrize(
    "text",
    [
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n bad name: x\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX: a\x00b\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nz\r\n",
        b"HTTP/1.1 101 Switching\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY + 1),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1" + b"0" * 20 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"x" * (MAX_HEAD + 1),
    ],
)
async def test_what_is_no_answer_is_an_error(text: bytes) -> None:
    async with client_of(Server(text + Server.CLOSE)) as (client, url):
        with pytest.raises(httpx.RemoteProtocolError):
            await client.post(url)


VALUES = st.sampled_from(
    [b"y", b"", b" \t y\t ", b"2", b"close", b"a\x00", b"a\x01", b"a\x0b", b"\xff"]
)
NAMES = st.sampled_from([b"X", b"X ", b"Connection", b"Content-Length", b"Transfer-Encoding", b""])
FIELDS = st.lists(st.tuples(NAMES, st.sampled_from([b":", b": ", b""]), VALUES).map(b"".join))
STATUS = st.sampled_from(
    [b"200 OK", b"200 ", b"200", b"204 No", b"404 \xff", b"100 Go", b"200  \x0b"]
)


@given(STATUS, FIELDS, st.sampled_from([b"\r\n", b"\n"]), st.sampled_from([b"ok", b"okay", b"o"]))
def test_what_is_read_without_h11_is_what_h11_reads(
    status: bytes, fields: list[bytes], end: bytes, body: bytes
) -> None:
    lines = [b"HTTP/1.1 " + status, b"content-length: 2", *fields, b"", body]
    text = end.join(lines)
    found = _read_plain(text)
    if found is None:
        return
    http = h11.Connection(h11.CLIENT)
    http.send(h11.Request(method="POST", target="/", headers=[("Host", "")]))
    http.send(h11.EndOfMessage())
    http.receive_data(text)
    head = http.next_event()
    assert isinstance(head, h11.Response)
    assert (head.status_code, head.reason) == (found.status, found.reason)
    assert head.headers.raw_items() == found.headers
    data = http.next_event()
    assert isinstance(data, h11.Data)
    assert bytes(data.data) == found.body
    assert isinstance(http.next_event(), h11.EndOfMessage)
    assert (http.their_state, http.trailing_data) == (h11.DONE, (b"", False))


class Refusing(trio.abc.Stream):
    """A server that takes no more of a request, and has said why."""

    async def send_all(self, data: object) -> None:
        await trio.lowlevel.checkpoint()
        raise trio.BrokenResourceError

    async def wait_send_all_might_not_block(self) -> None: ...

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.lowlevel.checkpoint()
        return b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno"

    async def aclose(self) -> None: ...


async def test_a_server_that_does_not_take_the_whole_request_may_say_why() -> None:
    ours, theirs = trio.socket.socketpair()
    connection = Http1Connection(Refusing(), trio.SocketStream(ours))
    request = httpx.Request("POST", "http://a/", content=b"body")
    answer = await connection.exchange(request, b"body")
    assert (answer.status, answer.body, connection.reusable) == (413, b"no", False)
    connection.close()
    theirs.close()


async def test_a_header_with_a_line_break_is_not_sent() -> None:
    server = Server(OK)
    async with client_of(server) as (client, url):
        with pytest.raises(httpx.LocalProtocolError):
            await client.post(url, headers={"X": "a\r\nHost: b"})
    assert server.requests == []


async def test_only_so_many_requests_are_under_way_and_the_others_wait_their_turn() -> None:
    most, running, order = 0, 0, list[int]()
    release = trio.Event()

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal most, running
        while request := await read_request(stream):
            running += 1
            most = max(most, running)
            await release.wait()
            running -= 1
            order.append(int(request.rpartition(b"\r\n")[2]))
            await stream.send_all(OK)

    async with serving(serve) as url, make_client() as client, trio.open_nursery() as nursery:

        async def post(number: int) -> None:
            await client.post(url, content=str(number).encode())

        for number in range(MAX_REQUESTS + 20):
            nursery.start_soon(post, number)
            if number >= MAX_REQUESTS - 1:
                while running < MAX_REQUESTS:
                    await trio.sleep(0)
                await wait_all_tasks_blocked()
        release.set()
    assert most == MAX_REQUESTS
    assert sorted(order) == list(range(MAX_REQUESTS + 20))
    assert set(order[MAX_REQUESTS:]) == set(range(MAX_REQUESTS, MAX_REQUESTS + 20))


async def test_cancelled_requests_close_their_connection_and_leave_their_place() -> None:
    server = Server(OK)
    asked = 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal asked
        if asked < MAX_REQUESTS:
            asked += 1
            await read_request(stream)
            assert await stream.receive_some() == b""
        else:
            await server.serve(stream)

    async with serving(serve) as url, make_client() as client:
        async with trio.open_nursery() as nursery:
            for _ in range(MAX_REQUESTS + 5):
                nursery.start_soon(client.post, url)
            while asked < MAX_REQUESTS:
                await trio.sleep(0)
            await wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert (await client.post(url)).content == b"ok"


async def test_a_connection_that_the_server_closed_is_not_used_again() -> None:
    server = Server(OK + Server.CLOSE)
    async with client_of(server) as (client, url):
        for expected in (1, 2, 3):
            assert (await client.post(url)).content == b"ok"
            while server.open:
                await trio.sleep(0)
            assert server.connections == expected


async def test_idle_connections_grow_old(mock_clock: MockClock) -> None:
    server = Server(OK)
    async with client_of(server) as (client, url):
        for _ in range(2):
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(client.post, url)
            mock_clock.jump(IDLE_SECONDS / 2)
        assert server.connections == 3
        mock_clock.jump(IDLE_SECONDS)
        await client.post(url)
        assert server.connections == 4
        while server.open > 1:
            await trio.sleep(0)


async def test_a_closed_client_fails_what_is_under_way_and_what_waits() -> None:
    asked = 0

    async def serve(stream: trio.abc.Stream) -> None:
        nonlocal asked
        await read_request(stream)
        asked += 1
        assert await stream.receive_some() == b""

    failed = 0
    async with serving(serve) as url:
        client = make_client()

        async def post() -> None:
            nonlocal failed
            with pytest.raises((httpx.ReadError, httpx.ConnectError), match="closed"):
                await client.post(url)
            failed += 1

        async with trio.open_nursery() as nursery:
            for _ in range(MAX_REQUESTS + 3):
                nursery.start_soon(post)
            while asked < MAX_REQUESTS:
                await trio.sleep(0)
            await client.aclose()
    assert failed == MAX_REQUESTS + 3


async def test_nothing_to_connect_to_is_an_error_of_connecting() -> None:
    with trio.socket.socket() as taken:
        await taken.bind(("127.0.0.1", 0))  # and nobody listens
        async with make_client() as client:
            with pytest.raises(httpx.ConnectError):
                await client.post(f"http://127.0.0.1:{taken.getsockname()[1]}/")


@asynccontextmanager
async def tls(authority: trustme.CA, server: Server) -> AsyncIterator[str]:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    async def serve(stream: trio.SocketStream) -> None:
        secured = trio.SSLStream(stream, context, server_side=True, https_compatible=True)
        try:
            await server.serve(secured)
        except trio.BrokenResourceError:
            await trio.aclose_forcefully(stream)

    async with serving(serve) as url:  # type: ignore[arg-type] # serve_tcp gives socket streams
        yield url.replace("http:", "https:")


async def test_tls_connections_are_used_again() -> None:
    authority, trusting, server = trustme.CA(), ssl.create_default_context(), Server(OK)
    authority.configure_trust(trusting)
    async with (
        tls(authority, server) as url,
        make_client(trusting) as client,
    ):
        for _ in range(3):
            assert (await client.post(url, content=b"body")).content == b"ok"
    assert (server.connections, len(server.requests)) == (1, 3)


async def test_a_certificate_that_is_not_trusted_is_an_error_of_connecting() -> None:
    async with tls(trustme.CA(), Server(OK)) as url, make_client() as client:
        with pytest.raises(httpx.ConnectError, match="certificate verify failed"):
            await client.post(url)


async def test_certificates_that_cannot_be_loaded_are_an_error_of_connecting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/no/such/file")
    async with tls(trustme.CA(), Server(OK)) as url, make_client() as client:
        with pytest.raises(httpx.ConnectError):
            await client.post(url)


async def test_the_api_calls_a_server_through_these_connections() -> None:
    found = encode(proto.ListRoomsResponse(rooms=[proto.Room(name="demo")]))
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: %d\r\n"
    head += b"Set-Cookie: a=b\r\n\r\n"
    server = Server(head % len(found) + found)
    async with serving(server.serve) as url, LiveKitAPI(url[:-9], KEY, SECRET) as lk:
        for _ in range(2):
            answer = await lk.room.list_rooms(proto.ListRoomsRequest(names=["demo"]))
            assert [room.name for room in answer.rooms] == ["demo"]
    assert server.connections == 1
    for request in server.requests:
        assert request.startswith(b"POST /twirp/livekit.RoomService/ListRooms HTTP/1.1\r\n")
        assert b"cookie" not in request.lower()


async def test_a_proxy_of_the_environment_is_left_to_httpx(monkeypatch: pytest.MonkeyPatch) -> None:
    found = encode(proto.ListRoomsResponse())
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/protobuf\r\nContent-Length: %d\r\n\r\n"
    server = Server(head % len(found) + found)
    async with serving(server.serve) as url:
        monkeypatch.setenv("HTTP_PROXY", url[:-9])
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with LiveKitAPI("http://livekit.invalid", KEY, SECRET) as lk:
            await lk.room.list_rooms(proto.ListRoomsRequest())
    assert server.requests[0].startswith(b"POST http://livekit.invalid/twirp/")
