"""No message shows a credential: neither those that LiveKit marks, nor what looks like one."""

# mypy: disable-error-code="no-untyped-call"
from __future__ import annotations

import re

from google.protobuf.descriptor import FieldDescriptor

from lktrio import proto
from lktrio.proto._secrets import is_secret
from tests.proto.oracle import DESCRIPTORS, our_class

SUSPICIOUS = re.compile(
    "secret|token|passw|passphrase|credential|(^|_)key$|_pin$|^pin$|private|cookie|authorization"
)
HARMLESS = {
    # fields whose names look like it: where a list goes on, what names an entry, ids and counts
    "next_page_token",
    "page_token",
    "private_link_id",
    "key",
}
TEXT = (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)


def texts() -> list[tuple[type[proto.Message], FieldDescriptor]]:
    """Every field of every message that holds text, bytes or a map of text."""
    found: list[tuple[type[proto.Message], FieldDescriptor]] = []
    for name, descriptor in DESCRIPTORS.items():
        for field in descriptor.fields:
            entry = field.message_type and field.message_type.GetOptions().map_entry
            if field.type in TEXT or entry:
                found.append((our_class(name), field))
    return found


def is_marked(field: FieldDescriptor) -> bool:
    return "SENSITIVITY_SECRET" in str(field.GetOptions())


def shown(cls: type[proto.Message], field: FieldDescriptor) -> str:
    """What a message shows that has a secret in this field."""
    secret: object = "hush"
    if field.type == FieldDescriptor.TYPE_MESSAGE:
        secret = {"hush": "hush"}
    elif field.is_repeated:
        secret = ["hush"]
    return repr(cls(**{field.name: secret}))


def test_what_livekit_marks_is_not_shown() -> None:
    marked = [(cls, field) for cls, field in texts() if is_marked(field)]
    assert len(marked) > 20
    for cls, field in marked:
        assert shown(cls, field) == f"{cls.__qualname__}({field.name}='***')", field.full_name


def test_what_looks_like_a_secret_is_not_shown() -> None:
    for cls, field in texts():
        if SUSPICIOUS.search(field.name) and field.name not in HARMLESS:
            assert "hush" not in shown(cls, field), field.full_name


def test_addresses_with_keys_and_passwords_are_not_shown() -> None:
    for message in (
        proto.StreamOutput(urls=["rtmp://example.com/live/hush"]),
        proto.UpdateStreamRequest(egress_id="EG_a", add_output_urls=["rtmp://example.com/hush"]),
        proto.UpdateStreamRequest(remove_output_urls=["rtmp://example.com/hush"]),
        proto.SessionDescription(type="offer", sdp="v=0\r\na=ice-pwd:hush\r\n"),
        proto.JoinResponse(ice_servers=[proto.ICEServer(urls=["turn:a"], credential="hush")]),
    ):
        assert "hush" not in repr(message)
        assert "***" in repr(message)


def test_all_else_is_shown() -> None:
    hidden = {
        f"{cls.__name__}.{field.name}" for cls, field in texts() if is_secret(cls, field.name)
    }
    assert len(hidden) < 80
    room = proto.Room(name="demo", metadata="{}", turn_password="hush")
    assert repr(room) == "Room(name='demo', turn_password='***', metadata='{}')"
    assert room.turn_password == "hush"
