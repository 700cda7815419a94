"""``lktrio dispatch``: sending agents to rooms (LiveKit's AgentDispatchService)."""

from __future__ import annotations

import argparse
import secrets

from lktrio import LiveKitAPI, api
from lktrio.cli.arguments import Group
from lktrio.cli.output import Output
from lktrio.cli.running import add_api_action

__all__ = ["configure", "create", "delete", "get_dispatch", "list_dispatches"]


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    parser = add_api_action(group, "list", list_dispatches, "list the dispatches of a room")
    parser.add_argument("room", help="name of the room")
    parser = add_api_action(group, "create", create, "send an agent to a room")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("-r", "--room", metavar="NAME", help="name of the room")
    where.add_argument("--new-room", action="store_true", help="a room with a name of its own")
    parser.add_argument("--agent-name", required=True, metavar="NAME", help="which agent")
    parser.add_argument("--metadata", default="", help="metadata for its job")
    parser.add_argument("-d", "--deployment", default="", help="which deployment of it")
    for name, action, text in (
        ("get", get_dispatch, "show a dispatch"),
        ("delete", delete, "take a dispatch back"),
    ):
        parser = add_api_action(group, name, action, text)
        parser.add_argument("room", help="name of the room")
        parser.add_argument("id", help="id of the dispatch")


async def list_dispatches(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """List the dispatches of a room."""
    _show(
        await lk.agent_dispatch.list_dispatch(api.ListAgentDispatchRequest(room=arguments.room)),
        output,
    )


async def get_dispatch(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Show one dispatch."""
    request = api.ListAgentDispatchRequest(room=arguments.room, dispatch_id=arguments.id)
    _show(await lk.agent_dispatch.list_dispatch(request), output)


def _show(listed: api.ListAgentDispatchResponse, output: Output) -> None:
    output.table(
        listed,
        ("id", "room", "agent", "jobs", "metadata"),
        (
            (
                one.id,
                one.room,
                one.agent_name,
                len(one.state.jobs) if one.state is not None else 0,
                one.metadata,
            )
            for one in listed.agent_dispatches
        ),
    )


async def create(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Send an agent to a room."""
    room = arguments.room or f"room-{secrets.token_hex(6)}"
    dispatch = await lk.agent_dispatch.create_dispatch(
        api.CreateAgentDispatchRequest(
            room=room,
            agent_name=arguments.agent_name,
            metadata=arguments.metadata,
            deployment=arguments.deployment,
        )
    )
    output.done(dispatch, f"{arguments.agent_name} is sent to {room}: {dispatch.id}")


async def delete(lk: LiveKitAPI, arguments: argparse.Namespace, output: Output) -> None:
    """Take a dispatch back."""
    dispatch = await lk.agent_dispatch.delete_dispatch(
        api.DeleteAgentDispatchRequest(room=arguments.room, dispatch_id=arguments.id)
    )
    output.done(dispatch, f"{arguments.id} is deleted")
