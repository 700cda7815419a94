"""``lktrio ingress``: media from elsewhere into rooms (LiveKit's Ingress service)."""

from __future__ import annotations

import argparse

from lktrio import LiveKitAPI, api
from lktrio.cli.arguments import Group, count, read_message
from lktrio.cli.output import Output, enum_name
from lktrio.cli.running import add_api_action

__all__ = ["configure", "create", "delete", "list_ingress", "update"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    parser = add_api_action(group, "list", list_ingress, "list ingresses")
    parser.add_argument("--id", default="", help="only this one")
    parser.add_argument("-r", "--room", default="", metavar="NAME", help="only those of a room")
    parser.add_argument("--limit", type=count, default=0, metavar="N", help="at most so many")
    parser = add_api_action(group, "create", create, "create an ingress")
    parser.add_argument("request", help="a CreateIngressRequest in JSON, a file of it, or -")
    parser = add_api_action(group, "update", update, "change an ingress")
    parser.add_argument("request", help="an UpdateIngressRequest in JSON, a file of it, or -")
    parser = add_api_action(group, "delete", delete, "delete an ingress")
    parser.add_argument("id", help="which")


async def list_ingress(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """List ingresses, all pages of them."""
    listed = api.ListIngressResponse()
    request = api.ListIngressRequest(room_name=arguments.room, ingress_id=arguments.id)
    while True:
        page = await lk.ingress.list_ingress(request)
        listed.items += page.items
        if arguments.limit and len(listed.items) >= arguments.limit:
            del listed.items[arguments.limit :]
            break
        if page.next_page_token is None or not page.next_page_token.token:
            break
        request.page_token = page.next_page_token
    output.table(
        listed,
        ("id", "name", "type", "room", "identity", "status", "url", "stream key", "error"),
        (
            (
                info.ingress_id,
                info.name,
                enum_name(info.input_type, "ingress_").removesuffix("_input"),
                info.room_name,
                info.participant_identity,
                _status(info),
                info.url,
                output.secret(info.stream_key),
                info.state.error if info.state is not None else "",
            )
            for info in listed.items
        ),
    )


def _status(info: api.IngressInfo) -> str:
    return enum_name(info.state.status, "endpoint_") if info.state is not None else ""


async def create(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Create an ingress."""
    request = read_message(api.CreateIngressRequest, arguments.request)
    _show(await lk.ingress.create_ingress(request), output)


async def update(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Change an ingress."""
    request = read_message(api.UpdateIngressRequest, arguments.request)
    _show(await lk.ingress.update_ingress(request), output)


def _show(info: api.IngressInfo, output: Output) -> None:
    output.record(
        info,
        (
            ("id", info.ingress_id),
            ("name", info.name),
            ("room", info.room_name),
            ("identity", info.participant_identity),
            ("url", info.url),
            ("stream key", output.secret(info.stream_key)),
        ),
    )


async def delete(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Delete an ingress."""
    info = await lk.ingress.delete_ingress(api.DeleteIngressRequest(ingress_id=arguments.id))
    output.done(info, f"{arguments.id} is deleted")
