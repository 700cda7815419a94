from __future__ import annotations

import pytest

from lktrio.errors import ContainerError
from lktrio.media.detect import SNIFF_SIZE, detect_format
from tests.media import oracle


def test_readable_files_are_told_by_their_first_bytes() -> None:
    for data, kind in (
        (oracle.ogg(), "Ogg"),
        (oracle.ivf(), "IVF"),
        (oracle.h264(), "H.264"),
        (oracle.h264({"aud": "1"}), "H.264"),
        (b"\x00\x00\x01\x67\x42", "H.264"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "WAV"),
        (b"\x00\x00\x00\x00\x00\x01\x67\x42", "H.264"),
    ):
        assert detect_format(data[:SNIFF_SIZE], "file") == kind, kind


def test_other_files_are_refused_with_what_they_look_like() -> None:
    for head, kind in (
        (b"", "an empty file"),
        (b"\x1a\x45\xdf\xa3\x01\x00", "a Matroska or WebM file"),
        (b"\x00\x00\x00\x20ftypisom", "an MP4 or QuickTime file"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", "an AVI file"),
        (b"ID3\x04\x00", "an MP3 file"),
        (b"\x89PNG\r\n", "a PNG picture"),
        (b"\x00\x00\x01\xba\x44", "an MPEG program stream"),
        (b"\x00\x00\x01\xb3\x14", "an MPEG video stream"),
        (b"\x00\x00\x00\x01\x40\x01\x0c", "an H.265 stream"),
        (b"\x00\x00\x01\x40\x01\x0c", "an H.265 stream"),
        (b"<!DOCTYPE html>", "text"),
        (b"\x00\x00\x00\x00\x00\x00", "an unknown kind of file (it begins with 00 00 00"),
        (b"\x00\x00\x01", "an unknown kind of file (it begins with 00 00 01)"),
        (b"\xf8\xff\xfe", "an unknown kind of file (it begins with f8 ff fe)"),
    ):
        with pytest.raises(ContainerError) as caught:
            detect_format(head[:SNIFF_SIZE], "talk.bin")
        assert str(caught.value).startswith(f"talk.bin looks like {kind}"), kind
        assert "give an Ogg file with Opus" in str(caught.value), kind
