"""Requests that LiveKit's server was asked get the answers that it gave."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from lktrio.devserver import open_dev_server
from tests.devserver.raw_http import request
from tests.devserver.recorded import SECRET, at, load

CASES: list[dict[str, Any]] = load("devserver/http-responses.json")
DATE = next(case["date"] for case in CASES if case["date"])
DIFFERENT = {"v0 upgrade with permessage-deflate"}  # which this server does not offer


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
async def test_answers_are_those_of_livekit(case: dict[str, Any]) -> None:
    auto_create = not case["case"].startswith("auto_create off")
    with trio.fail_after(20), at(case["date"] or DATE):
        async with open_dev_server(api_secret=SECRET, auto_create_rooms=auto_create) as server:
            headers = [(name, value) for name, value in case["headers"]]
            answer = await request(server.port, case["method"], case["path"], headers)
    assert answer.status == case["status"]
    if case["status"] != 101:
        assert answer.text == (case["text"] or "")
        told = {name: value for name, value in answer.headers.items() if name in case["answer"]}
        assert told == case["answer"]


async def test_an_upgrade_tells_which_key_it_answers() -> None:
    case = next(case for case in CASES if case["case"] == "v0 upgrade, token good")
    with trio.fail_after(20), at(DATE):
        async with open_dev_server(api_secret=SECRET) as server:
            answer = await request(server.port, "GET", case["path"], case["headers"])
    assert answer.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


async def test_several_requests_share_a_connection() -> None:
    with trio.fail_after(20):
        async with open_dev_server() as server:
            stream = await trio.open_tcp_stream("127.0.0.1", server.port)
            async with stream:
                for _ in range(3):
                    await stream.send_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    received = b""
                    while not received.endswith(b"OK"):
                        received += await stream.receive_some()
                    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
