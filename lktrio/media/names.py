"""Names of files made of what others chose, such as identities and names of tracks.

Whoever may join a room chooses these, so they may hold anything: ``../../etc/passwd``, line ends,
marks that turn text round. A file name made of them here is one name within a folder on every
system, and shows what it is.
"""

from __future__ import annotations

import unicodedata

__all__ = ["safe_file_name"]

_ALLOWED = frozenset("-_.@+ ")
_MAX_BYTES = 120  # of the whole name, which file systems limit to 255; paths may be limited too
_NO_NAME = "unnamed"
_RESERVED = frozenset(  # devices of Windows, with any suffix
    ("CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(10)))
)


def safe_file_name(*parts: str, suffix: str = "") -> str:
    """Make a file name of texts that others chose.

    Letters and digits of all scripts stay, and ``-``, ``_``, ``.``, ``@``, ``+`` and spaces within
    the name; everything else becomes ``_``. Different texts can give one name, so a part that is
    unique, such as the SID of a track, should be among them. ::

        path = folder / media.safe_file_name(identity, track.sid, suffix=".ogg")

    Args:
        parts: The texts, joined by ``-``; empty ones are left out.
        suffix: What the name ends with, as it is.

    Returns:
        A name of at most 120 bytes in UTF-8: no path, never hidden, never empty.
    """
    room = _MAX_BYTES - len(suffix.encode())
    cleaned = [name for part in parts if (name := _clean(part))]
    share = max(1, (room - len(cleaned) + 1) // max(1, len(cleaned)))
    name = "-".join(_cut(part, share) for part in cleaned).strip(" .") or _NO_NAME
    if name.partition(".")[0].strip().upper() in _RESERVED:
        name = f"_{name}"
    return name + suffix


def _clean(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    kept = [one if one.isalnum() or one in _ALLOWED else "_" for one in composed]
    return "".join(kept).strip(" .")


def _cut(text: str, size: int) -> str:
    """The beginning of a text that takes at most so many bytes."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore").rstrip(" .")
