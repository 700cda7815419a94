"""Agent dispatches are kept as records of their room, and services that are missing say why."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from lktrio import api, proto
from lktrio.api import LiveKitAPI
from lktrio.devserver import open_dev_server
from lktrio.errors import ServerError


async def test_a_dispatch_is_created_listed_and_deleted() -> None:
    with trio.fail_after(20):
        async with (
            open_dev_server() as server,
            LiveKitAPI(server.http_url, server.api_key, server.api_secret) as lk,
        ):
            wanted = proto.CreateAgentDispatchRequest(agent_name="a", room="r", metadata="m")
            made = await lk.agent_dispatch.create_dispatch(wanted)
            assert made.id.startswith("AD_")
            assert (made.agent_name, made.room, made.metadata) == ("a", "r", "m")
            assert made.state is not None
            assert made.state.created_at > 0

            everything = proto.ListAgentDispatchRequest(room="r")
            listed = await lk.agent_dispatch.list_dispatch(everything)
            assert [dispatch.id for dispatch in listed.agent_dispatches] == [made.id]

            gone = proto.DeleteAgentDispatchRequest(dispatch_id=made.id, room="r")
            await lk.agent_dispatch.delete_dispatch(gone)
            listed = await lk.agent_dispatch.list_dispatch(everything)
            assert listed.agent_dispatches == []
            with pytest.raises(ServerError) as caught:
                await lk.agent_dispatch.delete_dispatch(gone)
            assert caught.value.code == "not_found"


async def test_a_room_is_made_with_its_dispatches() -> None:
    with trio.fail_after(20):
        async with (
            open_dev_server() as server,
            LiveKitAPI(server.http_url, server.api_key, server.api_secret) as lk,
        ):
            agents = [proto.RoomAgentDispatch(agent_name="one", metadata="m")]
            await lk.room.create_room(api.CreateRoomRequest(name="r", agents=agents))
            listed = await lk.agent_dispatch.list_dispatch(proto.ListAgentDispatchRequest(room="r"))
            assert [d.agent_name for d in listed.agent_dispatches] == ["one"]


async def test_missing_services_say_why() -> None:
    with trio.fail_after(20):
        async with (
            open_dev_server() as server,
            LiveKitAPI(server.http_url, server.api_key, server.api_secret) as lk,
        ):
            calls: tuple[tuple[Any, proto.Message, str], ...] = (
                (lk.egress.list_egress, proto.ListEgressRequest(), "egress"),
                (lk.ingress.list_ingress, proto.ListIngressRequest(), "ingress"),
                (lk.sip.list_sip_inbound_trunk, proto.ListSIPInboundTrunkRequest(), "SIP"),
            )
            for call, request, word in calls:
                with pytest.raises(ServerError, match=word) as caught:
                    await call(request)
                assert (caught.value.code, caught.value.status) == ("unimplemented", 501)
