"""``lktrio egress``: recording and streaming of rooms (LiveKit's Egress service)."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from lktrio import LiveKitAPI, api
from lktrio.cli.arguments import Group, UsageError, count, read_message
from lktrio.cli.output import Output, enum_name, timestamp
from lktrio.cli.running import add_api_action

__all__ = ["configure", "list_egress", "start", "stop", "update_layout", "update_stream"]

_NANOSECONDS: Final = 1e9
_DEFAULT_TYPE: Final = "room-composite"  # as in LiveKit's tool
_TYPES: Final = {
    "any": ("StartEgressRequest", "start_egress"),
    "participant": ("ParticipantEgressRequest", "start_participant_egress"),
    "room-composite": ("RoomCompositeEgressRequest", "start_room_composite_egress"),
    "track": ("TrackEgressRequest", "start_track_egress"),
    "track-composite": ("TrackCompositeEgressRequest", "start_track_composite_egress"),
    "web": ("WebEgressRequest", "start_web_egress"),
}
"""The kinds of egress: the request, and the method that takes it."""
_REQUESTS: Final = (
    "room_composite",
    "web",
    "participant",
    "track_composite",
    "track",
    "egress",
    "replay",
)
"""The fields of EgressInfo that say which kind it is."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    parser = add_api_action(group, "list", list_egress, "list egresses")
    parser.add_argument(
        "--id", action="append", default=[], help="list only this one; may be repeated"
    )
    parser.add_argument("-r", "--room", default="", metavar="NAME", help="only those of a room")
    parser.add_argument("-a", "--active", action="store_true", help="only those at work")
    parser.add_argument("--limit", type=count, default=0, metavar="N", help="at most so many")
    parser = add_api_action(group, "start", start, "start an egress")
    parser.add_argument("request", help="the request in JSON, a file of it, or -")
    parser.add_argument(
        "--type",
        choices=sorted(_TYPES),
        default=_DEFAULT_TYPE,
        help=f"which request it is (default: {_DEFAULT_TYPE}; any: a StartEgressRequest)",
    )
    parser = add_api_action(group, "stop", stop, "stop egresses")
    parser.add_argument("--id", action="append", required=True, help="which; may be repeated")
    parser = add_api_action(group, "update-layout", update_layout, "change the layout")
    parser.add_argument("--id", required=True, help="which egress")
    parser.add_argument("--layout", required=True, help="the new layout")
    parser = add_api_action(group, "update-stream", update_stream, "add and remove destinations")
    parser.add_argument("--id", required=True, help="which egress")
    for word in ("add", "remove"):
        parser.add_argument(
            f"--{word}-urls",
            action="append",
            default=[],
            metavar="URL",
            help=f"URL to {word}; may be repeated",
        )


async def list_egress(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """List egresses, all pages of them."""
    listed = api.ListEgressResponse()
    for egress_id in arguments.id or [""]:
        request = api.ListEgressRequest(
            room_name=arguments.room, egress_id=egress_id, active=arguments.active
        )
        await _add_pages(lk, request, arguments.limit, listed)
    await trio.lowlevel.checkpoint()
    output.table(
        listed,
        ("id", "status", "type", "room", "started", "ended", "error"),
        (
            (
                info.egress_id,
                _status(info),
                next((name for name in _REQUESTS if getattr(info, name) is not None), ""),
                info.room_name,
                timestamp(info.started_at / _NANOSECONDS),
                timestamp(info.ended_at / _NANOSECONDS),
                info.error,
            )
            for info in listed.items
        ),
    )


async def _add_pages(
    lk: LiveKitAPI, request: api.ListEgressRequest, limit: int, listed: api.ListEgressResponse
) -> None:
    while True:
        page = await lk.egress.list_egress(request)
        listed.items += page.items
        if limit and len(listed.items) >= limit:
            del listed.items[limit:]
            return
        if page.next_page_token is None or not page.next_page_token.token:
            return
        request.page_token = page.next_page_token


def _status(info: api.EgressInfo) -> str:
    return enum_name(info.status, "egress_")


async def start(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Start an egress."""
    request_name, method_name = _TYPES[arguments.type]
    request = read_message(getattr(api, request_name), arguments.request)
    method: Callable[[Any], Awaitable[api.EgressInfo]] = getattr(lk.egress, method_name)
    info = await method(request)
    output.done(info, f"{info.egress_id} is {_status(info)}")


async def stop(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Stop egresses, one after the other."""
    for egress_id in arguments.id:
        info = await lk.egress.stop_egress(api.StopEgressRequest(egress_id=egress_id))
        output.done(info, f"{info.egress_id} is {_status(info)}")
    await trio.lowlevel.checkpoint()


async def update_layout(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change the layout of a room composite."""
    info = await lk.egress.update_layout(
        api.UpdateLayoutRequest(egress_id=arguments.id, layout=arguments.layout)
    )
    output.done(info, f"{info.egress_id} has the layout {arguments.layout}")


async def update_stream(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Add and remove where an egress streams to."""
    if not (arguments.add_urls or arguments.remove_urls):
        raise UsageError("say what to change: --add-urls or --remove-urls")
    info = await lk.egress.update_stream(
        api.UpdateStreamRequest(
            egress_id=arguments.id,
            add_output_urls=arguments.add_urls,
            remove_output_urls=arguments.remove_urls,
        )
    )
    output.done(info, f"{info.egress_id} is {_status(info)}")
