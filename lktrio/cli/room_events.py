"""How the events of a room are shown: as a line for people, or as an object in JSON."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import Enum
from typing import Any, TypeAlias, cast

from lktrio import events
from lktrio._text import printable
from lktrio.events import RoomEvent
from lktrio.proto import Message
from lktrio.proto.codec import to_json_value
from lktrio.room import (
    ChatMessage,
    Participant,
    RemoteParticipant,
    RemoteTrack,
    TrackPublication,
    TranscriptionSegment,
)

__all__ = ["NOISE", "Shown", "TextReceived", "to_line", "to_record"]

NOISE: tuple[type[Any], ...] = (
    events.ActiveSpeakersChanged,
    events.ConnectionQualityChanged,
    events.MetricsReceived,
    events.ParticipantActive,
    events.RoomUpdated,
    events.TokenRefreshed,
)
"""Events that are shown only to who asks for all of them."""
_LONGEST = 2_000  # characters of a line
_SECRET = ("token",)


@dataclass(frozen=True, slots=True)
class TextReceived:
    """A text stream of a topic that is shown has come to its end."""

    text: str
    """The text."""
    participant: RemoteParticipant | None
    """Who sent it; None for a server."""
    topic: str
    """The topic."""


Shown: TypeAlias = "RoomEvent | TextReceived"
"""What can be shown."""


def to_record(event: Shown) -> dict[str, object]:
    """An event as a JSON object: its name, and its fields."""
    values = {one.name: getattr(event, one.name) for one in fields(event)}
    shown = {name: _to_json(value) for name, value in values.items() if name not in _SECRET}
    return {"event": type(event).__name__, **shown}


def _to_json(value: Any) -> object:
    match value:
        case Participant():
            return value.identity
        case RemoteTrack():
            return value.publication.sid
        case TrackPublication():
            return {
                "sid": value.sid,
                "name": value.name,
                "kind": value.kind,
                "source": value.source,
            }
        case bytes():
            return base64.b64encode(value).decode()
        case ChatMessage() | TranscriptionSegment():
            return {**asdict(value)}
        case Message():
            return to_json_value(value)
        case Enum():
            return str(value)
        case Mapping():
            return dict(cast("Mapping[str, object]", value))
        case tuple():
            return [_to_json(one) for one in cast("tuple[object, ...]", value)]
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(getattr(value, "sid", "") or value)


def to_line(event: Shown) -> str:
    """An event as a line for people, without control characters; empty for what needs none."""
    return printable(_words(event), _LONGEST)


def _words(event: Shown) -> str:
    match event:
        case events.ChatReceived(message, participant):
            mark = " (deleted)" if message.deleted else " (edited)" if message.edited_at else ""
            return f"<{_name(participant)}> {message.text}{mark}"
        case events.DataReceived(data, participant, topic):
            about = f", topic {topic}" if topic else ""
            return f"{_name(participant)} sends {len(data)} bytes{about}: {_content(data)}"
        case TextReceived(text, participant, topic):
            return f"{_name(participant)}, topic {topic}: {text}"
        case events.DtmfReceived(digit, _, participant):
            return f"{_name(participant)} presses {digit}"
        case events.TranscriptionReceived(segments, participant):
            said = " ".join(segment.text for segment in segments if segment.final)
            return f"{_name(participant)} says: {said}" if said else ""
        case events.ParticipantConnected(participant):
            return f"{_name(participant)} is there"
        case events.ParticipantDisconnected(participant, reason):
            return f"{_name(participant)} has left: {reason}"
        case events.TrackPublished(publication, participant):
            return f"{_name(participant)} publishes {_track(publication)}"
        case events.TrackUnpublished(publication, participant):
            return f"{_name(participant)} no longer publishes {_track(publication)}"
        case events.Disconnected(reason):
            return f"the room has ended: {reason}"
        case _:
            name, *values = to_record(event).items()
            return " ".join([str(name[1]), *(f"{key}={value}" for key, value in values)])


def _name(participant: Participant[Any] | None) -> str:
    return "the server" if participant is None else participant.identity


def _track(publication: TrackPublication) -> str:
    name = f" {publication.name}" if publication.name else ""
    return f"{publication.kind}{name} ({publication.source}, {publication.sid})"


def _content(data: bytes) -> str:
    """What data says, if it is text."""
    text = data[: 4 * _LONGEST].decode(errors="replace")
    return text if "\ufffd" not in text else data[:32].hex(" ")
