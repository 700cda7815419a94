from __future__ import annotations

import pytest

from lktrio import media
from lktrio.errors import CodecUnavailable
from lktrio.rtc.payload import depacketizer, packetizer


def test_a_codec_is_found_by_its_media_type_and_has_a_payload_format() -> None:
    for codec in media.CODECS:
        assert media.find_codec(codec.mime) is codec, codec
        assert media.find_codec(codec.mime.lower()) is codec, codec
        assert codec.mime.startswith(codec.kind), codec
        assert (codec.channels is None) == (codec.kind == "video"), codec
        frame = b"\x00\x00\x01\x41\x80" if codec is media.H264 else b"\x01\x02\x03"
        assert len(packetizer(codec.mime).pack(frame, 100)) == 1, codec
        assert not depacketizer(codec.mime).starts_frame(b""), codec


def test_an_unknown_codec_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CodecUnavailable, match="'video/AV1'; there are audio/opus, video/VP8"):
        media.find_codec("video/AV1")
