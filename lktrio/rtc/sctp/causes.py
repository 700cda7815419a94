"""Error causes: why an ABORT or an ERROR was sent (RFC 9260 section 3.3.10)."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, TypeAlias

__all__ = ["Cause", "CauseCode", "describe_causes"]

Cause: TypeAlias = tuple[int, bytes]
"""Code and value of an error cause: the same shape as a parameter."""


class CauseCode(IntEnum):
    """Error cause codes (RFC 9260 section 3.3.10)."""

    INVALID_STREAM_IDENTIFIER = 1
    MISSING_PARAMETER = 2
    STALE_COOKIE = 3
    OUT_OF_RESOURCE = 4
    UNRESOLVABLE_ADDRESS = 5
    UNRECOGNIZED_CHUNK = 6
    INVALID_MANDATORY_PARAMETER = 7
    UNRECOGNIZED_PARAMETERS = 8
    NO_USER_DATA = 9
    COOKIE_WHILE_SHUTTING_DOWN = 10
    RESTART_WITH_NEW_ADDRESSES = 11
    USER_INITIATED_ABORT = 12
    PROTOCOL_VIOLATION = 13


_CAUSE_NAMES: Final = {int(code): code.name.lower().replace("_", " ") for code in CauseCode}


def describe_causes(causes: tuple[Cause, ...]) -> str:
    """A short text for the causes of an ABORT or ERROR, for the reason of a closing."""
    parts: list[str] = []
    for code, value in causes[:4]:
        name = _CAUSE_NAMES.get(code, f"cause {code}")
        if code in (CauseCode.USER_INITIATED_ABORT, CauseCode.PROTOCOL_VIOLATION) and value:
            name += f": {value[:128].decode('utf-8', 'replace')}"
        parts.append(name)
    return ", ".join(parts) or "no cause given"
