"""``lktrio sip``: telephony (LiveKit's SIP service)."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from lktrio import LiveKitAPI, api
from lktrio.cli.arguments import (
    Group,
    UsageError,
    add_identity,
    add_room,
    duration,
    header,
    read_message,
)
from lktrio.cli.output import Output, enum_name
from lktrio.cli.running import ApiAction, add_api_action

__all__ = ["configure"]

_REQUEST = "{} in JSON, a file of it, or -"
IN, OUT, RULES = ("in", "inbound-trunk"), ("out", "outbound-trunk"), ("dispatch-rule",)
"""Further names, as in LiveKit's tool."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    _configure_objects(
        Group(group.add("inbound", None, "trunks that calls come in by", aliases=IN)),
        "trunk",
        (list_inbound, create_inbound, update_inbound, delete_trunk),
        "SIPInboundTrunkRequest",
    )
    _configure_objects(
        Group(group.add("outbound", None, "trunks that calls go out by", aliases=OUT)),
        "trunk",
        (list_outbound, create_outbound, update_outbound, delete_trunk),
        "SIPOutboundTrunkRequest",
    )
    _configure_objects(
        Group(group.add("dispatch", None, "rules for which room a call goes to", aliases=RULES)),
        "rule",
        (list_rules, create_rule, update_rule, delete_rule),
        "SIPDispatchRuleRequest",
    )
    _configure_calls(Group(group.add("participant", None, "calls, which are participants")))


def _configure_objects(
    group: Group,
    noun: str,
    actions: tuple[ApiAction, ApiAction, ApiAction, ApiAction],
    request: str,
) -> None:
    list_action, create_action, update_action, delete_action = actions
    add_api_action(group, "list", list_action, f"list {noun}s")
    parser = add_api_action(group, "create", create_action, f"create a {noun}")
    parser.add_argument("request", help=_REQUEST.format(f"a Create{request}"))
    parser = add_api_action(group, "update", update_action, f"change a {noun}")
    parser.add_argument("request", help=_REQUEST.format(f"an Update{request}"))
    parser.add_argument("--id", default="", help="which, if the request does not say")
    parser = add_api_action(group, "delete", delete_action, f"delete a {noun}")
    parser.add_argument("id", help="which")


def _configure_calls(group: Group) -> None:
    parser = add_api_action(group, "create", create_call, "call somebody into a room")
    parser.add_argument("request", nargs="?", help=_REQUEST.format("a CreateSIPParticipantRequest"))
    for option, (_, text) in _CALL_OPTIONS.items():
        parser.add_argument(f"--{option}", default="", help=text)
    parser.add_argument("--display-name", help="name that the one who is called sees")
    parser.add_argument(
        "--header",
        type=header,
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="SIP header of the call; may be repeated",
    )
    parser.add_argument("--wait", action="store_true", help="until the call is answered")
    parser.add_argument("--timeout", type=duration, metavar="TIME", help="how long it may ring")
    parser = add_api_action(group, "transfer", transfer_call, "transfer a call")
    add_room(parser)
    add_identity(parser)
    parser.add_argument("--to", required=True, metavar="URI", help="sip: or tel: URI")
    parser.add_argument("--play-dialtone", action="store_true", help="while it is attempted")


_CALL_OPTIONS = {
    "trunk": ("sip_trunk_id", "id of the outbound trunk"),
    "number": ("sip_number", "number to call from"),
    "call": ("sip_call_to", "number to call"),
    "room": ("room_name", "name of the room"),
    "identity": ("participant_identity", "identity of the participant"),
    "name": ("participant_name", "display name of the participant"),
}
"""The options of a call: the field of the request, and what it says."""


async def list_inbound(lk: LiveKitAPI, _arguments: argparse.Namespace, output: Output) -> None:
    """List inbound trunks."""
    listed = await lk.sip.list_sip_inbound_trunk(api.ListSIPInboundTrunkRequest())
    output.table(
        listed,
        ("id", "name", "numbers", "allowed addresses", "allowed numbers", "user", "password"),
        (
            (
                trunk.sip_trunk_id,
                trunk.name,
                " ".join(trunk.numbers),
                " ".join(trunk.allowed_addresses),
                " ".join(trunk.allowed_numbers),
                trunk.auth_username,
                output.secret(trunk.auth_password),
            )
            for trunk in listed.items
        ),
    )


async def create_inbound(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Create an inbound trunk."""
    request = read_message(api.CreateSIPInboundTrunkRequest, arguments.request)
    trunk = await lk.sip.create_sip_inbound_trunk(request)
    output.done(trunk, f"{trunk.sip_trunk_id} is created")


async def update_inbound(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change an inbound trunk."""
    request = read_message(api.UpdateSIPInboundTrunkRequest, arguments.request)
    request.sip_trunk_id = arguments.id or request.sip_trunk_id
    trunk = await lk.sip.update_sip_inbound_trunk(request)
    output.done(trunk, f"{trunk.sip_trunk_id} is updated")


async def list_outbound(lk: LiveKitAPI, _arguments: argparse.Namespace, output: Output) -> None:
    """List outbound trunks."""
    listed = await lk.sip.list_sip_outbound_trunk(api.ListSIPOutboundTrunkRequest())
    output.table(
        listed,
        ("id", "name", "address", "transport", "numbers", "user", "password"),
        (
            (
                trunk.sip_trunk_id,
                trunk.name,
                trunk.address,
                enum_name(trunk.transport, "sip_transport_"),
                " ".join(trunk.numbers),
                trunk.auth_username,
                output.secret(trunk.auth_password),
            )
            for trunk in listed.items
        ),
    )


async def create_outbound(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Create an outbound trunk."""
    request = read_message(api.CreateSIPOutboundTrunkRequest, arguments.request)
    trunk = await lk.sip.create_sip_outbound_trunk(request)
    output.done(trunk, f"{trunk.sip_trunk_id} is created")


async def update_outbound(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change an outbound trunk."""
    request = read_message(api.UpdateSIPOutboundTrunkRequest, arguments.request)
    request.sip_trunk_id = arguments.id or request.sip_trunk_id
    trunk = await lk.sip.update_sip_outbound_trunk(request)
    output.done(trunk, f"{trunk.sip_trunk_id} is updated")


async def delete_trunk(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Delete a trunk, inbound or outbound."""
    request = api.DeleteSIPTrunkRequest(sip_trunk_id=arguments.id)
    output.done(await lk.sip.delete_sip_trunk(request), f"{arguments.id} is deleted")


async def list_rules(lk: LiveKitAPI, _arguments: argparse.Namespace, output: Output) -> None:
    """List dispatch rules."""
    listed = await lk.sip.list_sip_dispatch_rule(api.ListSIPDispatchRuleRequest())
    output.table(
        listed,
        ("id", "name", "trunks", "rule"),
        (
            (
                info.sip_dispatch_rule_id,
                info.name,
                " ".join(info.trunk_ids) or "any",
                "; ".join(_rule(info.rule)),
            )
            for info in listed.items
        ),
    )


def _rule(rule: api.SIPDispatchRule | None) -> Iterable[str]:
    if rule is None:
        return
    if (direct := rule.dispatch_rule_direct) is not None:
        yield f"into the room {direct.room_name}"
    if (individual := rule.dispatch_rule_individual) is not None:
        yield f"a room for each caller: {individual.room_prefix}..."
    if (callee := rule.dispatch_rule_callee) is not None:
        yield f"a room for each number called: {callee.room_prefix}..."


async def create_rule(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Create a dispatch rule."""
    request = read_message(api.CreateSIPDispatchRuleRequest, arguments.request)
    rule = await lk.sip.create_sip_dispatch_rule(request)
    output.done(rule, f"{rule.sip_dispatch_rule_id} is created")


async def update_rule(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change a dispatch rule."""
    request = read_message(api.UpdateSIPDispatchRuleRequest, arguments.request)
    request.sip_dispatch_rule_id = arguments.id or request.sip_dispatch_rule_id
    rule = await lk.sip.update_sip_dispatch_rule(request)
    output.done(rule, f"{rule.sip_dispatch_rule_id} is updated")


async def delete_rule(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Delete a dispatch rule."""
    request = api.DeleteSIPDispatchRuleRequest(sip_dispatch_rule_id=arguments.id)
    output.done(await lk.sip.delete_sip_dispatch_rule(request), f"{arguments.id} is deleted")


async def create_call(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Call somebody."""
    request = read_message(api.CreateSIPParticipantRequest, arguments.request or "{}")
    for option, (field, _) in _CALL_OPTIONS.items():
        if value := getattr(arguments, option):
            setattr(request, field, value)
    if arguments.display_name is not None:
        request.display_name = arguments.display_name
    request.headers |= dict(arguments.header)
    request.ringing_timeout = arguments.timeout or request.ringing_timeout
    request.wait_until_answered = request.wait_until_answered or arguments.wait
    if not (request.sip_trunk_id or request.trunk is not None) or not request.room_name:
        raise UsageError("a call needs --trunk, --call and --room, or a request with them")
    call = await lk.sip.create_sip_participant(request)
    output.done(call, f"{call.participant_identity} is called into {call.room_name}")


async def transfer_call(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Transfer a call."""
    answer = await lk.sip.transfer_sip_participant(
        api.TransferSIPParticipantRequest(
            room_name=arguments.room,
            participant_identity=arguments.identity,
            transfer_to=arguments.to,
            play_dialtone=arguments.play_dialtone,
        )
    )
    output.done(answer, f"{arguments.identity} is transferred to {arguments.to}")
