"""When a failed call goes on to another region, and when it does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
import trio
from trio.testing import MockClock

from lktrio import proto
from lktrio.errors import ServerError
from tests.api.peer import CLOUD, URL, Peer, answer, api, refusal
from tests.support.cases import each_case

REQUEST = proto.ListRoomsRequest()
REGIONS = ["https://a.production.livekit.cloud", "https://b.production.livekit.cloud"]
SETTINGS = "/settings/regions"


def ok() -> httpx.Response:
    return answer(proto.ListRoomsResponse())


def down() -> httpx.Response:
    return refusal(503, "unavailable", "down")


class Cloud:
    """A project with regions; ``answers`` says what each host answers."""

    def __init__(self, **hosts: Callable[[], httpx.Response] | type[Exception]) -> None:
        self.hosts = hosts
        self.regions = list(REGIONS)
        self.cache_control = "max-age=60"
        self.settings_status = 200
        self.settings_delay = 0.0
        self.settings_fetches = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == SETTINGS:
            self.settings_fetches += 1
            await trio.sleep(self.settings_delay)
            body = {
                "regions": [{"region": url, "url": url, "distance": "1"} for url in self.regions]
            }
            headers = {"Cache-Control": self.cache_control} if self.cache_control else {}
            return httpx.Response(self.settings_status, json=body, headers=headers)
        await trio.lowlevel.checkpoint()
        outcome = self.hosts[(request.url.host or "").partition(".")[0]]
        if isinstance(outcome, type):
            raise outcome("no connection")
        return outcome()


async def call(cloud: Cloud, url: str = CLOUD, **options: Any) -> tuple[Peer, ServerError | None]:
    peer = Peer(cloud)
    async with api(peer, url, **options) as lk:
        try:
            await lk.room.list_rooms(REQUEST)
        except ServerError as error:
            return peer, error
    return peer, None


def hosts(peer: Peer) -> list[str]:
    return [
        request.url.host.partition(".")[0]
        for request in peer.requests
        if request.url.path != SETTINGS
    ]


@each_case("failure", [down, httpx.ConnectError, httpx.ReadError])
async def test_the_next_region_is_tried(autojump_clock: MockClock, failure: Any) -> None:
    start = trio.current_time()
    peer, error = await call(Cloud(project=failure, a=ok))
    assert error is None
    assert hosts(peer) == ["project", "a"]
    assert trio.current_time() - start == pytest.approx(0.2)


async def test_three_attempts_and_a_pause_that_doubles(autojump_clock: MockClock) -> None:
    cloud = Cloud(project=down, a=down, b=down)
    cloud.regions.append("https://c.production.livekit.cloud")
    peer, error = await call(cloud)
    assert error is not None
    assert error.code == "unavailable"
    assert hosts(peer) == ["project", "a", "b"]
    first, _, second, third = peer.times
    assert second - first == pytest.approx(0.2)
    assert third - second == pytest.approx(0.4)


async def test_attempts_repeat_one_request(autojump_clock: MockClock) -> None:
    peer, _ = await call(Cloud(project=down, a=ok))
    first, regions, second = peer.requests
    assert first.content == second.content
    assert first.headers["X-Livekit-Request-Id"] == second.headers["X-Livekit-Request-Id"]
    assert first.headers["Authorization"] == second.headers["Authorization"]
    assert str(second.url) == f"{REGIONS[0]}/twirp/livekit.RoomService/ListRooms"
    assert regions.method == "GET"
    assert regions.headers["Authorization"] == first.headers["Authorization"]
    other, _ = await call(Cloud(project=ok))
    assert (
        other.requests[0].headers["X-Livekit-Request-Id"] != first.headers["X-Livekit-Request-Id"]
    )


@each_case("status", [400, 401, 403, 404, 408, 412, 429])
async def test_a_refusal_is_final(status: int) -> None:
    peer, error = await call(Cloud(project=lambda: refusal(status, "some_code"), a=ok))
    assert error is not None
    assert error.status == status
    assert hosts(peer) == ["project"]


async def test_success_that_cannot_be_read_is_final() -> None:
    peer, error = await call(Cloud(project=lambda: httpx.Response(200, text="x"), a=ok))
    assert error is not None
    assert hosts(peer) == ["project"]


@each_case(
    "url, mode, attempts",
    [
        (URL, "cloud", 1),
        (CLOUD, "cloud", 3),
        (CLOUD, "never", 1),
        (URL, "always", 3),
        ("https://livekit.cloud.example.com", "cloud", 1),
    ],
)
async def test_modes(autojump_clock: MockClock, url: str, mode: str, attempts: int) -> None:
    cloud = Cloud(project=down, example=down, livekit=down, a=down, b=down)
    peer, error = await call(cloud, url, failover=mode)
    assert error is not None
    assert len(hosts(peer)) == attempts


def test_other_modes_are_refused() -> None:
    with pytest.raises(ValueError, match="failover"):
        api(Cloud(), failover="sometimes")


async def test_a_path_of_the_url_is_not_that_of_the_regions(autojump_clock: MockClock) -> None:
    peer, _ = await call(Cloud(project=down, a=ok), f"{CLOUD}/lk")
    assert peer.urls == [
        f"{CLOUD}/lk/twirp/livekit.RoomService/ListRooms",
        f"{CLOUD}{SETTINGS}",
        f"{REGIONS[0]}/twirp/livekit.RoomService/ListRooms",
    ]


async def test_without_another_region_the_same_host_is_tried(autojump_clock: MockClock) -> None:
    cloud = Cloud(project=down)
    cloud.regions = [CLOUD]
    peer, error = await call(cloud)
    assert error is not None
    assert hosts(peer) == ["project"] * 3
    cloud.settings_status = 500
    peer, error = await call(cloud)
    assert hosts(peer) == ["project"] * 3


async def test_the_cloud_api_has_no_regions(autojump_clock: MockClock) -> None:
    cloud = Cloud(**{"cloud-api": down})
    peer, error = await call(cloud, "https://cloud-api.livekit.io")
    assert error is not None
    assert hosts(peer) == ["cloud-api"] * 3
    assert cloud.settings_fetches == 0


async def test_regions_are_kept_as_long_as_they_may(autojump_clock: MockClock) -> None:
    cloud = Cloud(project=down, a=ok)
    async with api(Peer(cloud), CLOUD) as lk:
        for pause, fetches in [(0, 1), (59, 1), (2, 2)]:
            await trio.sleep(pause)
            await lk.room.list_rooms(REQUEST)
            assert cloud.settings_fetches == fetches
        cloud.cache_control = ""
        await trio.sleep(61)
        await lk.room.list_rooms(REQUEST)
        await lk.room.list_rooms(REQUEST)
        assert cloud.settings_fetches == 4


async def test_calls_that_fail_together_fetch_the_regions_once(autojump_clock: MockClock) -> None:
    cloud = Cloud(project=down, a=ok)
    cloud.cache_control = ""
    cloud.settings_delay = 1.0
    async with api(Peer(cloud), CLOUD) as lk:
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(lk.room.list_rooms, REQUEST)
        assert trio.current_time() == pytest.approx(1.2)
        assert cloud.settings_fetches == 1
        await lk.room.list_rooms(REQUEST)
        assert cloud.settings_fetches == 2  # as the list may not be kept


async def test_nobody_waits_long_for_the_fetch_of_another(autojump_clock: MockClock) -> None:
    cloud = Cloud(project=down)
    cloud.settings_delay = 1000.0
    ended: list[float] = []

    async def fail() -> None:
        with pytest.raises(ServerError):
            await lk.room.list_rooms(REQUEST)
        ended.append(trio.current_time())

    async with api(Peer(cloud), CLOUD) as lk, trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(fail)
    assert ended == [pytest.approx(2 + 0.2 + 2 + 0.4)] * 50


@each_case("trouble", ["status", "slow", "no regions"])
async def test_old_regions_serve_if_there_are_no_new_ones(
    autojump_clock: MockClock, trouble: str
) -> None:
    cloud = Cloud(project=down, a=ok)
    async with api(Peer(cloud), CLOUD) as lk:
        await lk.room.list_rooms(REQUEST)
        await trio.sleep(100)
        cloud.settings_status = 500 if trouble == "status" else 200
        cloud.settings_delay = 1000 if trouble == "slow" else 0
        cloud.regions = ["nonsense"] if trouble == "no regions" else cloud.regions
        start = trio.current_time()
        await lk.room.list_rooms(REQUEST)
        expected = 2.2 if trouble == "slow" else 0.2
        assert trio.current_time() - start == pytest.approx(expected)


async def test_region_urls_may_be_websocket_urls(autojump_clock: MockClock) -> None:
    cloud = Cloud(project=down, a=ok)
    cloud.regions = ["wss://project.livekit.cloud", "wss://a.production.livekit.cloud"]
    peer, error = await call(cloud)
    assert error is None
    assert peer.urls[-1].startswith("https://a.production.livekit.cloud/twirp/")


async def test_too_little_time_is_one_attempt(autojump_clock: MockClock) -> None:
    with trio.fail_after(4.9):
        peer, error = await call(Cloud(project=down, a=ok))
    assert error is not None
    assert hosts(peer) == ["project"]
    with trio.fail_after(5.1):
        peer, error = await call(Cloud(project=down, a=ok))
    assert error is None


def pinned() -> httpx.Response:
    return httpx.Response(451, text="region pinned")


@each_case("mode", ["cloud", "never", "always"])
async def test_a_region_that_may_not_be_used_sends_on(autojump_clock: MockClock, mode: str) -> None:
    cloud = Cloud(project=pinned, b=ok)
    cloud.regions = REGIONS[1:]
    start = trio.current_time()
    peer, error = await call(cloud, failover=mode)
    assert error is None
    assert hosts(peer) == ["project", "b"]
    assert trio.current_time() == start


async def test_a_region_that_may_not_be_used_makes_the_list_old(autojump_clock: MockClock) -> None:
    cloud = Cloud(project=down, a=ok, b=ok)
    async with api(Peer(cloud), CLOUD) as lk:
        await lk.room.list_rooms(REQUEST)
        cloud.hosts = {"project": pinned, "a": pinned, "b": ok}
        cloud.regions = REGIONS[1:]
        await lk.room.list_rooms(REQUEST)
    assert cloud.settings_fetches == 2


async def test_no_allowed_region_is_an_error() -> None:
    cloud = Cloud(project=pinned)
    cloud.regions = []
    peer, error = await call(cloud)
    assert error is not None
    assert (error.status, error.code) == (451, "failed_precondition")
    assert hosts(peer) == ["project"]


async def test_other_servers_do_not_pin_regions() -> None:
    peer, error = await call(Cloud(example=pinned, a=ok), URL)
    assert error is not None
    assert hosts(peer) == ["example"]


async def test_cancelling_between_attempts(autojump_clock: MockClock) -> None:
    peer = Peer(Cloud(project=down, a=ok))
    async with api(peer, CLOUD) as lk, trio.open_nursery() as nursery:
        nursery.start_soon(lk.room.list_rooms, REQUEST)
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert hosts(peer) == ["project"]
