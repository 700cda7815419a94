"""Requests that LiveKit's server was asked get the answers that it gave."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from tests.support.places import Place, serve_place
from tests.support.raw_http import connect, request
from tests.support.recorded import SECRET, at, load

pytestmark = pytest.mark.virtual_time

CASES: list[dict[str, Any]] = load("devserver/http-responses.json")
DATE = next(case["date"] for case in CASES if case["date"])


async def test_answers_are_those_of_livekit() -> None:
    for auto_create in (True, False):
        with trio.fail_after(20):
            async with serve_place(api_secret=SECRET, auto_create_rooms=auto_create) as server:
                for case in CASES:
                    if case["case"].startswith("auto_create off") != auto_create:
                        await check(server, case)


async def check(server: Place, case: dict[str, Any]) -> None:
    headers = [(name, value) for name, value in case["headers"]]
    with at(case["date"] or DATE):
        answer = await request(server, case["method"], case["path"], headers)
    assert answer.status == case["status"], case["case"]
    if case["status"] != 101:
        assert answer.text == (case["text"] or ""), case["case"]
        told = {name: value for name, value in answer.headers.items() if name in case["answer"]}
        assert told == case["answer"], case["case"]


async def test_an_upgrade_tells_which_key_it_answers() -> None:
    case = next(case for case in CASES if case["case"] == "v0 upgrade, token good")
    with trio.fail_after(20), at(DATE):
        async with serve_place(api_secret=SECRET) as server:
            answer = await request(server, "GET", case["path"], case["headers"])
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_several_requests_share_a_connection() -> None:
    with trio.fail_after(20):
        async with serve_place() as server:
            stream = await connect(server)
            async with stream:
                for _ in range(3):
                    await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    received = b""
                    while not received.endswith(b"OK"):
                        received += await stream.receive_some()
                    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
