"""LiveKit Cloud has regions: when one cannot be reached, rooms are joined in another."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio

from lktrio import proto
from lktrio.auth import (
    AccessToken,
    ConnectionDetails,
    TokenRequest,
    TokenSource,
    VideoGrants,
)
from lktrio.devserver import DevServer, open_dev_server, serve_dev_server
from lktrio.errors import ServerUnreachable
from lktrio.events import Disconnected, Reconnected
from lktrio.net.network import TcpListener
from lktrio.room import ReconnectKind, RoomOptions, connect_room, open_room, prepare_connection
from lktrio.room.session.places import ServerPlaces
from lktrio.testing import LinkProfile, SimulatedHost, SimulatedNetwork
from tests.support.proxies import CompanyProxy

pytestmark = pytest.mark.virtual_time

_PROJECT = "project.livekit.cloud"


@dataclass
class Cloud:
    """A project with a front door that is out of order, and regions."""

    network: SimulatedNetwork
    front: SimulatedHost
    regions: dict[str, SimulatedHost] = field(default_factory=dict[str, SimulatedHost])
    servers: list[DevServer] = field(default_factory=list[DevServer])
    asked: list[str] = field(default_factory=list[str])
    status: str = "503 Service Unavailable"
    keep: str = "Cache-Control: max-age=60\r\n"
    clients: int = 0

    async def answer(self, listener: TcpListener) -> None:
        """Tell the regions; everything else fails."""
        async with trio.open_nursery() as nursery:
            while True:
                nursery.start_soon(self._answer, await listener.accept())

    async def _answer(self, stream: trio.abc.HalfCloseableStream) -> None:
        async with stream:
            head = b""
            while b"\r\n\r\n" not in head:
                more = await stream.receive_some()
                if not more:
                    return
                head += more
            path = head.split()[1].decode().partition("?")[0]
            self.asked.append(path)
            status, body = self.status, b"out of order"
            if path == "/settings/regions":
                assert b"Bearer " in head
                listed = [{"region": name, "url": f"ws://{name}"} for name in self.regions]
                status, body = "200 OK", json.dumps({"regions": listed}).encode()
            await stream.send_all(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n"
                f"{self.keep}Connection: close\r\n\r\n".encode()
                + body
            )

    def options(self, **values: object) -> RoomOptions:
        self.clients += 1
        host = self.network.host(f"client-{self.clients}", f"10.1.0.{self.clients}")
        return RoomOptions(network=host, **values)  # type: ignore[arg-type]

    def token(self) -> str:
        return self.servers[0].token("me", "room")


@asynccontextmanager
async def open_cloud(*names: str) -> AsyncGenerator[Cloud, None]:
    network = SimulatedNetwork(profile=LinkProfile(latency=0.005))
    cloud = Cloud(network, network.host("front", "10.2.0.1"))
    network.names[_PROJECT] = ["10.2.0.1"]
    async with AsyncExitStack() as stack:
        for number, name in enumerate(names):
            address = f"10.2.1.{number + 1}"
            cloud.regions[name] = network.host(name, address)
            server = open_dev_server(host=address, port=80, network=cloud.regions[name])
            cloud.servers.append(await stack.enter_async_context(server))
        nursery = await stack.enter_async_context(trio.open_nursery())
        for listener in await cloud.front.listen_tcp("10.2.0.1", 80):
            nursery.start_soon(cloud.answer, listener)
        yield cloud
        nursery.cancel_scope.cancel()


async def test_a_room_is_joined_in_the_next_region() -> None:
    async with open_cloud("a.livekit.cloud", "b.livekit.cloud") as cloud:
        options = cloud.options()
        network, client = cloud.network, options.network
        assert isinstance(client, SimulatedHost)
        network.partition(client, cloud.regions["a.livekit.cloud"])
        async with open_room(f"ws://{_PROJECT}", cloud.token(), options) as room:
            assert "/settings/regions" in cloud.asked
            assert room.state == "connected"
            # The region is lost, and another one is back.
            network.heal(client, cloud.regions["a.livekit.cloud"])
            network.partition(client, cloud.regions["b.livekit.cloud"])
            events = room.events(Reconnected, Disconnected, replay=False)
            with trio.fail_after(90):
                assert await events.receive() == Reconnected(ReconnectKind.RESTART)


async def test_behind_a_proxy_the_next_region_is_reached_through_it() -> None:
    async with open_cloud("a.livekit.cloud", "b.livekit.cloud") as cloud:
        network, border = cloud.network, cloud.network.host("border", "10.1.255.1")
        network.partition(border, cloud.regions["a.livekit.cloud"])
        proxy = CompanyProxy(border)
        async with proxy.open("10.1.255.1", 3128) as at:
            options = cloud.options(proxy=f"http://{at}")
            client = options.network
            assert isinstance(client, SimulatedHost)
            for host in (cloud.front, *cloud.regions.values()):
                network.partition(client, host, "tcp")
            async with open_room(f"ws://{_PROJECT}", cloud.token(), options) as room:
                assert room.state == "connected"
        asked = dict.fromkeys(host for host, _ in proxy.asked)
        assert list(asked) == [_PROJECT, "a.livekit.cloud", "b.livekit.cloud"]


async def test_a_server_names_where_to_come_back() -> None:
    names = ["a.livekit.cloud", "b.livekit.cloud"]
    async with open_cloud(*names) as cloud:
        token, regions = cloud.token(), ["not a URL", f"ws://{names[1]}"]
        async with open_room(f"ws://{names[0]}", token, cloud.options()) as room:
            events = room.events(Reconnected, replay=False)
            action = proto.LeaveRequest.Action.RECONNECT
            cloud.servers[0].send_leave("me", "room", action, regions=regions)
            assert await events.receive() == Reconnected(ReconnectKind.RESTART)
            with pytest.raises(LookupError):
                cloud.servers[0].cut_signalling("me", "room")
            await trio.sleep(1)  # until the other server has media as well
            cloud.servers[1].cut_signalling("me", "room")
            assert await events.receive() == Reconnected(ReconnectKind.RESUME)


async def test_what_a_server_names_that_is_no_url_is_left_out() -> None:
    places = ServerPlaces("ws://first.example", RoomOptions())
    for wrong in ("", "not a URL", "ws://[bad", "ftp://a.example", "ws://a:99999"):
        places.named([wrong])
        assert places.url == "ws://first.example", wrong
        places.named([wrong, "ws://b.example"])
        assert places.url == "ws://b.example", wrong
        assert await places.failed("token", ServerUnreachable("down")), wrong
        assert places.url == "ws://first.example", wrong


async def test_regions_that_were_looked_up_before_serve_without_the_front_door() -> None:
    async with open_cloud("a.livekit.cloud") as cloud:
        url, options, token = f"ws://{_PROJECT}", cloud.options(), cloud.token()
        await prepare_connection(url, token, options)
        assert cloud.asked == ["/settings/regions"]
        client = options.network
        assert isinstance(client, SimulatedHost)
        cloud.network.partition(client, cloud.front)
        async with open_room(url, token, options) as room:
            assert room.state == "connected"
        await prepare_connection(url, "", options)  # what cannot be reached is the join's matter
        with pytest.raises(ValueError, match="URL"):
            await prepare_connection("nothing")


async def test_a_project_that_may_not_use_a_region_is_told_the_others() -> None:
    async with open_cloud("a.livekit.cloud") as cloud:
        cloud.status, options = "451 Unavailable For Legal Reasons", cloud.options()
        await prepare_connection(f"ws://{_PROJECT}", cloud.token(), options)
        async with open_room(f"ws://{_PROJECT}", cloud.token(), options) as room:
            assert room.state == "connected"
        assert cloud.asked.count("/settings/regions") == 2  # although the first list was recent


async def test_regions_are_kept_as_long_as_they_may_be() -> None:
    for keep, seconds in (("", 5), ("Cache-Control: max-age=12\r\n", 12)):
        async with open_cloud("a.livekit.cloud") as cloud:
            cloud.keep, options, token = keep, cloud.options(), cloud.token()
            for pause, lookups in ((0, 1), (seconds - 1, 1), (2, 2)):
                await trio.sleep(pause)
                await prepare_connection(f"ws://{_PROJECT}", token, options)
                assert cloud.asked.count("/settings/regions") == lookups, (keep, pause)


async def test_without_regions_the_failure_of_the_url_is_that_of_the_join() -> None:
    async with open_cloud("a.livekit.cloud") as cloud:
        for options in (cloud.options(regions=False), cloud.options(regions=False, join_retries=0)):
            cloud.asked.clear()
            with pytest.raises(Exception) as caught:  # noqa: PT011 - looked at below
                async with open_room(f"ws://{_PROJECT}", cloud.token(), options):
                    pass
            assert "503" in str(caught.value)
            assert "/settings/regions" not in cloud.asked
            notes = getattr(caught.value, "__notes__", [])
            assert len(notes) == options.join_retries


async def test_nobody_can_be_reached_anywhere() -> None:
    async with open_cloud() as cloud:
        cloud.regions["nowhere.livekit.cloud"] = cloud.front
        cloud.network.names["nowhere.livekit.cloud"] = ["10.99.0.1"]
        token = AccessToken(identity="me", video=VideoGrants(room_join=True, room="r"))
        signed = token.to_jwt("key", "secret" * 6)
        with pytest.raises(ServerUnreachable) as caught:
            async with open_room(f"ws://{_PROJECT}", signed, cloud.options(join_retries=0)):
                pass
        assert any("503" in note for note in caught.value.__notes__)


async def test_the_place_that_a_join_names_is_kept() -> None:
    """It is where we come back to, also when another place was tried in between."""
    async with open_cloud("a.livekit.cloud", "b.livekit.cloud") as cloud:

        def name_another(_: str, response: proto.SignalResponse) -> proto.SignalResponse:
            if response.join is not None:
                response.join.alternative_url = "ws://b.livekit.cloud"
            return response

        cloud.servers[0].faults.on_response = name_another
        options = cloud.options()
        client, front = options.network, cloud.regions["a.livekit.cloud"]
        assert isinstance(client, SimulatedHost)
        async with open_room("ws://a.livekit.cloud", cloud.token(), options) as room:
            events = room.events(Reconnected, Disconnected, replay=False)
            cloud.network.partition(client, front)
            cloud.network.partition(client, cloud.regions["b.livekit.cloud"])
            await trio.sleep(45)
            cloud.network.heal(client, cloud.regions["b.livekit.cloud"])
            with trio.fail_after(60):
                assert await events.receive() == Reconnected(ReconnectKind.RESTART)


async def test_another_token_is_asked_for_when_ours_is_refused() -> None:
    """The server comes back with other keys; only the program's source knows of another server."""
    here, there = ("10.0.0.1", "first" * 8), ("10.0.0.3", "third" * 8)
    use = here
    asked = 0

    class Source(TokenSource):
        async def fetch(
            self, request: TokenRequest | None = None, *, force: bool = False
        ) -> ConnectionDetails:
            nonlocal asked
            await trio.lowlevel.checkpoint()
            token = AccessToken(
                identity=f"me-{asked}", video=VideoGrants(room_join=True, room="room")
            )
            signed = token.to_jwt("key", use[1])
            asked += 1
            return ConnectionDetails(server_url=f"ws://{use[0]}", participant_token=signed)

    network = SimulatedNetwork(profile=LinkProfile(latency=0.005))
    client, hosts = network.host("client", "10.0.0.2"), {}

    async def serve(
        address: str, secret: str, task_status: trio.TaskStatus[object] = trio.TASK_STATUS_IGNORED
    ) -> None:
        if address not in hosts:
            hosts[address] = network.host(address, address)
        await serve_dev_server(
            host=address,
            port=80,
            network=hosts[address],
            api_key="key",
            api_secret=secret,
            task_status=task_status,
        )

    options = RoomOptions(network=client)
    async with trio.open_nursery() as rooms:
        async with trio.open_nursery() as servers:
            await servers.start(serve, *here)
            room = await connect_room(rooms, "", Source(), options)
            signed = (await Source().fetch()).participant_token
            plain = await connect_room(rooms, "ws://10.0.0.1", signed, options)
            host = hosts[here[0]]
            network.partition(client, host)
            servers.cancel_scope.cancel()
        use = there
        network.reset_connections(client, host)  # lest its last words arrive
        network.heal(client, host)
        events, ends = room.events(Reconnected, replay=False), plain.events(Disconnected)
        async with trio.open_nursery() as servers:
            await servers.start(serve, here[0], "second" * 8)
            await servers.start(serve, *there)
            with trio.fail_after(60):
                assert await events.receive() == Reconnected(ReconnectKind.RESTART)
                assert (await ends.receive()).can_reconnect  # it has no other token
            await room.leave()
            servers.cancel_scope.cancel()
    assert asked == 3
