"""What a track keeps for its first reader: bounded by time and size, video from a keyframe on."""

from __future__ import annotations

from lktrio.room.channels.backlog import BACKLOG_BYTES, BACKLOG_SECONDS, Backlog


def filled(letters: str, *, step: float, video: bool, size: int = 100) -> list[str]:
    """What is kept of items with these names at such a distance; upper case are keyframes."""
    backlog: Backlog[str] = Backlog(from_keyframe=video)
    for number, letter in enumerate(letters):
        backlog.put(letter, size, number * step, keyframe=letter.isupper())
    kept = backlog.take()
    assert backlog.take() == []
    return kept


def test_sound_rolls_on() -> None:
    cases = {
        "all of it": ("abc", 1.0, "abc"),
        "just within": ("abcdef", BACKLOG_SECONDS / 5, "abcdef"),
        "the last of it": ("abcdefgh", BACKLOG_SECONDS / 5, "cdefgh"),
        "after a pause": ("ab", 60.0, "b"),
        "nothing": ("", 1.0, ""),
    }
    for name, (letters, step, kept) in cases.items():
        assert filled(letters, step=step, video=False) == list(kept), name


def test_video_begins_with_the_last_keyframe() -> None:
    cases = {
        "one keyframe": ("Kabc", 1.0, "Kabc"),
        "the last of them": ("KabLcd", 1.0, "Lcd"),
        "nothing before it": ("abKc", 1.0, "Kc"),
        "none": ("abc", 1.0, ""),
        "a group just short enough": ("Kabcde", BACKLOG_SECONDS / 5, "Kabcde"),
        "a group that is too long": ("Kabcdef", BACKLOG_SECONDS / 5, ""),
        "and the next one": ("KabcdefghLi", BACKLOG_SECONDS / 5, "Li"),
        "a slow one": ("KL", 60.0, "L"),
    }
    for name, (letters, step, kept) in cases.items():
        assert filled(letters, step=step, video=True) == list(kept), name


def test_its_bytes_are_bounded() -> None:
    half = BACKLOG_BYTES // 2
    big = half // 4
    assert filled("abcdefg", step=0.0, video=False, size=big) == list("efg")
    assert filled("Kab", step=0.0, video=True, size=big) == list("Kab")
    assert filled("Kabc", step=0.0, video=True, size=big) == []
    assert filled("KabcLd", step=0.0, video=True, size=big) == list("Ld")
    assert filled("K", step=0.0, video=True, size=half) == []
    tiny = filled("a" * 100_000, step=0.0, video=False, size=0)
    assert len(tiny) < 50_000


def test_it_can_be_told_where_to_begin() -> None:
    backlog: Backlog[int] = Backlog(from_keyframe=False, max_bytes=4096)
    for number in range(4):
        backlog.put(number, 512, 0.0)
    backlog.begin_with(lambda item: item == 7)
    backlog.begin_with(lambda item: item >= 2)
    for number in range(4, 6):
        backlog.put(number, 512, 0.0)
    assert backlog.take() == [2, 3, 4, 5]
