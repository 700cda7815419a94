"""Messages recorded from real peers are read and come out as they were."""

from __future__ import annotations

import json
from pathlib import Path

from lktrio import proto
from lktrio.errors import RemoteProtocolError
from lktrio.proto.codec import decode, encode, from_json, to_json_value
from tests.support.cases import each_case
from tests.support.sessions import Session, load

MESSAGES = sorted((Path(__file__).parents[1] / "data/signal/messages").glob("*.bin"))
OMITS_EMPTY_MAP_VALUES = {"v0-c2s-update_metadata", "v1-c2s-update_metadata"}
"""The Rust client leaves out the empty value of an attribute, which nobody else does."""
GARBAGE = {"raw-v0-2", "raw-deflate-v0-2"}
"""One frame of these clients was made to be refused by the server."""


def _class(path: Path) -> type[proto.Message]:
    if "join_request" in path.name:
        return proto.JoinRequest
    return proto.SignalResponse if "-s2c-" in path.name else proto.SignalRequest


def test_there_are_recordings() -> None:
    assert len(MESSAGES) > 80


@each_case("path", MESSAGES)
def test_bytes_come_out_as_they_were(path: Path) -> None:
    data = path.read_bytes()
    message = decode(_class(path), data)
    if path.stem in OMITS_EMPTY_MAP_VALUES:
        assert decode(_class(path), encode(message)) == message
    else:
        assert encode(message) == data


@each_case("path", [path for path in MESSAGES if path.with_suffix(".json").exists()])
def test_json_is_that_of_the_recording(path: Path) -> None:
    message = decode(_class(path), path.read_bytes())
    recorded = json.loads(path.with_suffix(".json").read_text("utf-8"))
    assert to_json_value(message, proto_names=True) == recorded
    assert from_json(_class(path), json.dumps(recorded)) == message


@each_case("path", [path for path in MESSAGES if "join_request" not in path.name])
def test_the_case_is_that_of_the_recording(path: Path) -> None:
    message = decode(_class(path), path.read_bytes())
    assert getattr(message, path.stem.split("-")[2]) is not None


@each_case("session", load())
def test_every_message_of_a_session_comes_out_as_it_was(session: Session) -> None:
    garbage = 0
    for frame in session.frames:
        if isinstance(frame, bytes):
            assert encode(decode(proto.SignalResponse, frame)) == frame
    for frame in session.requests:
        try:
            request = decode(proto.SignalRequest, frame)
        except RemoteProtocolError:
            garbage += 1
            continue
        if request.update_metadata is None:  # see OMITS_EMPTY_MAP_VALUES
            assert encode(request) == frame
    assert garbage == (session.name in GARBAGE)
    if session.join_request is not None:
        join = decode(proto.JoinRequest, session.join_request)
        assert encode(join) == session.join_request
