"""Packets of others become events, or are dropped and counted; nothing else, whatever they are."""

from __future__ import annotations

import gzip
import zlib
from pathlib import Path
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio import events, proto
from lktrio.proto.codec import encode
from lktrio.room import ChatMessage, ReconnectKind, TranscriptionSegment
from lktrio.room.packets.collecting import MAX_TEXT
from lktrio.room.packets.incoming import IncomingMessages
from lktrio.room.state.participant import Participant
from lktrio.room.state.room_state import RoomState
from lktrio.room.streams.incoming import IncomingStreams

DATA = Path(__file__).parents[2] / "data" / "datachannel"
Operation = proto.DataStream.OperationType
DEFLATE = proto.DataStream.CompressionType.DEFLATE_RAW
ACTIVE = proto.ParticipantInfo.State.ACTIVE


class Place:
    """A room with alice, bob and an agent in it, and what arrives there."""

    def __init__(self) -> None:
        there = [
            proto.ParticipantInfo(
                identity=name,
                sid=f"PA_{name}",
                state=ACTIVE,
                tracks=[proto.TrackInfo(sid=f"TR_{name}")],
            )
            for name in ("alice", "bob", "agent")
        ]
        join = proto.JoinResponse(
            room=proto.Room(name="demo"),
            participant=proto.ParticipantInfo(identity="me", sid="PA_me"),
            other_participants=there,
        )
        self.state = RoomState(join, cast("Any", None), Participant)  # nothing asks the server
        self.streams = IncomingStreams(self.state.data_stats, clock=lambda: 0.0)
        self.messages = IncomingMessages(self.state, self.streams)
        self.stats = self.state.data_stats

    def arrive(self, packet: proto.DataPacket, sender: str = "alice") -> list[Any]:
        packet.participant_sid = f"PA_{sender}"
        packet.participant_identity = packet.participant_identity or sender
        return self.arrive_bytes(encode(packet))

    def arrive_bytes(self, data: bytes) -> list[Any]:
        news = self.state.receive_data(data, reliable=True, now=0.0)
        for event in news:
            self.messages.follow(event)
        return news

    def chat(self, **values: Any) -> list[Any]:
        return self.arrive(proto.DataPacket(chat_message=proto.ChatMessage(**values)))

    def tone(self, code: int, digit: str) -> list[Any]:
        return self.arrive(proto.DataPacket(sip_dtmf=proto.SipDTMF(code=code, digit=digit)))

    def leave(self, name: str) -> None:
        gone = proto.ParticipantInfo(
            identity=name, sid=f"PA_{name}", state=proto.ParticipantInfo.State.DISCONNECTED
        )
        update = proto.ParticipantUpdate(participants=[gone])
        for event in self.state.apply(proto.SignalResponse(update=update)):
            self.messages.follow(event)


def header(
    stream_id: str = "1", topic: str = "lk.chat", text: dict[str, Any] | None = None, **values: Any
) -> proto.DataPacket:
    return proto.DataPacket(
        stream_header=proto.DataStream.Header(
            stream_id=stream_id,
            topic=topic,
            text_header=proto.DataStream.TextHeader(**(text or {})),
            **values,
        )
    )


def chunk(content: bytes, index: int = 0, stream_id: str = "1") -> proto.DataPacket:
    return proto.DataPacket(
        stream_chunk=proto.DataStream.Chunk(stream_id=stream_id, chunk_index=index, content=content)
    )


def trailer(reason: str = "", stream_id: str = "1", **attributes: str) -> proto.DataPacket:
    return proto.DataPacket(
        stream_trailer=proto.DataStream.Trailer(
            stream_id=stream_id, reason=reason, attributes=attributes
        )
    )


def test_recorded_packets() -> None:
    """What LiveKit's Python SDK sends: a tone, and a transcription."""
    place = Place()
    lines = gzip.decompress((DATA / "messages.txt.gz").read_bytes()).decode().splitlines()
    got: list[Any] = []
    for line in lines:
        direction, _, kind, data, *_ = line.split()
        if kind == "data" and direction == "c2s":
            got += place.arrive_bytes(bytes.fromhex(data))
    tones = [event for event in got if isinstance(event, events.DtmfReceived)]
    assert {(tone.code, tone.digit) for tone in tones} == {(1, "1")}
    said = [event for event in got if isinstance(event, events.TranscriptionReceived)]
    assert said
    for event in said:
        assert all(segment.text for segment in event.segments)
    assert place.stats.messages_malformed == 0


def test_every_key_and_no_other() -> None:
    place = Place()
    for code, digit in enumerate("0123456789*#ABCD"):
        event = place.tone(code, digit)[0]
        assert (event.code, event.digit) == (code, digit)
        assert event.participant is place.state.roster.views["alice"]
        for partial in ((code, ""), (0, digit.lower())):  # a field may be left out
            event = place.tone(*partial)[0]
            assert (event.code, event.digit) == (code, digit), partial
    wrong = [(16, ""), (2**32 - 1, ""), (1, "2"), (0, "12"), (0, "\0"), (0, "٣"), (5, "💥")]
    for hostile in wrong:
        assert place.tone(*hostile) == [], hostile
    assert place.stats.messages_malformed == len(wrong)


def test_a_message_is_told_when_it_changes() -> None:
    place = Place()
    told = [
        *place.chat(id="1", timestamp=5000, message="one"),
        *place.chat(id="1", timestamp=5000, message="one"),
        *place.arrive(header("1", inline_content=b"one", timestamp=5001)),
        *place.chat(id="1", timestamp=5000, message="two", edit_timestamp=6000),
        *place.arrive(
            header(
                "1",
                text={"operation_type": Operation.UPDATE, "version": 1},
                inline_content=b"two",
                timestamp=6000,
            )
        ),
        *place.arrive(
            header(
                "1",
                text={"operation_type": Operation.UPDATE, "version": 7},
                inline_content=b"three",
                timestamp=7000,
            )
        ),
        *place.arrive(header("1", inline_content=b"four", timestamp=8000)),  # without saying so
        *place.chat(id="1", timestamp=5000, message="four", deleted=True),
    ]
    assert [
        (e.message.text, e.message.timestamp, e.message.edited_at, e.message.version) for e in told
    ] == [
        ("one", 5.0, None, 0),
        ("two", 5.0, 6.0, 1),
        ("three", 5.0, 7.0, 7),
        ("four", 5.0, 8.0, 8),
        ("four", 5.0, 5.0, 9),
    ]
    assert [event.message.deleted for event in told] == [False] * 4 + [True]
    assert place.stats.messages_repeated == 3
    # The same id of somebody else is another message; one that came before us was edited.
    other = place.arrive(proto.DataPacket(chat_message=proto.ChatMessage(id="1")), "bob")[0]
    assert (other.message.text, other.message.edited_at) == ("", None)
    late = place.chat(id="2", timestamp=1000, edit_timestamp=2000, message="x")[0].message
    assert late == ChatMessage("2", "x", 1.0, edited_at=2.0)
    gone = header("3", text={"operation_type": Operation.DELETE}, inline_content=b"")
    assert place.arrive(gone)[0].message.deleted


def test_no_number_of_messages_fills_the_memory() -> None:
    """Very many messages later an old one may be told again; a message without a name never is."""
    place = Place()
    assert place.chat(id="first", message="x")
    for number in range(3000):
        assert place.chat(id=str(number), message="x")
    assert place.chat(id="2999", message="x") == []
    assert place.chat(id="first", message="x")
    for wrong in ("", "x" * 257):
        assert place.chat(id=wrong, message="x") == []
        assert place.arrive(header(wrong, inline_content=b"x")) == []
    reaction = header("9", text={"operation_type": Operation.REACTION}, inline_content=b"+")
    assert place.arrive(reaction) == []
    assert place.stats.messages_malformed == 5


def test_texts_come_in_every_form_of_a_stream() -> None:
    text = "grüß dich, 世界! " * 100
    data = text.encode()
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(data) + packer.flush()
    size = len(data)
    for name, packets in {
        "inline": [header(inline_content=data, total_length=size)],
        "inline of unknown length": [header(inline_content=data)],
        "deflated": [header(inline_content=packed, total_length=size, compression=DEFLATE)],
        "chunks": [header(total_length=size), chunk(data[:11]), chunk(data[11:], 1), trailer()],
        "growing": [
            header(),
            chunk(data[:10]),
            chunk(data[10:12], 1),
            chunk(data[12:], 2),
            trailer(),
        ],
        "deflated chunks": [
            header(total_length=size, compression=DEFLATE),
            chunk(packed[:30]),
            chunk(packed[30:], 1),
            trailer(),
        ],
    }.items():
        for topic in ("lk.chat", "lk.transcription"):
            place = Place()
            packets[0].stream_header.topic = topic  # type: ignore[union-attr]
            told = [event for packet in packets for event in place.arrive(packet)]
            if topic == "lk.chat":
                assert [event.message.text for event in told] == [text], name
                continue
            assert told[-1].segments == (TranscriptionSegment("1", text),), name
            if name != "growing":
                assert len(told) == 1, name
            else:
                assert [event.segments[0].final for event in told] == [False] * 3 + [True]
                assert told[2].segments[0].text == text


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=40), st.lists(st.integers(0, 160)), st.booleans(), st.booleans())
def test_a_text_may_be_cut_anywhere(text: str, cuts: list[int], known: bool, packed: bool) -> None:
    """Also in the middle of characters, compressed or not; what grows never shows half of one."""
    data = text.encode()
    packer = zlib.compressobj(wbits=-15)
    content = packer.compress(data) + packer.flush() if packed else data
    ends = sorted({min(cut, len(content)) for cut in cuts} | {len(content)})
    pieces = [content[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    place = Place()
    values: dict[str, Any] = {"compression": DEFLATE} if packed else {}
    if known:
        values["total_length"] = len(data)
    told = place.arrive(header(topic="lk.transcription", **values))
    for index, piece in enumerate(pieces):
        told += place.arrive(chunk(piece, index))
    told += place.arrive(trailer())
    assert told[-1].segments == (TranscriptionSegment("1", text),)
    assert [text.startswith(event.segments[0].text) for event in told] == [True] * len(told)
    assert [event.segments[0].final for event in told] == [False] * (len(told) - 1) + [True]


def test_what_is_wrong_with_a_text_costs_this_one_alone() -> None:
    for name, packets in {
        "too long": [header(), *(chunk(bytes(60_000), n) for n in range(MAX_TEXT // 60_000 + 1))],
        "bomb": [
            header(inline_content=zlib.compress(bytes(2**23), 9, wbits=-15), compression=DEFLATE)
        ],
        "no UTF-8": [header(), chunk(b"\xff")],
        "half a character": [header(), chunk(b"\xe4"), trailer()],
        "shorter than announced": [header(total_length=9), chunk(b"x"), trailer()],
        "longer than announced": [header(total_length=1), chunk(b"xx")],
        "gap": [header(), chunk(b"x", 1)],
        "given up": [header(total_length=1), chunk(b"x"), trailer("cancelled")],
        "encrypted": [header(inline_content=b"x", encryption_type=proto.Encryption.Type.GCM)],
        "again": [header(), header()],
    }.items():
        place = Place()
        assert [event for packet in packets for event in place.arrive(packet)] == [], name
        assert place.stats.streams_refused == 1, name
        assert place.arrive(header("2", inline_content=b"fine"))[0].message.text == "fine", name


def test_texts_that_never_end_cost_their_sender() -> None:
    place = Place()
    place.arrive(header("hers"), "bob")
    for number in range(100):
        assert place.arrive(header(str(number))) == []
    assert place.stats.streams_refused == 84
    for number, told in ((83, 0), (84, 1)):
        got = [
            *place.arrive(chunk(b"x", stream_id=str(number))),
            *place.arrive(trailer(stream_id=str(number))),
        ]
        assert len(got) == told, number
    place.arrive(chunk(b"x", stream_id="hers"), "bob")
    assert place.arrive(trailer(stream_id="hers"), "bob")
    # Many senders together have a limit too, and who leaves makes room.
    for number in range(400):
        place.arrive(header("n"), f"P{number}")
    assert place.stats.streams_refused == 84 + 400 - (256 - 15)
    place.leave("alice")
    place.arrive(header("n"), "late")
    place.arrive(chunk(b"x", stream_id="n"), "late")
    assert place.arrive(trailer(stream_id="n"), "late")


def test_a_restart_of_ours_forgets_what_is_not_complete() -> None:
    place = Place()
    place.arrive(header())
    place.state.connected()
    for event in place.state.reconnecting(ReconnectKind.RESTART, 1):
        place.messages.follow(event)
    assert [*place.arrive(chunk(b"x")), *place.arrive(trailer())] == []


def test_who_is_transcribed() -> None:
    """The publisher of the track, or whom the transcriber names, maybe us; or nobody known."""
    place = Place()
    there = place.state.roster.views
    for track, identity, expected in (
        ("TR_bob", "", there["bob"]),
        ("TR_bob", "alice", there["bob"]),
        ("", "alice", there["alice"]),
        ("TR_gone", "me", place.state.local),
        ("", "", None),
    ):
        message = proto.Transcription(
            transcribed_participant_identity=identity,
            track_id=track,
            segments=[proto.TranscriptionSegment(id="s", text="x", start_time=1500, language="de")],
        )
        event = place.arrive(proto.DataPacket(transcription=message), "agent")[0]
        assert event.participant is expected, (track, identity)
        assert event.sender is there["agent"]
        assert event.track_sid == track
        assert event.segments == (
            TranscriptionSegment("s", "x", final=False, language="de", start_time=1.5),
        )
    assert place.arrive(proto.DataPacket(transcription=proto.Transcription())) == []
    assert place.stats.messages_malformed == 1


def test_metrics_arrive_as_they_are() -> None:
    place = Place()
    batch = proto.MetricsBatch(timestamp_ms=7, str_data=["x"])
    event = place.arrive(proto.DataPacket(metrics=batch), "bob")[0]
    assert event.batch == batch
    assert event.participant is place.state.roster.views["bob"]


def test_messages_of_a_server_have_no_participant() -> None:
    place = Place()
    packet = proto.DataPacket(chat_message=proto.ChatMessage(id="1", message="x"))
    assert place.arrive_bytes(encode(packet))[0].participant is None


texts = st.text(max_size=300)
numbers = st.integers(0, 2**31 - 1)
signed = st.integers(-(2**63), 2**63 - 1)
ids = st.sampled_from(["", "1", "2", "x" * 300])
topics = st.sampled_from(["lk.chat", "lk.transcription", "other", ""])
attributes = st.dictionaries(
    st.sampled_from(["lk.segment_id", "lk.transcription_final", "lk.transcribed_track_id"]), texts
)
headers = st.builds(
    proto.DataStream.Header,
    stream_id=ids,
    timestamp=signed,
    topic=topics,
    total_length=st.none() | st.integers(0, 2**64 - 1) | st.integers(0, 3),
    attributes=attributes,
    text_header=st.none()
    | st.builds(
        proto.DataStream.TextHeader,
        operation_type=st.sampled_from(Operation),
        version=st.integers(-(2**31), 2**31 - 1),
        attached_stream_ids=st.lists(ids, max_size=3),
    ),
    inline_content=st.none() | st.binary(max_size=50) | texts.map(str.encode),
    compression=st.sampled_from(proto.DataStream.CompressionType),
)
packets = st.one_of(
    st.builds(
        proto.DataPacket,
        chat_message=st.builds(
            proto.ChatMessage,
            id=ids,
            timestamp=signed,
            edit_timestamp=st.none() | signed,
            message=texts,
            deleted=st.booleans(),
        ),
    ),
    st.builds(proto.DataPacket, sip_dtmf=st.builds(proto.SipDTMF, code=numbers, digit=texts)),
    st.builds(
        proto.DataPacket,
        transcription=st.builds(
            proto.Transcription,
            track_id=texts,
            segments=st.lists(
                st.builds(
                    proto.TranscriptionSegment,
                    text=texts,
                    start_time=st.integers(0, 2**64 - 1),
                    end_time=st.integers(0, 2**64 - 1),
                ),
                max_size=3,
            ),
        ),
    ),
    st.builds(proto.DataPacket, stream_header=headers),
    st.builds(
        proto.DataPacket,
        stream_chunk=st.builds(
            proto.DataStream.Chunk,
            stream_id=ids,
            chunk_index=st.integers(0, 2),
            content=st.binary(max_size=20) | texts.map(str.encode),
        ),
    ),
    st.builds(
        proto.DataPacket,
        stream_trailer=st.builds(
            proto.DataStream.Trailer, stream_id=ids, reason=st.sampled_from(["", "x"])
        ),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(packets, st.sampled_from(["alice", "agent"])), max_size=12))
def test_whatever_arrives_is_told_or_counted(arriving: list[tuple[proto.DataPacket, str]]) -> None:
    place = Place()
    for packet, sender in arriving:
        for event in place.arrive(packet, sender):
            if isinstance(event, events.ChatReceived):
                assert 0 < len(event.message.id) <= 256
                assert event.participant is place.state.roster.views[sender]
            elif isinstance(event, events.TranscriptionReceived):
                assert event.segments
            else:
                assert isinstance(event, events.DtmfReceived)
                assert "0123456789*#ABCD".index(event.digit) == event.code
