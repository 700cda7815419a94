"""Whatever arrives, a stream ends whole or with an error of its own, and everything is bounded."""

from __future__ import annotations

import gc
import gzip
import logging
import random
import zlib
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import proto
from lktrio.errors import (
    LengthMismatch,
    LiveKitError,
    SlowConsumer,
    StreamAborted,
    StreamError,
    StreamTooLarge,
)
from lktrio.proto.codec import decode
from lktrio.room import ByteStreamReader, TextStreamReader
from lktrio.room.state.data import DataStats
from lktrio.room.streams.handling import handle_streams
from lktrio.room.streams.incoming import (
    MAX_SILENCE,
    MAX_STREAMS,
    MAX_STREAMS_OF_ONE,
    IncomingStreams,
)
from lktrio.room.streams.reader import MAX_WAITING, MAX_WAITING_TOGETHER
from lktrio.room.streams.serving import KEPT_FOR, MAX_KEPT, MAX_UNREAD

pytestmark = pytest.mark.virtual_time

DATA = Path(__file__).parents[2] / "data" / "datachannel"
Stream = proto.DataStream
DEFLATE = Stream.CompressionType.DEFLATE_RAW


Part = dict[str, Any]
"""What a packet holds, by its name there."""


def header(stream_id: str = "1", *, text: bool = False, **fields: Any) -> Part:
    kind: Part = (
        {"text_header": Stream.TextHeader()} if text else {"byte_header": Stream.ByteHeader()}
    )
    fields = {"topic": "t", **kind, **fields}
    return {"stream_header": Stream.Header(stream_id=stream_id, **fields)}


def chunk(index: int, content: bytes = b"", stream_id: str = "1") -> Part:
    return {"stream_chunk": Stream.Chunk(stream_id=stream_id, chunk_index=index, content=content)}


def trailer(stream_id: str = "1", reason: str = "", **attributes: str) -> Part:
    end = Stream.Trailer(stream_id=stream_id, reason=reason, attributes=attributes)
    return {"stream_trailer": end}


class Peer:
    """Somebody whose packets come out of the reliable channel."""

    def __init__(self, streams: IncomingStreams, identity: str = "alice") -> None:
        self.streams = streams
        self.identity = identity

    def send(self, *parts: Part) -> None:
        for part in parts:
            packet = proto.DataPacket(participant_identity=self.identity, **part)
            self.streams.receive(packet, None)


def deflated(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


WHOLE = deflated(b"abc" * 100)
ZEROS = deflated(bytes(50_000_000))
ATTACKS: list[tuple[str, type[LiveKitError], list[Part]]] = [
    ("more than announced", LengthMismatch, [header(total_length=2), chunk(0, b"abc")]),
    ("less", LengthMismatch, [header(total_length=2**63 + 1), chunk(0, b"abc"), trailer()]),
    ("less inline", LengthMismatch, [header(total_length=2**64 - 1, inline_content=b"abc")]),
    ("a gap", StreamError, [header(), chunk(0, b"a"), chunk(2, b"c")]),
    ("a far jump", StreamError, [header(), chunk(2**64 - 1, b"z")]),
    ("another order", StreamError, [header(), chunk(1, b"b"), chunk(0, b"a")]),
    ("given up", StreamAborted, [header(), trailer(reason="no\x1b[2J more" * 1000)]),
    (
        "a bomb",
        StreamTooLarge,
        [header(compression=DEFLATE), chunk(0, deflated(bytes(MAX_WAITING + 1)))],
    ),
    ("a bomb inline", StreamTooLarge, [header(compression=DEFLATE, inline_content=ZEROS)]),
    (
        "a bomb that says that it is none",
        LengthMismatch,
        [header(compression=DEFLATE, total_length=10), chunk(0, ZEROS)],
    ),
    (
        "a part of deflated contents",
        LengthMismatch,
        [header(compression=DEFLATE, total_length=300), chunk(0, WHOLE[:-2]), trailer()],
    ),
    (
        "more than deflated contents",
        StreamError,
        [header(compression=DEFLATE), chunk(0, WHOLE), chunk(1, b"more")],
    ),
    ("nothing deflated", StreamError, [header(compression=DEFLATE), chunk(0, b"\xff\xff\xff")]),
    ("unknown compression", StreamError, [header(compression=99)]),
    ("encrypted", StreamError, [header(encryption_type=proto.Encryption.Type.GCM)]),
]


async def test_what_is_wrong_with_a_stream_ends_it_alone() -> None:
    await trio.lowlevel.checkpoint()
    for name, error, parts in ATTACKS:
        streams = IncomingStreams(DataStats())
        peer, files = Peer(streams), streams.bytes.serve("t")
        peer.send(header("good"), *parts, chunk(0, b"fine", "good"), trailer("good"))
        good, bad = await files.receive(), await files.receive()
        with pytest.raises(error) as caught:
            await bad.read_all()
        assert str(caught.value).isprintable(), name
        assert len(str(caught.value)) < 400, name
        with pytest.raises(trio.ClosedResourceError if error is StreamTooLarge else error):
            await bad.receive_some()
        assert await good.read_all() == b"fine", name


async def test_contents_are_unpacked_as_they_are_read() -> None:
    streams = IncomingStreams(DataStats())
    peer, files = Peer(streams), streams.bytes.serve("t")
    size = 50_000_000
    pieces = [ZEROS[start : start + 15_000] for start in range(0, len(ZEROS), 15_000)]
    inline = header("inline", compression=DEFLATE, total_length=size, inline_content=ZEROS)
    peer.send(inline, header(compression=DEFLATE, total_length=size))
    peer.send(*(chunk(index, piece) for index, piece in enumerate(pieces)), trailer(mood="fine"))
    for _ in range(2):
        stream = await files.receive()
        assert (stream.received, stream.progress.over) == (0, False)
        assert await stream.receive_some(10) == bytes(10)
        length, longest = 10, 0
        async for piece in stream:
            length, longest = length + len(piece), max(longest, len(piece))
        assert (length, stream.received) == (size, size)
        assert longest <= 256 * 1024
        assert stream.progress.over
        assert await stream.receive_some() == b""
        attributes = {} if stream.info.id == "inline" else {"mood": "fine"}
        assert stream.info.attributes == attributes


async def test_recorded_streams() -> None:
    """What LiveKit's own clients send to one that knows every form."""
    short = "grüß dich, 世界! "
    letters = "grüßdich世界!abefjklmnopqtvwxyz 0123456789"
    data = bytes(index % 251 for index in range(16_000))
    contents: dict[str, str | bytes] = {
        "short": short,
        "squeezed": short * 300,
        "long": "".join(random.Random(1).choices(letters, k=20_000)),
        "pieces": short * 2,
        "bytes": data,
        "file": data,
    }
    seen: set[tuple[str, str]] = set()
    await trio.lowlevel.checkpoint()
    for line in gzip.decompress((DATA / "streams.txt.gz").read_bytes()).decode().splitlines():
        client, name, *packets = line.split()
        stats = DataStats()
        streams = IncomingStreams(stats)
        texts, files = streams.text.serve("t"), streams.bytes.serve("t")
        for packet in packets:
            streams.receive(decode(proto.DataPacket, bytes.fromhex(packet)), None)
        channel = files if name in ("bytes", "file") else texts
        with trio.fail_after(1):
            stream = await channel.receive()
        assert stream.info.participant_identity == "other", line[:50]
        if name == "aborted":
            with pytest.raises(StreamAborted, match="broken"):
                await stream.read_all()
        else:
            assert await stream.read_all() == contents[name], line[:50]
        seen.add((client, name))
    clients = [{name for by, name in seen if by == client} for client in ("python", "browser")]
    assert clients == [contents.keys() | {"aborted"}, contents.keys()]


async def test_packets_of_no_open_stream_are_nothing() -> None:
    stats = DataStats()
    streams = IncomingStreams(stats)
    peer, files = Peer(streams), streams.bytes.serve("t")
    peer.send(chunk(0, b"of nothing"))
    peer.send(trailer("nothing"))
    peer.send(header())
    peer.send(chunk(0, b"a"))
    peer.send(chunk(0, b"a again"))
    peer.send(trailer())
    peer.send(chunk(1, b"after the end"))
    peer.send(trailer(reason="too late"))
    assert await (await files.receive()).read_all() == b"a"
    peer.send({"stream_header": Stream.Header(stream_id="neither text nor bytes", topic="t")})
    peer.send(header("of another kind", text=True))
    peer.send(header("2", topic="nobody's"))
    assert (stats.streams_refused, stats.streams_unserved) == (1, 2)
    with trio.move_on_after(0.1) as waited:
        await files.receive()
    assert waited.cancelled_caught


async def test_two_senders_may_use_the_same_id() -> None:
    stats = DataStats()
    streams = IncomingStreams(stats)
    alice, bob, files = Peer(streams), Peer(streams, "bob"), streams.bytes.serve("t")
    alice.send(header())
    bob.send(header())
    alice.send(header())  # it is open already
    for peer, content in ((bob, b"bob's"), (alice, b"alice's")):
        peer.send(chunk(0, content))
        peer.send(trailer())
    for identity in ("alice", "bob"):
        stream = await files.receive()
        assert stream.info.participant_identity == identity
        assert await stream.read_all() == f"{identity}'s".encode()
    assert stats.streams_refused == 1
    alice.send(header())  # a text may be sent again
    alice.send(trailer())
    assert await (await files.receive()).read_all() == b""


async def test_what_is_no_text_is_an_error_that_stays() -> None:
    streams = IncomingStreams(DataStats())
    peer, texts = Peer(streams), streams.text.serve("t")
    for content in (b"\xff", "ü".encode()[:1], b"\xed\xa0\x80"):
        peer.send(header(text=True))
        peer.send(chunk(0, b"good "))
        peer.send(chunk(1, content))
        peer.send(chunk(2, b"!"))
        peer.send(trailer())
        stream = await texts.receive()
        assert await stream.receive() == "good "
        for _ in range(2):
            with pytest.raises(StreamError, match="UTF-8"):
                await stream.read_all()
            with pytest.raises(StreamError, match="UTF-8"):
                await stream.receive()


async def test_nobody_takes_all_places() -> None:
    """A stream that was silent for long loses its place when it is needed, and not before."""
    stats = DataStats()
    streams = IncomingStreams(stats)
    greedy, modest, files = Peer(streams, "greedy"), Peer(streams), streams.bytes.serve("t")
    opened: list[ByteStreamReader] = []

    async def open_stream(peer: Peer, stream_id: str) -> None:
        refused = stats.streams_refused
        peer.send(header(stream_id))
        if stats.streams_refused == refused:
            opened.append(await files.receive())
        await trio.lowlevel.checkpoint()

    for number in range(MAX_STREAMS_OF_ONE + 10):
        await open_stream(greedy, str(number))
    assert (len(opened), stats.streams_refused) == (MAX_STREAMS_OF_ONE, 10)
    await open_stream(modest, "1")
    assert len(opened) == MAX_STREAMS_OF_ONE + 1

    await trio.sleep(MAX_SILENCE + 1)
    greedy.send(chunk(0, b"x", "0"))
    await open_stream(greedy, "new")
    assert len(opened) == MAX_STREAMS_OF_ONE + 2
    assert await opened[0].receive_some() == b"x"  # it goes on, as something came
    with pytest.raises(StreamAborted, match="place"):
        await opened[1].receive_some()
    opened[2].close()
    await open_stream(greedy, "in the place of the closed one")
    assert len(opened) == MAX_STREAMS_OF_ONE + 3
    modest.send(chunk(0, b"still here"))
    assert await opened[MAX_STREAMS_OF_ONE].receive_some() == b"still here"

    for sender in range(5):
        for number in range(MAX_STREAMS_OF_ONE):
            await open_stream(Peer(streams, f"sender {sender}"), str(number))
    aborted = 0
    for stream in opened:
        with trio.move_on_after(0.001):
            try:
                await stream.receive_some()
            except (StreamAborted, trio.ClosedResourceError):
                aborted += 1
    assert len(opened) - aborted == MAX_STREAMS


async def test_what_nobody_refers_to_any_longer_costs_nothing() -> None:
    stats = DataStats()
    streams = IncomingStreams(stats)
    peer, piece = Peer(streams), bytes(1024 * 1024)
    files = streams.bytes.serve("t")
    for number in range(200):  # more than may wait, and than places
        peer.send(header(str(number)))
        peer.send(chunk(0, piece, str(number)))
        if number % 2:
            peer.send(trailer(str(number)))
        await files.receive()
    assert stats.streams_refused == 0
    del files
    gc.collect()
    peer.send(header("200"))
    assert stats.streams_unserved == 1
    streams.bytes.serve("t").close()


async def test_who_serves_a_topic_a_moment_later_misses_nothing() -> None:
    stats = DataStats()
    streams = IncomingStreams(stats)
    peer = Peer(streams)
    peer.send(header("old"), trailer("old"))
    await trio.sleep(KEPT_FOR / 2)
    peer.send(header("1"), chunk(0, b"a"), header("2", topic="another"), header("3"), trailer("3"))
    await trio.sleep(KEPT_FOR / 2 + 0.1)
    with streams.bytes.serve("t") as files:
        peer.send(chunk(1, b"b"), trailer("1"))
        assert await (await files.receive()).read_all() == b"ab"
        assert (await files.receive()).info.id == "3"
        peer.send(header("4"))
        assert (await files.receive()).info.id == "4"
    assert stats.streams_unserved == 4

    for number in range(MAX_KEPT + 4):
        peer.send(header(f"many {number}", topic="many"))
    peer.send(header("long", topic="many"))
    for index in range(3):
        peer.send(chunk(index, bytes(MAX_WAITING // 2), "long"))
    many = streams.bytes.serve("many")
    kept = [await many.receive() for _ in range(MAX_KEPT)]
    assert [stream.info.id for stream in kept[:2]] == ["many 5", "many 6"]
    with pytest.raises(SlowConsumer):
        await kept[-1].read_all()
    with trio.move_on_after(0.1) as waited:
        await many.receive()
    assert waited.cancelled_caught
    assert stats.streams_refused == 0


async def test_readers_that_stall_cost_a_bounded_amount() -> None:
    stats = DataStats()
    streams = IncomingStreams(stats)
    peer, piece = Peer(streams), bytes(1024 * 1024)
    files = streams.bytes.serve("t")
    for number in range(MAX_UNREAD):
        peer.send(header(str(number)))
    Peer(streams, "bob").send(header())
    assert (stats.streams_refused, files.dropped) == (1, 1)
    stalled = [await files.receive() for _ in range(MAX_UNREAD)]
    for number in range(MAX_UNREAD):
        peer.send(chunk(0, piece, str(number)))
        peer.send(chunk(1, piece, str(number)))
    whole = sum(stream.progress.over for stream in stalled)
    assert whole == MAX_UNREAD - MAX_WAITING_TOGETHER // len(piece) // 2
    with pytest.raises(SlowConsumer):
        await stalled[-1].receive_some()
    assert len(await stalled[0].receive_some()) == len(piece)
    peer.send(header("another"))
    peer.send(chunk(0, piece, "another"))
    assert len(await (await files.receive()).receive_some()) == len(piece)


async def test_others_cannot_forge_lines_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    forged = "1\nERROR \x1b[2J" + "x" * 10_000
    streams = IncomingStreams(DataStats())
    peer, files = Peer(streams), streams.bytes.serve("t")
    caplog.set_level(logging.DEBUG)
    peer.send(header(forged), chunk(0, bytes(MAX_WAITING), forged), chunk(1, b"1", forged))
    peer.send(header("2"), trailer("2", reason=forged), header("3", topic=forged))
    streams.end()

    async def read(stream: ByteStreamReader) -> None:
        await stream.read_all()

    await handle_streams(files, read)
    assert len(caplog.messages) == 3
    for line in caplog.messages:
        assert line.isprintable(), line
        assert len(line) < 1000, line


async def test_progress_is_followed_at_any_pace() -> None:
    streams = IncomingStreams(DataStats())
    peer, files = Peer(streams), streams.bytes.serve("t")
    peer.send(header(total_length=4))
    stream = await files.receive()
    progress = stream.progress
    assert (progress.transferred, progress.total, progress.fraction) == (0, 4, 0.0)
    seen: list[int] = []

    async def follow() -> None:
        async for received in progress:
            seen.append(received)  # noqa: PERF401 - as they come

    async with trio.open_nursery() as nursery:
        nursery.start_soon(follow)
        await trio.testing.wait_all_tasks_blocked()
        peer.send(chunk(0, b"a"))
        await trio.testing.wait_all_tasks_blocked()
        peer.send(chunk(1, b"b"))
        peer.send(chunk(2, b"c"))
        await trio.testing.wait_all_tasks_blocked()
        assert (seen, progress.fraction, progress.over) == ([0, 1, 3], 0.75, False)
        peer.send(chunk(3, b"d"))
        peer.send(trailer())
    assert (seen, progress.fraction, progress.over) == ([0, 1, 3, 4], 1.0, True)
    assert [step async for step in progress] == [4]
    peer.send(header(inline_content=b""))
    assert (await files.receive()).progress.fraction is None


@settings(max_examples=60, deadline=None)
@given(
    st.binary(max_size=200),
    st.lists(st.integers(1, 40), min_size=1, max_size=20),
    st.booleans(),
    st.booleans(),
    st.randoms(use_true_random=False),
    st.sampled_from([0.0, 0.0, 0.3]),
)
def test_any_chunking_with_repetitions_is_whole_and_with_losses_an_error(
    content: bytes, sizes: list[int], total: bool, compressed: bool, chance: Any, loss: float
) -> None:
    wire = deflated(content) if compressed else content
    pieces: list[bytes] = []
    place = 0
    while place < len(wire):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(wire[place : place + size])
        place += size

    async def check() -> None:
        streams = IncomingStreams(DataStats())
        peer, files = Peer(streams), streams.bytes.serve("t")
        compression = DEFLATE if compressed else Stream.CompressionType.NONE
        announced = len(content) if total else None
        peer.send(header(total_length=announced, compression=compression))
        lost = False
        for index, piece in enumerate(pieces):
            if chance.random() < loss:
                lost = True
                continue
            peer.send(chunk(index, piece))
            repeated = chance.randint(0, index)
            peer.send(chunk(repeated, pieces[repeated]))
        peer.send(trailer())
        stream = await files.receive()
        if not lost:
            assert await stream.read_all() == content
            return
        try:
            got = await stream.read_all()
        except LiveKitError:
            return
        # Only the last chunks are missing, and nothing told how long it is.
        assert not total
        assert not compressed
        assert content.startswith(got)

    trio.run(check)


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=100), st.lists(st.integers(1, 7), min_size=1, max_size=10))
def test_text_is_text_wherever_it_is_cut(text: str, sizes: list[int]) -> None:
    async def check() -> None:
        streams = IncomingStreams(DataStats())
        peer, texts = Peer(streams), streams.text.serve("t")
        peer.send(header(text=True))
        data, place, index = text.encode(), 0, 0
        while place < len(data):
            size = sizes[index % len(sizes)]
            peer.send(chunk(index, data[place : place + size]))
            place, index = place + size, index + 1
        peer.send(trailer(language="de"))
        stream: TextStreamReader = await texts.receive()
        assert "".join([piece async for piece in stream]) == text
        assert stream.info.attributes == {"language": "de"}

    trio.run(check)
