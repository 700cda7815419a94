"""Agent dispatches are kept as records of their room, and services that are missing say why."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from lktrio import api, proto
from lktrio.errors import ServerError
from tests.support.places import open_place, serve_place
from tests.support.servers import SERVERS

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize("which", SERVERS)
async def test_a_dispatch_is_created_listed_and_deleted(which: str) -> None:
    with trio.fail_after(20):
        async with (
            open_place(which) as server,
            server.api() as lk,
        ):
            agents = [proto.RoomAgentDispatch(agent_name="first")]
            await lk.room.create_room(api.CreateRoomRequest(name=server.room, agents=agents))
            wanted = proto.CreateAgentDispatchRequest(
                agent_name="a", room=server.room, metadata="m"
            )
            made = await lk.agent_dispatch.create_dispatch(wanted)
            assert made.id.startswith("AD_")
            assert (made.agent_name, made.room, made.metadata) == ("a", server.room, "m")
            assert made.state is not None
            assert made.state.created_at > 0

            everything = proto.ListAgentDispatchRequest(room=server.room)
            listed = await lk.agent_dispatch.list_dispatch(everything)
            found = {dispatch.agent_name: dispatch for dispatch in listed.agent_dispatches}
            assert found.keys() == {"first", "a"}
            assert found["a"] == made
            assert await lk.agent_dispatch.get_dispatch(made.id, server.room) == made

            gone = proto.DeleteAgentDispatchRequest(dispatch_id=made.id, room=server.room)
            assert (await lk.agent_dispatch.delete_dispatch(gone)).id == made.id
            listed = await lk.agent_dispatch.list_dispatch(everything)
            assert [dispatch.agent_name for dispatch in listed.agent_dispatches] == ["first"]
            assert await lk.agent_dispatch.get_dispatch(made.id, server.room) is None
            with pytest.raises(ServerError) as caught:
                await lk.agent_dispatch.delete_dispatch(gone)
            assert caught.value.code == "not_found"
            await lk.room.delete_room(api.DeleteRoomRequest(room=server.room))


@pytest.mark.parametrize("which", SERVERS)
async def test_a_room_without_agents_is_for_those_without_a_name(which: str) -> None:
    with trio.fail_after(20):
        async with (
            open_place(which) as server,
            server.api() as lk,
        ):
            wanted = proto.CreateAgentDispatchRequest(agent_name="a", room=server.room)
            await lk.agent_dispatch.create_dispatch(wanted)  # makes the room
            listing = proto.ListAgentDispatchRequest(room=server.room)
            listed = await lk.agent_dispatch.list_dispatch(listing)
            assert sorted(one.agent_name for one in listed.agent_dispatches) == ["", "a"]
            await lk.room.delete_room(api.DeleteRoomRequest(room=server.room))


@pytest.mark.parametrize("which", SERVERS)
async def test_a_room_is_made_with_its_dispatches(which: str) -> None:
    with trio.fail_after(20):
        async with (
            open_place(which) as server,
            server.api() as lk,
        ):
            agents = [proto.RoomAgentDispatch(agent_name="one", metadata="m")]
            await lk.room.create_room(api.CreateRoomRequest(name=server.room, agents=agents))
            listing = proto.ListAgentDispatchRequest(room=server.room)
            listed = await lk.agent_dispatch.list_dispatch(listing)
            assert [d.agent_name for d in listed.agent_dispatches] == ["one"]
            await lk.room.delete_room(api.DeleteRoomRequest(room=server.room))


async def test_missing_services_say_why() -> None:
    with trio.fail_after(20):
        async with (
            serve_place() as server,
            server.api() as lk,
        ):
            calls: tuple[tuple[Any, proto.Message, str], ...] = (
                (lk.egress.list_egress, proto.ListEgressRequest(), "egress"),
                (lk.ingress.list_ingress, proto.ListIngressRequest(), "ingress"),
                (lk.sip.list_sip_inbound_trunk, proto.ListSIPInboundTrunkRequest(), "SIP"),
                (lk.connector.dial_whatsapp_call, proto.DialWhatsAppCallRequest(), "connectors"),
            )
            for call, request, word in calls:
                with pytest.raises(ServerError, match=word) as caught:
                    await call(request)
                assert (caught.value.code, caught.value.status) == ("unimplemented", 501)
