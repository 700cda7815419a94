"""A stream leaves nothing behind: no reference cycles, no growth."""

from __future__ import annotations

import gc
import tracemalloc

from tests.support.media_link import MediaLink, Path, vp8_frame


def play(link: MediaLink, first: int, count: int) -> None:
    for number in range(first, first + count):
        link.send_frame(vp8_frame(number, 2500, key=number == 0), number * 3000)
        link.run_until(link.now + 1 / 30)
        link.frames.clear()
        link.feedback.clear()
        link.sent.clear()
        if number % 30 == 0:
            link.report()


def lossy_link() -> MediaLink:
    return MediaLink(forward=Path(delay=0.01, loss=0.05, seed=21), backward=Path(seed=22))


def test_packets_make_no_reference_cycles() -> None:
    link = lossy_link()
    play(link, 0, 50)
    gc.collect()
    gc.disable()
    try:
        play(link, 50, 300)
        assert gc.collect() < 50
    finally:
        gc.enable()


def test_memory_does_not_grow_with_the_stream() -> None:
    link = lossy_link()
    play(link, 0, 100)
    tracemalloc.start()
    try:
        play(link, 100, 400)  # fills the history of sent packets
        before = tracemalloc.get_traced_memory()[0]
        play(link, 500, 400)
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after - before < 100_000  # the packets sent meanwhile had ten times that
