"""Runs demuxers and muxers over bytes in memory."""

from __future__ import annotations

from collections.abc import Iterable

from lktrio.errors import ContainerError
from lktrio.media.container import Demuxer, MediaInfo, Muxer
from lktrio.media.frame import EncodedFrame


def read(demuxer: Demuxer, data: bytes, chunk: int | None = None) -> list[EncodedFrame]:
    """All frames of a whole file."""
    step = chunk or len(data) or 1
    for start in range(0, len(data), step):
        demuxer.feed(data[start : start + step])
    demuxer.finish()
    return list(demuxer.frames)


def read_damaged(demuxer: Demuxer, data: bytes) -> tuple[list[EncodedFrame], ContainerError | None]:
    """The frames before the damage, and the complaint about it, if there is one."""
    try:
        read(demuxer, data)
    except ContainerError as error:
        return list(demuxer.frames), error
    return list(demuxer.frames), None


def info_of(demuxer: Demuxer, data: bytes) -> MediaInfo:
    read(demuxer, data)
    assert demuxer.info is not None
    return demuxer.info


def write(muxer: Muxer, frames: Iterable[EncodedFrame]) -> bytes:
    """A whole file."""
    out = bytearray().join([muxer.add(frame) for frame in frames])
    out += muxer.finish()
    if patch := muxer.patch():
        offset, data = patch
        out[offset : offset + len(data)] = data
    return bytes(out)
