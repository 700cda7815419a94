"""``lktrio room``: rooms and who is in them (LiveKit's RoomService), and being in one."""

from __future__ import annotations

import argparse
from typing import Any

from lktrio import LiveKitAPI, api
from lktrio.cli import participants, room_arguments
from lktrio.cli.arguments import (
    Group,
    UsageError,
    add_identity,
    add_room,
    count,
    read_message,
)
from lktrio.cli.output import Output, timestamp
from lktrio.cli.running import add_api_action

__all__ = [
    "configure",
    "create_room",
    "delete_room",
    "list_rooms",
    "mute_track",
    "send_data",
    "update",
    "update_subscriptions",
]

_CREATE_OPTIONS = {
    "empty_timeout": ("SECS", "how long an empty room is kept before anybody joins"),
    "departure_timeout": ("SECS", "how long it is kept after the last one has left"),
    "max_participants": ("N", "how many may be in it"),
    "min_playout_delay": ("MS", "least delay of video"),
    "max_playout_delay": ("MS", "greatest delay of video"),
}

_CREATE_FILES = {
    "room_egress": ("RoomCompositeEgressRequest", "record the room"),
    "participant_egress": ("AutoParticipantEgress", "record each participant"),
    "track_egress": ("AutoTrackEgress", "record each track"),
    "agents": ("RoomAgent", "send agents to it"),
}
"""Options with a message: its class, and what it is for."""


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
    participants.configure(group.add("participants", None, "list and change who is in a room"))
    parser = add_api_action(
        group, "remove", participants.remove_participant, "send a participant away"
    )
    add_room(parser)
    parser.add_argument("identity", help="identity of the participant")
    _configure_mute(group)
    _configure_subscriptions(group)
    parser = add_api_action(
        group, "update", update, "change the metadata of a room, or somebody in it"
    )
    parser.add_argument("room", help="name of the room")
    parser.add_argument("-i", "--identity", metavar="ID", help="change this participant instead")
    participants.add_changes(parser)
    _configure_send_data(group)
    room_arguments.configure(group)


def _configure_create(group: Group) -> None:
    parser = add_api_action(group, "create", create_room, "create a room")
    parser.add_argument("name", help="name of the room")
    parser.add_argument("--metadata", default="", help="metadata of the room")
    for option, (unit, text) in _CREATE_OPTIONS.items():
        name = f"--{option.replace('_', '-')}"
        parser.add_argument(name, type=count, default=0, metavar=unit, help=text)
    parser.add_argument(
        "--sync-streams", action="store_true", help="keep sound and picture in one stream"
    )
    parser.add_argument("--room-preset", default="", metavar="NAME", help="preset to use")
    for option, (cls, text) in _CREATE_FILES.items():
        name = f"--{option.replace('_', '-')}-file"
        parser.add_argument(name, metavar="FILE", help=f"{text}, as this {cls} in JSON says")


def _configure_mute(group: Group) -> None:
    parser = add_api_action(
        group, "mute", mute_track, "mute a participant's track", aliases=("mute-track",)
    )
    add_room(parser)
    add_identity(parser)
    parser.add_argument("track", help="SID of the track")
    either = parser.add_mutually_exclusive_group()
    either.add_argument("-m", "--mute", action="store_true", help="mute it, which is the default")
    either.add_argument("-u", "--unmute", action="store_true", help="unmute it instead")


def _configure_subscriptions(group: Group) -> None:
    parser = add_api_action(
        group, "update-subscriptions", update_subscriptions, "choose what a participant receives"
    )
    add_room(parser)
    add_identity(parser)
    parser.add_argument("track", nargs="+", help="SIDs of tracks")
    either = parser.add_mutually_exclusive_group(required=True)
    either.add_argument("-s", "--subscribe", action="store_true", help="receive them")
    either.add_argument("-S", "--unsubscribe", action="store_true", help="do not")


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
            **_read_files(arguments),
        )
    )
    output.done(room, f"{room.name} is there: {room.sid}")


def _read_files(arguments: argparse.Namespace) -> dict[str, Any]:
    """What the room starts by itself: the fields of the request for it."""
    found: dict[str, Any] = {
        option: read_message(getattr(api, cls), source)
        for option, (cls, _) in _CREATE_FILES.items()
        if (source := getattr(arguments, f"{option}_file"))
    }
    fields: dict[str, Any] = {}
    if agents := found.pop("agents", None):
        fields["agents"] = agents.dispatches
    if found:
        egress = {option.removesuffix("_egress"): message for option, message in found.items()}
        egress["tracks"] = egress.pop("track", None)
        fields["egress"] = api.RoomEgress(**egress)
    return fields


async def delete_room(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Delete a room."""
    deleted = await lk.room.delete_room(api.DeleteRoomRequest(room=arguments.name))
    output.done(deleted, f"{arguments.name} is deleted")


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


async def update_subscriptions(
    lk: LiveKitAPI, arguments: argparse.Namespace, output: Output
) -> None:
    """Subscribe or unsubscribe a participant."""
    answer = await lk.room.update_subscriptions(
        api.UpdateSubscriptionsRequest(
            room=arguments.room,
            identity=arguments.identity,
            track_sids=arguments.track,
            subscribe=arguments.subscribe,
        )
    )
    verb = "receives" if arguments.subscribe else "does not receive"
    output.done(answer, f"{arguments.identity} {verb} {', '.join(arguments.track)}")


async def update(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change a room or a participant."""
    if arguments.identity:
        await participants.update_participant(lk, arguments, output)
        return
    if arguments.metadata is None or arguments.name or arguments.attribute:
        raise UsageError("a room takes --metadata; a participant is named with --identity")
    room = await lk.room.update_room_metadata(
        api.UpdateRoomMetadataRequest(room=arguments.room, metadata=arguments.metadata)
    )
    output.done(room, f"{room.name} is updated")


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
