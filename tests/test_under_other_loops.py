"""Under asyncio, or without any event loop, what needs trio says so in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

import lktrio
from lktrio import api, media
from lktrio.auth import TokenSource
from lktrio.webhooks import WebhookSender

URL = "http://127.0.0.1:1"
SECRET = "s" * 32
TOKEN = lktrio.AccessToken(identity="a").to_jwt("key", SECRET)
NOBODY: Any = None  # stands for a nursery, which nobody has without trio

ENTRIES: dict[str, Callable[[], Awaitable[object]]] = {
    "open_room()": lambda: lktrio.open_room(URL, TOKEN).__aenter__(),
    "connecting": lambda: lktrio.connect_room(NOBODY, URL, TOKEN),
    "open_dev_server()": lambda: lktrio.devserver.open_dev_server().__aenter__(),
    "LiveKitAPI": lambda: lktrio.LiveKitAPI(URL, "key", SECRET).__aenter__(),
    "WebhookSender": lambda: WebhookSender(URL, "key", SECRET).__aenter__(),
    "TokenSource.fetch()": lambda: TokenSource.literal(URL, TOKEN).fetch(),
    "media.open_reader()": lambda: media.open_reader("talk.ogg").__aenter__(),
    "media.open_writer()": lambda: media.open_writer("talk.ogg", media.OPUS).__aenter__(),
}


async def await_it(entry: Callable[[], Awaitable[object]]) -> None:
    await entry()


def test_under_asyncio() -> None:
    for what, entry in ENTRIES.items():
        with pytest.raises(RuntimeError) as caught:
            asyncio.run(await_it(entry))
        assert str(caught.value) == (
            f"{what} needs trio, and asyncio runs this: start the program with trio.run() in place "
            "of asyncio.run()"
        )


def test_without_an_event_loop() -> None:
    for what, entry in ENTRIES.items():
        with pytest.raises(RuntimeError) as caught:
            entry().__await__().__next__()
        assert str(caught.value) == (
            f"{what} needs trio, and no trio runs: call it in an async function that trio.run() "
            "started"
        )


def test_calls_of_an_api_that_was_never_opened() -> None:
    lk = lktrio.LiveKitAPI(URL, "key", SECRET, client=httpx.AsyncClient())
    with pytest.raises(RuntimeError, match=r"RoomService\.ListRooms needs trio, and asyncio runs"):
        asyncio.run(await_it(lambda: lk.room.list_rooms(api.ListRoomsRequest())))
