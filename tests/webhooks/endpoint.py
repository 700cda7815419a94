"""The other end of a sender, in memory: httpx hands it requests, and it answers, fails or hangs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import trio

from lktrio.proto import Room, WebhookEvent
from lktrio.webhooks import Delivery, Outcome, SenderOptions, WebhookSender
from tests.webhooks.requests import KEY, SECRET

URL = "https://example.com/hook"
Answer = Callable[[int], Awaitable[httpx.Response]]
"""From the number of a request, from 1 on, to its answer."""


@dataclasses.dataclass
class Endpoint(httpx.AsyncBaseTransport):
    """Answers each request, and remembers what came and when."""

    answer: Answer
    requests: list[httpx.Request] = dataclasses.field(default_factory=list)
    times: list[float] = dataclasses.field(default_factory=list)
    under_way: int = 0
    most_under_way: int = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(trio.current_time())
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        try:
            return await self.answer(len(self.requests))
        finally:
            self.under_way -= 1

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(request.content) for request in self.requests]

    @property
    def ids(self) -> list[str]:
        return [event["id"] for event in self.events]

    @property
    def pauses(self) -> list[float]:
        """Seconds between each request and the next."""
        return [
            round(later - earlier, 3)
            for earlier, later in zip(self.times, self.times[1:], strict=False)
        ]


def in_turn(*statuses: int, **headers: str) -> Answer:
    """Answer with these statuses, and with the last from then on."""

    async def answer(number: int) -> httpx.Response:
        await trio.lowlevel.checkpoint()
        status = statuses[min(number, len(statuses)) - 1]
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.Response(status, headers=names)

    return answer


async def hang(_: int) -> httpx.Response:
    await trio.sleep_forever()


class Deliveries(list[Delivery]):
    """What ``on_delivery`` was told."""

    @property
    def outcomes(self) -> list[tuple[str, Outcome]]:
        return [(delivery.id, delivery.outcome) for delivery in self]


def sender_to(endpoint: Endpoint, url: str = URL, **arguments: Any) -> WebhookSender:
    """A sender to an endpoint; other arguments than the sender's own are its options."""
    own = ("include", "exclude", "on_delivery")
    options = {name: value for name, value in arguments.items() if name not in own}
    return WebhookSender(
        url,
        KEY,
        SECRET,
        options=SenderOptions(**options),
        client=httpx.AsyncClient(transport=endpoint),
        **{name: value for name, value in arguments.items() if name in own},
    )


def event(number: int, room: str = "demo", name: str = "participant_joined") -> WebhookEvent:
    return WebhookEvent(event=name, id=f"{room}-{number}", created_at=1, room=Room(name=room))
