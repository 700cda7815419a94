"""``lktrio room participants``: who is in a room, and what may be done to them."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TypeVar

from lktrio import LiveKitAPI, api
from lktrio.cli.arguments import (
    Group,
    UsageError,
    add_attributes,
    add_room,
    read_attributes,
    read_message,
)
from lktrio.cli.output import Output, enum_name, timestamp
from lktrio.cli.running import add_api_action

__all__ = [
    "add_changes",
    "configure",
    "get_participant",
    "list_participants",
    "remove_participant",
    "update_participant",
]

MoveT = TypeVar("MoveT", api.ForwardParticipantRequest, api.MoveParticipantRequest)


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    parser = add_api_action(
        group, "list", list_participants, "list who is in a room; `list` may be left out"
    )
    parser.add_argument("room", help="name of the room")
    parser.add_argument("-i", "--identity", metavar="ID", help="show only this one")
    _add_one(add_api_action(group, "get", get_participant, "show a participant"))
    _add_one(add_api_action(group, "remove", remove_participant, "send a participant away"))
    parser = add_api_action(group, "update", update_participant, "change a participant")
    _add_one(parser)
    add_changes(parser)
    for name, action, text in (
        ("forward", forward_participant, "let a participant be in another room too"),
        ("move", move_participant, "move a participant to another room"),
    ):
        parser = add_api_action(group, name, action, text)
        _add_one(parser)
        parser.add_argument("--destination-room", required=True, metavar="NAME", help="where to")


def _add_one(parser: argparse.ArgumentParser) -> None:
    """Let a participant of a room be named, in either of two ways."""
    add_room(parser)
    parser.add_argument("id", nargs="?", help="identity of the participant")
    parser.add_argument("-i", "--identity", metavar="ID", help="the same")


def add_changes(parser: argparse.ArgumentParser) -> None:
    """Let it be said what to change."""
    parser.add_argument("--metadata", help="the new metadata")
    parser.add_argument("-n", "--name", help="its new name")
    add_attributes(parser, "one of its attributes, empty to remove it")
    parser.add_argument(
        "--permissions", metavar="JSON", help="a ParticipantPermission: all that it may do"
    )


def _identity(arguments: argparse.Namespace) -> str:
    """The participant that was named."""
    identity: str | None = getattr(arguments, "id", None) or arguments.identity
    if not identity:
        raise UsageError("which participant? give its identity")
    return identity


def _one(arguments: argparse.Namespace) -> api.RoomParticipantIdentity:
    return api.RoomParticipantIdentity(room=arguments.room, identity=_identity(arguments))


async def list_participants(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """List who is in a room, or show one of them."""
    if arguments.identity:
        await get_participant(lk, arguments, output)
        return
    listed = await lk.room.list_participants(api.ListParticipantsRequest(room=arguments.room))
    output.table(
        listed,
        ("sid", "identity", "name", "state", "kind", "tracks", "joined"),
        (
            (
                one.sid,
                one.identity,
                one.name,
                enum_name(one.state),
                enum_name(one.kind),
                " ".join(track.sid for track in one.tracks),
                timestamp(one.joined_at),
            )
            for one in listed.participants
        ),
    )


async def get_participant(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Show a participant."""
    one = await lk.room.get_participant(_one(arguments))
    output.record(one, _participant_fields(one))


def _participant_fields(one: api.ParticipantInfo) -> Iterable[tuple[str, object]]:
    yield "sid", one.sid
    yield "identity", one.identity
    yield "name", one.name
    yield "state", enum_name(one.state)
    yield "kind", enum_name(one.kind)
    yield "joined", timestamp(one.joined_at)
    yield "metadata", one.metadata
    for key, value in one.attributes.items():
        yield f"attribute {key}", value
    for track in one.tracks:
        state = ", muted" if track.muted else ""
        source = enum_name(track.source)
        yield f"track {track.sid}", f"{track.mime_type} {source} {track.name!r}{state}"


async def remove_participant(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Send a participant away."""
    one = _one(arguments)
    removed = await lk.room.remove_participant(one)
    output.done(removed, f"{one.identity} is removed from {one.room}")


async def update_participant(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change a participant."""
    attributes = read_attributes(arguments.attribute, arguments.attribute_file)
    permissions = arguments.permissions
    if not (arguments.metadata or arguments.name or attributes or permissions):
        raise UsageError("say what to change: --metadata, --name, --attribute or --permissions")
    info = await lk.room.update_participant(
        api.UpdateParticipantRequest(
            room=arguments.room,
            identity=_identity(arguments),
            metadata=arguments.metadata or "",
            name=arguments.name or "",
            attributes=attributes,
            permission=permissions and read_message(api.ParticipantPermission, permissions),
        )
    )
    output.done(info, f"{info.identity} in {arguments.room} is updated")


async def forward_participant(
    lk: LiveKitAPI, arguments: argparse.Namespace, output: Output
) -> None:
    """Forward a participant to another room."""
    request = _to(api.ForwardParticipantRequest, arguments)
    answer = await lk.room.forward_participant(request)
    output.done(answer, f"{request.identity} is forwarded to {request.destination_room}")


async def move_participant(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Move a participant to another room."""
    request = _to(api.MoveParticipantRequest, arguments)
    answer = await lk.room.move_participant(request)
    output.done(answer, f"{request.identity} is moved to {request.destination_room}")


def _to(cls: type[MoveT], arguments: argparse.Namespace) -> MoveT:
    return cls(
        room=arguments.room,
        identity=_identity(arguments),
        destination_room=arguments.destination_room,
    )
