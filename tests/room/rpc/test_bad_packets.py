"""Whatever arrives, calls are answered, refused or dropped and counted, and nothing piles up."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import RpcError
from lktrio.events import ParticipantDisconnected
from lktrio.room import DisconnectReason, RpcInvocation, RpcMethod
from lktrio.room.rpc.endpoint import RpcEndpoint
from lktrio.room.rpc.outbox import MAX_QUEUED
from lktrio.room.state.data import DataStats
from lktrio.room.state.remote import RemoteParticipant
from lktrio.room.state.roster import Roster
from lktrio.room.streams.incoming import IncomingStreams
from lktrio.testing import SimulatedNetwork

pytestmark = pytest.mark.virtual_time
DEADLINE = 300.0

ECHO = RpcMethod.text("echo")
Part = dict[str, Any]


class Table:
    """An endpoint of "me", with "alice" (old) and "bob" (new), whose packets are kept."""

    def __init__(self, version: str = "1.9.0") -> None:
        self.server_info = proto.ServerInfo(version=version)
        self.data_session = 0
        self.silent = False
        self.sent: list[proto.DataPacket] = []
        self.stats = DataStats()
        self._roster = Roster(None, lambda _: None)  # type: ignore[arg-type] # asks for nothing
        for identity, client_protocol in (("alice", 0), ("bob", 2)):
            info = proto.ParticipantInfo(
                identity=identity, sid=f"PA_{identity}", client_protocol=client_protocol
            )
            self._roster.update(info)
        self.views = self._roster.views
        self.streams = IncomingStreams(self.stats)
        network = SimulatedNetwork().host("me", "10.0.0.1")
        self.endpoint = RpcEndpoint(self, network, self.streams, self.stats)

    def check_open(self) -> None:
        """It never ends."""

    async def send_packet(self, packet: proto.DataPacket) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(packet)

    def identity_of(self, sid: str) -> str | None:
        record = self._roster.by_sid(sid)
        return None if record is None else record.info.identity

    def recipients(self, identities: Sequence[str]) -> Sequence[proto.ParticipantInfo]:
        views = self._roster.views
        return [views[one].info for one in identities] if set(identities) <= set(views) else []

    def receive(self, identity: str, part: Part, sid: str | None = None) -> None:
        """Take a packet of somebody, whose SID may be another's."""
        sid = f"PA_{identity}" if sid is None else sid
        packet = proto.DataPacket(participant_identity=identity, participant_sid=sid, **part)
        sender: RemoteParticipant | None = self._roster.sender(identity, sid)
        if any(name.startswith("rpc") for name in part):
            self.endpoint.receive(packet, sender)
        else:
            self.streams.receive(packet, sender)

    def take_sent(self) -> list[proto.DataPacket]:
        sent, self.sent = self.sent, []
        return sent

    def answers(self) -> list[str | int]:
        """The payloads, and the codes of errors, that were sent since they were last taken."""
        found: list[str | int] = []
        for packet in self.take_sent():
            if (response := packet.rpc_response) is not None:
                found.append(response.error.code if response.error else response.payload or "")
            elif (header := packet.stream_header) is not None and header.inline_content is not None:
                found.append(header.inline_content.decode())
            elif (chunk := packet.stream_chunk) is not None:
                found.append(chunk.content.decode())
        return found


async def settle() -> None:
    await trio.testing.wait_all_tasks_blocked()


def request(number: str, method: str = "echo", payload: str = "x", **fields: Any) -> Part:
    fields = {"version": 1, "response_timeout_ms": 5000, **fields}
    return {"rpc_request": proto.RpcRequest(id=number, method=method, payload=payload, **fields)}


def stream(topic: str, attributes: dict[str, str], content: bytes | None, **fields: Any) -> Part:
    header = proto.DataStream.Header(
        stream_id=fields.pop("stream_id", "s"),
        topic=topic,
        attributes=attributes,
        text_header=proto.DataStream.TextHeader(),
        inline_content=content,
        **fields,
    )
    return {"stream_header": header}


def streamed(number: str, content: bytes | None, **fields: Any) -> Part:
    """A request in a stream."""
    attributes = {
        "lk.rpc_request_id": number,
        "lk.rpc_request_method": fields.pop("method", "echo"),
        "lk.rpc_request_response_timeout_ms": fields.pop("timeout", "5000"),
        "lk.rpc_request_version": fields.pop("version", "2"),
    }
    return stream("lk.rpc_request", attributes, content, **fields)


async def echo(call: RpcInvocation[str]) -> str:
    await trio.lowlevel.checkpoint()
    return call.payload


async def serve(
    table: Table,
    nursery: trio.Nursery,
    handler: Callable[[RpcInvocation[str]], Awaitable[str]] = echo,
) -> None:
    nursery.start_soon(table.endpoint.run)

    async def start(*, task_status: trio.TaskStatus[None]) -> None:
        await table.endpoint.serve(ECHO, handler, task_status=task_status)

    await nursery.start(start)


REQUESTS: list[tuple[str, str, Part, list[str | int]]] = [
    ("the usual one", "alice", request("1"), ["x"]),
    ("of nobody who is known", "RPC_1", request("1"), ["x"]),
    ("in a stream", "bob", streamed("1", b"x"), ["x"]),
    ("in a stream of one who is old", "alice", streamed("1", b"x"), ["x"]),
    ("of a hidden one", "", request("1"), []),
    ("without an id", "alice", request(""), []),
    ("with a huge id", "alice", request("1" * 257), []),
    ("with a huge method", "alice", request("1", "m" * 60_000), [1400]),
    ("of another version", "alice", request("1", version=3), [1404]),
    ("without a version", "alice", request("1", version=0), [1404]),
    ("compressed", "alice", request("1", "echo", "", compressed_payload=b"x"), [1404]),
    ("too large", "alice", request("1", payload="x" * 15_361), [1402]),
    ("without a deadline", "alice", request("1", response_timeout_ms=0), ["x"]),
    ("without an end", "alice", request("1", response_timeout_ms=2**32 - 1), ["x"]),
    ("in a stream of version 1", "bob", streamed("1", b"x", version="1"), [1404]),
    ("in a stream of no version", "bob", streamed("1", b"x", version="two"), [1404]),
    ("in a stream with no time", "bob", streamed("1", b"x", timeout="-1e9"), ["x"]),
    ("in a stream of no method", "bob", streamed("1", b"x", method=""), [1400]),
    ("in a stream without attributes", "bob", stream("lk.rpc_request", {}, b"x"), []),
    ("in a stream that is no UTF-8", "bob", streamed("1", b"\xff"), [1500]),
    ("in a stream of a wrong length", "bob", streamed("1", b"x", total_length=2), [1500]),
]


async def test_requests_of_every_kind_are_answered_or_dropped() -> None:
    for name, identity, part, answers in REQUESTS:
        table = Table()
        async with trio.open_nursery() as nursery:
            await serve(table, nursery)
            table.receive(identity, part)
            await settle()
            acks = [packet.rpc_ack for packet in table.sent if packet.rpc_ack is not None]
            assert len(acks) == len(answers), name
            assert all(packet.destination_identities == [identity] for packet in table.sent), name
            assert table.answers() == answers, name
            assert table.stats.rpc_dropped == (not answers), name
            table.receive(identity, part)  # once more
            await settle()
            assert table.answers() == [], name
            nursery.cancel_scope.cancel()


async def test_an_agent_calls_in_no_other_name() -> None:
    """With text streams it may speak for others; an answer would go to them."""
    table = Table()
    async with trio.open_nursery() as nursery:
        await serve(table, nursery)
        table.receive("bob", streamed("1", b"x"), sid="PA_alice")
        table.receive("bob", streamed("2", b"x", stream_id="2"), sid="PA_unknown")
        await settle()
        assert table.answers() == ["x"]
        assert table.stats.rpc_dropped == 1
        nursery.cancel_scope.cancel()


async def test_payloads_are_bounded() -> None:
    """A bomb, what is too long, and what never comes."""
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(bytes(8 * 1024 * 1024 + 1)) + packer.flush()
    deflate = proto.DataStream.CompressionType.DEFLATE_RAW
    table = Table()
    async with trio.open_nursery() as nursery:
        await serve(table, nursery)
        table.receive("bob", streamed("1", bomb, compression=deflate))
        table.receive("bob", streamed("2", None, stream_id="2"))
        block = bytes(1024 * 1024)
        for index in range(9):
            chunk = proto.DataStream.Chunk(stream_id="2", chunk_index=index, content=block)
            table.receive("bob", {"stream_chunk": chunk})
        await settle()
        assert table.answers() == [1402, 1402]
        for number in range(70):  # each of them promises a payload and takes a place
            table.receive("bob", streamed(str(number + 10), None, stream_id=str(number)))
        await settle()
        assert table.answers() == [1500] * 6
        await trio.sleep(5.1)
        assert table.answers() == [1502] * 64
        table.receive("alice", request("100"))
        await settle()
        assert table.answers() == ["x"]
        chunk = proto.DataStream.Chunk(stream_id="0", chunk_index=0, content=b"late")
        table.receive("bob", {"stream_chunk": chunk})
        long = streamed("101", None, stream_id="s101", timeout=str(10**9))
        table.receive("bob", long)
        await trio.sleep(60.1)
        assert table.answers() == [1500]
        nursery.cancel_scope.cancel()


async def test_a_flood_of_requests_is_answered_as_far_as_there_is_room() -> None:
    table = Table()
    async with trio.open_nursery() as nursery:
        await serve(table, nursery)
        for number in range(1000):
            table.receive("alice", request(str(number), "nothing"))
        await settle()
        assert len(table.take_sent()) == MAX_QUEUED
        assert table.stats.rpc_dropped == 2000 - MAX_QUEUED
        table.receive("alice", request("1000"))
        await settle()
        assert table.answers() == ["x"]
        nursery.cancel_scope.cancel()


async def linger(call: RpcInvocation[str]) -> str:
    await trio.sleep(float(call.payload))
    return "done"


async def test_a_request_that_runs_for_long_is_not_run_again() -> None:
    """However many came meanwhile."""
    table = Table()
    async with trio.open_nursery() as nursery:
        await serve(table, nursery, linger)
        table.receive("alice", request("1", payload="3"))
        for number in range(2000):
            table.receive("bob", request(str(number), "nothing"))
        table.receive("alice", request("1", payload="3"))
        await settle()
        table.take_sent()
        await trio.sleep(4)
        assert table.answers() == ["done"]
        nursery.cancel_scope.cancel()


async def test_who_leaves_is_a_session_and_not_an_identity() -> None:
    """One that has come back may call before it is told that its former session has ended."""
    table = Table()
    async with trio.open_nursery() as nursery:
        await serve(table, nursery, linger)
        table.receive("alice", request("1", payload="1"))
        table.receive("alice", request("2", payload="1"), sid="PA_another")
        await settle()
        table.take_sent()
        table.endpoint.follow(
            ParticipantDisconnected(table.views["alice"], DisconnectReason.UNKNOWN_REASON)
        )
        await trio.sleep(2)
        (packet,) = table.take_sent()
        assert packet.rpc_response is not None
        assert packet.rpc_response.request_id == "2"
        nursery.cancel_scope.cancel()


def answer(number: str, **value: Any) -> Part:
    return {"rpc_response": proto.RpcResponse(request_id=number, **value)}


def ack(number: str) -> Part:
    return {"rpc_ack": proto.RpcAck(request_id=number)}


def streamed_answer(number: str, content: bytes | None, **fields: Any) -> Part:
    return stream("lk.rpc_response", {"lk.rpc_request_id": number}, content, **fields)


CALLED = "the id of the call"
"""Stands for it in what follows."""
ERROR = proto.RpcError(code=7, message="m" * 300, data="d" * 20_000)
ANSWERS: list[tuple[str, list[tuple[str, Part]], str | int]] = [
    ("a packet", [("bob", answer(CALLED, payload="a"))], "a"),
    ("a packet without a payload", [("bob", answer(CALLED))], ""),
    ("a stream", [("bob", streamed_answer(CALLED, b"a"))], "a"),
    ("a compressed packet", [("bob", answer(CALLED, compressed_payload=b"a"))], 1404),
    ("an error that is too long", [("bob", answer(CALLED, error=ERROR))], 7),
    ("a stream that is no UTF-8", [("bob", streamed_answer(CALLED, b"\xff"))], 1500),
    ("a stream that is cut off", [("bob", streamed_answer(CALLED, b"a", total_length=9))], 1500),
    ("nothing", [], 1501),
    ("an acknowledgement alone", [("bob", ack(CALLED))], 1502),
    ("of another one", [("alice", answer(CALLED, payload="a")), ("alice", ack(CALLED))], 1501),
    ("a stream of another one", [("alice", streamed_answer(CALLED, b"a"))], 1501),
    ("of another call", [("bob", answer("1", payload="a")), ("bob", ack("1"))], 1501),
    ("a stream of another call", [("bob", streamed_answer("1", b"a"))], 1501),
    ("two", [("bob", answer(CALLED, payload="a")), ("bob", answer(CALLED, payload="b"))], "a"),
    (
        "two streams",
        [
            ("bob", streamed_answer(CALLED, None)),
            ("bob", streamed_answer(CALLED, b"b", stream_id="s2")),
        ],
        1502,
    ),
]


def named(part: Part, number: str) -> Part:
    """The same part, with the id of the call."""
    ((name, message),) = part.items()
    copy = type(message)(**{one: getattr(message, one) for one in message.__dataclass_fields__})
    if isinstance(copy, proto.DataStream.Header):
        copy.attributes = {
            key: value.replace(CALLED, number) for key, value in copy.attributes.items()
        }
    else:
        copy.request_id = copy.request_id.replace(CALLED, number)
    return {name: copy}


def id_of(packet: proto.DataPacket) -> str:
    assert packet.stream_header is not None
    return packet.stream_header.attributes["lk.rpc_request_id"]


async def test_answers_of_every_kind_end_the_call_that_they_are_for() -> None:
    for name, parts, expected in ANSWERS:
        table = Table()
        outcome: list[str | int] = []

        async def ask(table: Table = table, outcome: list[str | int] = outcome) -> None:
            try:
                payload: str = await table.endpoint.perform("bob", ECHO, "x", seconds=10)
                outcome.append(payload)
            except RpcError as error:
                whole = len(error.message) <= 256 and len(error.data) <= 15_360
                outcome.append(error.code if whole else "too long")

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await settle()
            (packet,) = table.take_sent()
            for identity, part in parts:
                table.receive(identity, named(part, id_of(packet)))
        assert outcome == [expected], name


async def test_an_answer_in_anothers_name_is_none() -> None:
    table = Table()
    async with trio.open_nursery() as nursery:
        answers: list[str] = []

        async def ask() -> None:
            answers.append(await table.endpoint.perform("bob", ECHO, "x", seconds=10))

        nursery.start_soon(ask)
        await settle()
        (packet,) = table.take_sent()
        forged = streamed_answer(id_of(packet), b"forged")
        table.receive("bob", forged, sid="PA_alice")
        table.receive("bob", streamed_answer(id_of(packet), b"genuine"))
    assert answers == ["genuine"]
    assert table.stats.rpc_dropped == 1


async def test_servers_that_are_too_old() -> None:
    for version, code in (
        ("1.7.9", 1403),
        ("0.9", 1403),
        ("1.8.0", 1401),
        ("dev", 1401),
        ("", 1401),
    ):
        table = Table(version)
        with pytest.raises(RpcError) as caught:
            await table.endpoint.perform("carol", ECHO, "x", seconds=10)
        assert caught.value.code == code, version


texts = st.text(max_size=20) | st.sampled_from(["1", "2", "echo", "lk.rpc_request_id"])
numbers = st.integers(0, 2**32 - 1) | st.sampled_from([0, 1, 2])
identities = st.sampled_from(["alice", "bob", "carol", ""])
parts = st.one_of(
    st.builds(
        lambda number, method, payload, version, milliseconds: request(
            number, method, payload, version=version, response_timeout_ms=milliseconds
        ),
        texts,
        texts,
        st.text(max_size=50),
        numbers,
        numbers,
    ),
    st.builds(ack, texts),
    st.builds(lambda number, payload: answer(number, payload=payload), texts, texts),
    st.builds(lambda number, code: answer(number, error=proto.RpcError(code=code)), texts, numbers),
    st.builds(
        lambda topic, attributes, content: stream(topic, attributes, content),
        st.sampled_from(["lk.rpc_request", "lk.rpc_response"]),
        st.dictionaries(
            st.sampled_from(
                [
                    "lk.rpc_request_id",
                    "lk.rpc_request_method",
                    "lk.rpc_request_response_timeout_ms",
                    "lk.rpc_request_version",
                ]
            )
            | texts,
            texts,
        ),
        st.binary(max_size=50) | st.none(),
    ),
    st.builds(
        lambda number, reason: {
            "stream_trailer": proto.DataStream.Trailer(stream_id=number, reason=reason)
        },
        st.sampled_from(["s", "1"]),
        texts,
    ),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(identities, parts), max_size=30))
def test_garbage_does_no_harm(packets: list[tuple[str, Part]]) -> None:
    async def run() -> None:
        table = Table()
        async with trio.open_nursery() as nursery:
            await serve(table, nursery)
            for identity, part in packets:
                table.receive(identity, part)
            await settle()
            table.take_sent()
            table.receive("alice", request("the last one"))
            await settle()
            assert table.answers() == ["x"]
            nursery.cancel_scope.cancel()

    trio.run(run, clock=trio.testing.MockClock(autojump_threshold=0))
