from __future__ import annotations

import numpy as np
import pytest

from lktrio import media
from lktrio.media import samples
from tests.media import oracle


async def test_the_sound_is_five_seconds_of_opus() -> None:
    async with media.open_reader(samples.AUDIO) as source:
        frames = [frame async for frame in source]
    assert source.codec == media.OPUS
    assert source.info.channels == 1
    assert frames[-1].timestamp + frames[-1].duration == pytest.approx(5.0, abs=0.01)
    assert {frame.duration for frame in frames[:-1]} == {0.02}
    sound = oracle.decoded_samples(samples.AUDIO.read_bytes())
    assert len(sound) == pytest.approx(5 * 48_000, abs=10)
    assert 0.02 < np.sqrt(np.mean(np.square(sound))) < 0.5


async def test_the_picture_is_five_seconds_of_vp8() -> None:
    async with media.open_reader(samples.VIDEO) as source:
        frames = [frame async for frame in source]
    assert source.codec == media.VP8
    assert (source.width, source.height) == (320, 180)
    assert len(frames) == 125
    assert frames[-1].timestamp + frames[-1].duration == pytest.approx(5.0)
    assert [index for index, frame in enumerate(frames) if frame.keyframe] == [0, 50, 100]
    assert oracle.decoded_pictures(samples.VIDEO.read_bytes()) == [(320, 180)] * 125


def test_both_are_small_enough_to_ship() -> None:
    assert samples.AUDIO.stat().st_size + samples.VIDEO.stat().st_size < 250_000
