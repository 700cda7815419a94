"""The video jitter buffer: when frames are released, what is given up, how keyframes are found."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.base import NEVER
from lktrio.rtc.rtp.jitter import MAX_SPAN, ReceivedFrame, VideoBuffer


class Letters:
    """A payload format of letters: K begins a keyframe, P another frame, ``.`` goes on.

    S stands for a parameter set before a keyframe, like those of H.264: it may begin the frame,
    and so may the K after it.
    """

    def starts_frame(self, payload: bytes) -> bool:
        return payload[:1] in (b"K", b"P", b"S", b"A")

    def is_keyframe(self, payload: bytes) -> bool:
        return payload[:1] in (b"K", b"S")

    def assemble(self, payloads: Sequence[bytes]) -> bytes:
        if b"!" in payloads:
            raise RemoteProtocolError("damaged")
        return b"".join(payloads)


HOLD = 0.1


class Player:
    """Feeds packets given as letters; frames end with a marker before a space or the end."""

    def __init__(self) -> None:
        self.buffer = VideoBuffer(Letters(), HOLD)
        self.packets: list[tuple[int, bool, bytes]] = []

    def stream(self, text: str, *, marker: bool = True) -> None:
        for number, frame in enumerate(text.split()):
            for position, letter in enumerate(frame):
                last = position == len(frame) - 1
                payload = b"" if letter == "_" else letter.encode()
                self.packets.append((number * 100, marker and last, payload))

    def push(self, *indices: int, now: float = 0.0) -> None:
        for index in indices:
            timestamp, marker, payload = self.packets[index]
            self.buffer.push(index + 1000, timestamp, marker, payload, now)

    def push_all(self, now: float = 0.0) -> None:
        self.push(*range(len(self.packets)), now=now)

    @property
    def frames(self) -> list[str]:
        return [frame.data.decode() for frame in self.buffer.frames]


def player(text: str, *, marker: bool = True) -> Player:
    made = Player()
    made.stream(text, marker=marker)
    return made


def test_a_frame_is_released_with_its_last_packet() -> None:
    play = player("K.. P. P")
    for index, count in enumerate([0, 0, 1, 1, 2, 3]):
        play.push(index)
        assert len(play.frames) == count
    assert play.frames == ["K..", "P.", "P"]
    assert play.buffer.deadline == NEVER


def test_without_a_marker_a_frame_is_released_by_the_next_timestamp() -> None:
    play = player("K.. P. P", marker=False)
    for index, count in enumerate([0, 0, 0, 1, 1, 2]):
        play.push(index)
        assert len(play.frames) == count


def test_a_frame_tells_where_it_was() -> None:
    play = player("K.. P.")
    play.push_all(now=5.0)
    assert play.buffer.frames == [
        ReceivedFrame(b"K..", 0, True, 5.0, 1000, 1002, False),
        ReceivedFrame(b"P.", 100, False, 5.0, 1003, 1004, False),
    ]


@given(st.permutations(range(12)), st.lists(st.integers(0, 11)))
def test_any_order_and_repetition_gives_the_same_frames(order: list[int], again: list[int]) -> None:
    play = player("K.. P... P P. S.")
    play.push(0)
    play.push(*order, *again)
    assert play.frames == ["K..", "P...", "P", "P.", "S."]
    assert not any(frame.discontinuity for frame in play.buffer.frames)


def test_a_gap_is_held_then_skipped_to_the_next_keyframe() -> None:
    play = player("K. P. P. K. P.")
    play.push(0, 1, now=0.0)
    play.push(3, 4, 5, 6, 7, 8, 9, now=1.0)
    assert play.frames == ["K."]
    assert play.buffer.deadline == 1.0 + HOLD
    play.buffer.expire(1.0 + HOLD - 0.001)
    assert play.frames == ["K."]
    play.buffer.expire(1.0 + HOLD)
    assert play.frames == ["K.", "K.", "P."]
    assert [frame.discontinuity for frame in play.buffer.frames] == [False, True, False]
    assert play.buffer.lost == 1
    assert not play.buffer.seeking
    assert play.buffer.deadline == NEVER


def test_without_a_keyframe_the_buffer_seeks_until_one_comes() -> None:
    play = player("K P P P K P")
    play.push(0)
    play.push(2, now=1.0)
    play.buffer.expire(1.0 + HOLD)
    assert play.buffer.seeking
    assert play.buffer.deadline == NEVER
    play.push(3, now=2.0)
    assert play.frames == ["K"]
    play.push(4, 5, now=2.0)
    assert play.frames == ["K", "K", "P"]


def test_a_packet_that_comes_after_it_was_given_up_is_counted() -> None:
    play = player("K P P K")
    play.push(0)
    play.push(2, 3, now=1.0)
    play.buffer.expire(2.0)
    play.push(1, now=2.0)
    assert play.buffer.late == 1
    assert play.frames == ["K", "K"]


def test_several_gaps_are_given_up_one_after_the_other() -> None:
    play = player("K P P K P P K")
    play.push(0)
    play.push(2, 3, 5, 6, now=1.0)
    play.buffer.expire(1.0 + HOLD)
    assert play.frames == ["K", "K"]
    play.buffer.expire(play.buffer.deadline)
    assert play.frames == ["K", "K", "K"]


def test_packets_of_padding_keep_their_place_and_deliver_nothing() -> None:
    play = player("K. _ _ P_. P")
    play.push_all()
    assert play.frames == ["K.", "P.", "P"]
    assert play.buffer.lost == 0


def test_a_damaged_frame_makes_the_buffer_seek() -> None:
    play = player("K P! P K P")
    play.push_all()
    assert play.frames == ["K", "K", "P"]
    assert play.buffer.malformed == 1
    assert [frame.discontinuity for frame in play.buffer.frames] == [False, True, False]


def test_a_damaged_frame_without_marker_may_be_followed_by_a_keyframe() -> None:
    play = player("K P! K P", marker=False)
    play.push_all()
    assert play.frames == ["K", "K"]


def test_a_frame_that_begins_in_the_middle_makes_the_buffer_seek() -> None:
    play = player("K .. P K")
    play.push_all()
    assert play.frames == ["K", "K"]
    assert play.buffer.malformed == 1


def test_at_the_start_everything_before_a_keyframe_is_skipped() -> None:
    play = player(".. P. P K. P")
    play.push_all()
    assert play.frames == ["K.", "P"]
    assert not play.buffer.frames[0].discontinuity


def test_a_keyframe_that_starts_the_stream_may_come_in_any_order() -> None:
    play = player("K... P")
    play.push(2, 0, 3, 1, 4)
    assert play.frames == ["K...", "P"]


def test_a_sought_keyframe_waits_for_what_may_precede_it() -> None:
    play = player("P P SK. P")
    play.push(0, 1)
    play.push(3, 4, 5, now=1.0)
    assert play.frames == []
    assert play.buffer.deadline == 1.0 + HOLD
    play.push(2, now=1.0)
    assert play.frames == ["SK.", "P"]
    assert play.buffer.deadline == NEVER


def test_a_sought_keyframe_does_not_wait_for_ever() -> None:
    play = player("P P SK. P")
    play.push(0, 1)
    play.push(3, 4, 5, now=1.0)
    play.buffer.expire(1.0 + HOLD)
    assert play.frames == ["K.", "P"]


def test_a_keyframe_whose_predecessor_proves_to_be_of_another_frame_is_taken_up() -> None:
    play = player("P P K. P")
    play.push(0)
    play.push(2, 3, now=1.0)
    assert play.frames == []
    play.push(1, now=1.0)
    assert play.frames == ["K."]


def test_a_keyframe_may_begin_with_packets_that_do_not_show_it() -> None:
    play = player("P AASK.. P")
    play.push_all()
    assert play.frames == ["AASK..", "P"]
    assert play.buffer.frames[0].keyframe


def test_a_keyframe_without_its_beginning_is_not_taken_up() -> None:
    play = player("P .SK. K")
    play.push_all()
    assert play.frames == ["K"]


def test_a_large_jump_is_not_waited_for() -> None:
    play = player("K P")
    play.push(0)
    play.buffer.push(1000 + MAX_SPAN + 2, 100, True, b"K", 0.0)
    assert play.frames == ["K", "K"]


def test_an_endless_frame_is_given_up_in_time() -> None:
    buffer = VideoBuffer(Letters(), HOLD)
    buffer.push(0, 0, False, b"K", 0.0)
    for index in range(1, 10_000):
        buffer.push(index, 0, False, b".", 0.0)
    assert buffer.malformed == 1
    assert buffer.seeking


def test_memory_is_bounded_while_seeking() -> None:
    buffer = VideoBuffer(Letters(), HOLD)
    for index in range(20_000):
        buffer.push(index, index, True, b"P", 0.0)
        assert len(buffer._held) <= 513
    buffer.push(20_000, 20_000, True, b"K", 0.0)
    assert [frame.data for frame in buffer.frames] == [b"K"]


def test_memory_is_bounded_behind_a_gap() -> None:
    buffer = VideoBuffer(Letters(), HOLD)
    buffer.push(0, 0, True, b"K", 0.0)
    for index in range(2, 20_000):
        buffer.push(index, index, True, b"P", 0.0)
        assert len(buffer._held) <= MAX_SPAN + 1


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40),
            st.integers(0, 8),
            st.booleans(),
            st.sampled_from([b"K", b"S", b"P", b".", b"!", b""]),
            st.sampled_from([0.0, 0.01, 0.2]),
        ),
        max_size=80,
    )
)
def test_whatever_comes_frames_stay_in_order_and_the_buffer_drains(
    packets: list[tuple[int, int, bool, bytes, float]],
) -> None:
    buffer = VideoBuffer(Letters(), HOLD)
    now = 0.0
    for index, timestamp, marker, payload, step in packets:
        now += step
        if buffer.deadline <= now:
            buffer.expire(now)
        buffer.push(index, timestamp * 100, marker, payload, now)
    for _ in range(50):
        if buffer.deadline == NEVER:
            break
        buffer.expire(buffer.deadline)
    assert buffer.deadline == NEVER
    ranges = [(frame.first_sequence, frame.last_sequence) for frame in buffer.frames]
    assert all(first <= last for first, last in ranges)
    assert all(a[1] < b[0] for a, b in pairwise(ranges))
