"""``lktrio room``: rooms and who is in them (LiveKit's RoomService)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path

from lktrio import LiveKitAPI, api
from lktrio.cli.arguments import (
    Group,
    UsageError,
    add_identity,
    add_room,
    key_value,
    read_attributes,
    read_message,
)
from lktrio.cli.output import Output, enum_name, timestamp
from lktrio.cli.running import add_api_action

__all__ = [
    "configure",
    "create_room",
    "delete_room",
    "list_participants",
    "list_rooms",
    "mute_track",
    "remove_participant",
    "send_data",
    "update",
]

_CREATE_OPTIONS = {
    "empty_timeout": ("SECS", "how long the room stays before anybody joins"),
    "departure_timeout": ("SECS", "how long it stays after the last one has left"),
    "max_participants": ("N", "how many may be in it"),
    "min_playout_delay": ("MS", "least delay of video"),
    "max_playout_delay": ("MS", "greatest delay of video"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    parser = add_api_action(group, "list", list_rooms, "list the active rooms")
    parser.add_argument("name", nargs="*", help="list only these")
    _configure_create(group)
    parser = add_api_action(
        group, "delete", delete_room, "delete a room, and send everybody in it away"
    )
    parser.add_argument("name", help="name of the room")
    parser = add_api_action(group, "participants", list_participants, "list who is in a room")
    parser.add_argument("room", help="name of the room")
    parser.add_argument("-i", "--identity", metavar="ID", help="show only this one")
    parser = add_api_action(group, "remove", remove_participant, "send a participant away")
    add_room(parser)
    parser.add_argument("identity", help="identity of the participant")
    _configure_mute(group)
    _configure_update(group)
    _configure_send_data(group)


def _configure_create(group: Group) -> None:
    parser = add_api_action(group, "create", create_room, "create a room")
    parser.add_argument("name", help="name of the room")
    parser.add_argument("--metadata", default="", help="metadata of the room")
    for option, (unit, text) in _CREATE_OPTIONS.items():
        name = f"--{option.replace('_', '-')}"
        parser.add_argument(name, type=int, default=0, metavar=unit, help=text)
    parser.add_argument(
        "--sync-streams", action="store_true", help="keep sound and picture in one stream"
    )
    parser.add_argument("--room-preset", default="", metavar="NAME", help="preset to use")


def _configure_mute(group: Group) -> None:
    parser = add_api_action(
        group, "mute", mute_track, "mute a participant's track", aliases=("mute-track",)
    )
    add_room(parser)
    add_identity(parser)
    parser.add_argument("track", help="SID of the track")
    parser.add_argument("-u", "--unmute", action="store_true", help="unmute it instead")


def _configure_update(group: Group) -> None:
    parser = add_api_action(
        group, "update", update, "change the metadata of a room, or of somebody in it"
    )
    parser.add_argument("room", help="name of the room")
    parser.add_argument("--metadata", help="the new metadata")
    parser.add_argument("-i", "--identity", metavar="ID", help="change this participant instead")
    parser.add_argument("-n", "--name", help="its new name")
    parser.add_argument(
        "--attribute",
        type=key_value,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one of its attributes, empty to remove it; may be repeated",
    )
    parser.add_argument("--attribute-file", type=Path, metavar="FILE", help="attributes in JSON")
    parser.add_argument(
        "--permissions", metavar="JSON", help="a ParticipantPermission: all that it may do"
    )


def _configure_send_data(group: Group) -> None:
    parser = add_api_action(group, "send-data", send_data, "send data to participants")
    add_room(parser)
    parser.add_argument("data", help="what to send, as UTF-8")
    parser.add_argument("--topic", help="its topic")
    parser.add_argument(
        "-i",
        "--identity",
        action="append",
        default=[],
        metavar="ID",
        help="to whom; may be repeated (default: everybody)",
    )
    parser.add_argument("--lossy", action="store_true", help="over the lossy channel")


async def list_rooms(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """List rooms."""
    listed = await lk.room.list_rooms(api.ListRoomsRequest(names=arguments.name))
    output.table(
        listed,
        ("sid", "name", "participants", "publishers", "created", "metadata"),
        (
            (
                room.sid,
                room.name,
                room.num_participants,
                room.num_publishers,
                timestamp(room.creation_time),
                room.metadata,
            )
            for room in listed.rooms
        ),
    )


async def create_room(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Create a room, or find it there."""
    room = await lk.room.create_room(
        api.CreateRoomRequest(
            name=arguments.name,
            metadata=arguments.metadata,
            sync_streams=arguments.sync_streams,
            room_preset=arguments.room_preset,
            **{option: getattr(arguments, option) for option in _CREATE_OPTIONS},
        )
    )
    output.done(room, f"{room.name} is there: {room.sid}")


async def delete_room(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Delete a room."""
    deleted = await lk.room.delete_room(api.DeleteRoomRequest(room=arguments.name))
    output.done(deleted, f"{arguments.name} is deleted")


async def list_participants(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """List who is in a room, or show one of them."""
    if arguments.identity:
        one = await lk.room.get_participant(
            api.RoomParticipantIdentity(room=arguments.room, identity=arguments.identity)
        )
        output.record(one, _participant_fields(one))
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
    removed = await lk.room.remove_participant(
        api.RoomParticipantIdentity(room=arguments.room, identity=arguments.identity)
    )
    output.done(removed, f"{arguments.identity} is removed from {arguments.room}")


async def mute_track(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Mute or unmute a track."""
    answer = await lk.room.mute_published_track(
        api.MuteRoomTrackRequest(
            room=arguments.room,
            identity=arguments.identity,
            track_sid=arguments.track,
            muted=not arguments.unmute,
        )
    )
    state = "unmuted" if arguments.unmute else "muted"
    output.done(answer, f"{arguments.track} of {arguments.identity} is {state}")


async def update(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change a room or a participant."""
    if arguments.identity:
        await _update_participant(lk, arguments, output)
        return
    if arguments.metadata is None or arguments.name or arguments.attribute:
        raise UsageError("a room takes --metadata; a participant is named with --identity")
    room = await lk.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=arguments.room, metadata=arguments.metadata)
    )
    output.done(room, f"{room.name} is updated")


async def _update_participant(
    lk: LiveKitAPI, arguments: argparse.Namespace, output: Output
) -> None:
    attributes = read_attributes(arguments.attribute, arguments.attribute_file)
    permissions = arguments.permissions
    if not (arguments.metadata or arguments.name or attributes or permissions):
        raise UsageError("say what to change: --metadata, --name, --attribute or --permissions")
    info = await lk.room.update_participant(
        api.UpdateParticipantRequest(
            room=arguments.room,
            identity=arguments.identity,
            metadata=arguments.metadata or "",
            name=arguments.name or "",
            attributes=attributes,
            permission=permissions and read_message(api.ParticipantPermission, permissions),
        )
    )
    output.done(info, f"{info.identity} in {arguments.room} is updated")


async def send_data(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Send data to participants."""
    kinds = api.DataPacket.Kind
    sent = await lk.room.send_data(
        api.SendDataRequest(
            room=arguments.room,
            data=arguments.data.encode(),
            kind=kinds.LOSSY if arguments.lossy else kinds.RELIABLE,
            topic=arguments.topic,
            destination_identities=arguments.identity,
        )
    )
    whom = ", ".join(arguments.identity) or "everybody"
    output.done(sent, f"sent to {whom} in {arguments.room}")
