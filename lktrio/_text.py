"""Text that somebody else wrote, made safe to show.

What a peer or a server calls itself, or gives for a reason, may hold line ends that forge a line of
a log, escape sequences that drive a terminal (ECMA-48), and marks that reverse what is read
(Unicode UAX #9). It passes through `printable` wherever it enters a log line, the message of an
exception, the reason of a close, or a terminal.
"""

from __future__ import annotations

__all__ = ["LONGEST", "printable"]

LONGEST = 500
"""Characters that are shown of a text unless told otherwise."""

_SHOWN_AS_THEY_ARE = frozenset("\u200c\u200d\u00a0\u3000")
"""Joiners, which scripts and emoji are written with, and spaces: not printable, but harmless."""


def printable(text: str, limit: int = LONGEST) -> str:
    r"""A text on one line, without control characters, and not too long.

    Args:
        text: The text; printable text, of any script, is returned as it is.
        limit: Characters that are kept of it; ``...`` stands for the rest.

    Returns:
        The text with each control, format, surrogate or unassigned character written as Python
        does, such as ``\n``, ``\x1b`` or ``\u202e``.
    """
    if len(text) > limit:
        text = f"{text[:limit]}..."
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable() or character in _SHOWN_AS_THEY_ARE
        else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
