"""What kind of file a few bytes are the beginning of."""

from __future__ import annotations

from lktrio.errors import ContainerError

__all__ = ["SNIFF_SIZE", "detect_format"]

SNIFF_SIZE = 16
"""Bytes from the beginning that are enough to tell."""

_READABLE = ((0, b"OggS", "Ogg"), (0, b"DKIF", "IVF"), (8, b"WAVE", "WAV"))

# Formats that people try and that we cannot read: where, which bytes, what it is.
_UNREADABLE = (
    (0, b"\x1a\x45\xdf\xa3", "a Matroska or WebM file"),
    (4, b"ftyp", "an MP4 or QuickTime file"),
    (8, b"AVI ", "an AVI file"),
    (0, b"fLaC", "a FLAC file"),
    (0, b"ID3", "an MP3 file"),
    (0, b"\xff\xfb", "an MP3 file"),
    (0, b"\xff\xf1", "an AAC file"),
    (0, b"FLV\x01", "a Flash video file"),
    (0, b"\x89PNG", "a PNG picture"),
    (0, b"\xff\xd8\xff", "a JPEG picture"),
    (0, b"GIF8", "a GIF picture"),
    (0, b"OpusHead", "Opus without its Ogg container"),
    (0, b"\x47\x40", "an MPEG transport stream"),
    (0, b"\x00\x00\x01\xba", "an MPEG program stream"),
    (0, b"\x00\x00\x01\xb3", "an MPEG video stream"),
    (0, b"\x12\x00\x0a", "an AV1 stream"),
    (0, b"%PDF", "a PDF document"),
    (0, b"PK\x03\x04", "a ZIP archive"),
)
_START_CODES = (b"\x00\x00\x00\x01", b"\x00\x00\x01")
_H264_TYPES = frozenset(range(1, 24))
_H265_HEADS = frozenset((b"\x40\x01", b"\x42\x01", b"\x44\x01", b"\x46\x01", b"\x4e\x01"))
_ADVICE = (
    "give an Ogg file with Opus, an IVF file with VP8, an H.264 stream in Annex B form or a "
    "WAV file with G.711"
)


def detect_format(head: bytes, name: str) -> str:
    """Tell the format of a file that can be read.

    Args:
        head: The first `SNIFF_SIZE` bytes of the file, or all if it is shorter.
        name: What the error message calls the file.

    Returns:
        ``"Ogg"``, ``"IVF"``, ``"WAV"`` or ``"H.264"``.

    Raises:
        ContainerError: It is none of these; the text says what it looks like.
    """
    for position, signature, kind in _READABLE:
        if head.startswith(signature, position):
            return kind
    stripped = b"\x00\x00" + head.lstrip(b"\x00")  # zero bytes may precede a start code
    if head.startswith(b"\x00\x00") and stripped.startswith(_START_CODES[1]):
        unit = stripped[3:5]
        if unit not in _H265_HEADS and unit[:1] and _begins_h264(unit[0]):
            return "H.264"
    raise ContainerError(f"{name} looks like {_guess(head)}; {_ADVICE}")


def _begins_h264(header: int) -> bool:
    return not header & 0x80 and header & 0x1F in _H264_TYPES


def _guess(head: bytes) -> str:
    if not head:
        return "an empty file"
    for position, signature, kind in _UNREADABLE:
        if head.startswith(signature, position):
            return kind
    start = head.lstrip(b"\x00")[1:3]
    if head.startswith(_START_CODES) and start in _H265_HEADS:
        return "an H.265 stream"
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        return "text"
    return f"an unknown kind of file (it begins with {head[:8].hex(' ')})"
