"""Events of an invented room, with rules: people come and go, and open and shut things."""

from __future__ import annotations

from dataclasses import dataclass

from lktrio.room.channels.compaction import EventRule, EventRules


@dataclass(frozen=True)
class Told:
    """Has no rule."""

    number: int


@dataclass(frozen=True)
class Packet:
    data: bytes


@dataclass(frozen=True)
class Joined:
    """Like Came, but counts."""

    who: str


@dataclass(frozen=True)
class Gone:
    who: str


@dataclass(frozen=True)
class Came:
    who: str


@dataclass(frozen=True)
class Left:
    who: str


@dataclass(frozen=True)
class Opened:
    who: str
    what: str


@dataclass(frozen=True)
class Shut:
    who: str
    what: str


@dataclass(frozen=True)
class Changed:
    who: str
    value: int
    before: int = 0


RULES: EventRules = {
    Packet: EventRule[Packet](size=lambda event: len(event.data)),
    Joined: EventRule[Joined](begins=lambda event: event.who, counts=True),
    Gone: EventRule[Gone](ends=lambda event: event.who, counts=True),
    Came: EventRule[Came](begins=lambda event: event.who),
    Left: EventRule[Left](ends=lambda event: event.who),
    Opened: EventRule[Opened](begins=lambda event: event.what, about=lambda event: (event.who,)),
    Shut: EventRule[Shut](ends=lambda event: event.what, about=lambda event: (event.who,)),
    Changed: EventRule[Changed](
        newest=lambda event: event.who,
        merge=lambda older, newer: Changed(newer.who, newer.value, older.before or older.value),
        about=lambda event: (event.who,),
    ),
}
