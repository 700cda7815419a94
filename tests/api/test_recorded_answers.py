"""Answers recorded from a real server become messages, or errors with everything that was said."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from lktrio import proto
from lktrio.errors import ServerError
from lktrio.proto.codec import decode, encode, to_json_value
from tests.api.peer import Peer, api
from tests.api.test_requests import ATTRIBUTES
from tests.api.test_tables_match_livekit import SERVICES, table
from tests.support.cases import each_case

DATA = Path(__file__).parents[1] / "data/api"
METHODS = {
    (service.service_name, method.name): name
    for service in SERVICES
    for name, method in table(service).items()
}


def _cases() -> list[Any]:
    found = []
    for path in sorted(DATA.glob("*.json")):
        for number, case in enumerate(json.loads(path.read_text("utf-8"))["cases"]):
            service, _, method = case["path"].rpartition("/twirp/livekit.")[2].partition("/")
            protobuf = case.get("request_headers", {}).get("Content-Type") == "application/protobuf"
            if case.get("method") == "POST" and protobuf and (service, method) in METHODS:
                found.append(pytest.param(service, method, case, id=f"{path.stem}-{number}"))
    return found


CASES = _cases()


def test_there_are_recordings() -> None:
    assert len(CASES) > 80


@each_case("service, method, case", CASES)
async def test_answer(service: str, method: str, case: dict[str, Any]) -> None:
    recorded = base64.b64decode(case["response_body_b64"])

    async def handler(_: httpx.Request) -> httpx.Response:
        headers = [(k, v) for k, v in case["response_headers"] if k != "Content-Length"]
        return httpx.Response(case["status"], headers=headers, content=recorded)

    peer = Peer(handler)
    async with api(peer) as lk:
        service_object = getattr(lk, ATTRIBUTES[service])
        name = METHODS[service, method]
        body = base64.b64decode(case["request_body_b64"])
        spec = getattr(type(service_object), name)
        try:
            request = decode(spec.request, body)
        except Exception:  # noqa: BLE001 - the case of a malformed request
            request = spec.request()
        if case["status"] != 200:
            with pytest.raises(ServerError) as caught:
                await getattr(service_object, name)(request)
            _assert_error(caught.value, case)
            return
        response = await getattr(service_object, name)(request)
    assert encode(response) == recorded
    assert to_json_value(response, proto_names=True) == case.get("response_json", {})
    sent = decode(spec.request, peer.requests[0].content)
    if isinstance(sent, proto.SendDataRequest):
        sent.nonce = request.nonce
    assert encode(sent) == body


def _assert_error(error: ServerError, case: dict[str, Any]) -> None:
    assert error.status == case["status"]
    text = case["response_body_text"]
    if ["Content-Type", "application/json"] in case["response_headers"]:
        said = json.loads(text)
        assert error.code == said["code"]
        assert error.message == said["msg"]
        assert error.meta == said.get("meta", {})
    else:
        assert text.strip() in error.message
        assert error.code in ("unauthenticated", "bad_route", "resource_exhausted")
