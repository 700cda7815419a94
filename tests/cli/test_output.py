"""What commands write: tables or JSON, without control characters and without secrets."""

from __future__ import annotations

import io
import json
import sys

import pytest

from lktrio import proto
from lktrio.cli import output
from lktrio.cli.output import (
    Output,
    enum_name,
    hide_secrets,
    on_terminal,
    timestamp,
    write_anything,
)
from lktrio.cli.progress import open_progress
from lktrio.proto.codec import to_json_value
from tests.support.cases import each_case

ROOM = proto.Room(name="demo", turn_password="do-not-show")
HEADERS = ("name", "people")
ROWS = [("demo", 2), ("a\x1b[31mb\nc", 0)]


def test_columns_are_aligned(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table(ROOM, HEADERS, [("demo", 2), ("a longer name", True)])
    assert capsys.readouterr().out.splitlines() == [
        "NAME           PEOPLE",
        "demo           2",
        "a longer name  yes",
    ]


def test_an_empty_table_has_its_headers(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).table(ROOM, HEADERS, [])
    assert capsys.readouterr().out == "NAME  PEOPLE\n"


def test_a_terminal_with_rich_gets_a_drawn_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    Output(as_json=False).table(ROOM, HEADERS, ROWS)
    drawn = capsys.readouterr().out
    assert "│ demo" in drawn
    assert r"a\x1b[31mb\nc" in drawn  # as text: rich does not take it for markup
    assert "\x1b" not in drawn


def test_texts_of_others_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = Output(as_json=False)
    text.table(ROOM, HEADERS, ROWS)
    assert capsys.readouterr().out.splitlines()[2] == r"a\x1b[31mb\nc  0"
    text.done(ROOM, "room \x07\r\x9b2J")
    assert capsys.readouterr().out == "room \\x07\\r\\x9b2J\n"
    text.record(ROOM, [("attribute \x1b[2J", "\u202eabc"), ("long", "x" * 2000)])
    shown = capsys.readouterr().out.splitlines()
    assert shown == [r"attribute \x1b[2J: \u202eabc", f"long:{' ' * 13} {'x' * 2000}"]
    as_json = Output(as_json=True)
    as_json.value({"name": "\x1b[2J\x9b\u202e", "more": ["é"]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"name": "\x1b[2J\x9b\u202e", "more": ["é"]}
    assert all(character == "\n" or character.isprintable() for character in out)


@each_case("drawn", [False, True])
def test_a_terminal_that_knows_ascii_alone_gets_escapes(
    monkeypatch: pytest.MonkeyPatch, drawn: bool
) -> None:
    written = io.BytesIO()
    terminal = io.TextIOWrapper(written, encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(terminal, "isatty", lambda: drawn)
    write_anything(terminal)
    rows = [("größe ☃", 2)]
    Output(as_json=False).table(ROOM, HEADERS, rows)
    Output(as_json=False).done(ROOM, "☃ is there")
    Output(as_json=True).value({"name": "☃"})
    with open_progress() as progress:
        progress.line("☃")
        progress.bar("☃", 4).advance()
    text = written.getvalue().decode("ascii")
    assert r"gr\xf6\xdfe \u2603" in text
    assert r"\u2603 is there" in text
    assert r'"name": "\u2603"' in text


def test_json_has_every_field_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=True).done(ROOM, "text")
    out = capsys.readouterr().out
    assert '"name": "demo"' in out
    assert '"numParticipants": 0' in out
    assert '"turnPassword": "***"' in out


def test_secrets_are_shown_to_those_who_ask(capsys: pytest.CaptureFixture[str]) -> None:
    shown = Output(as_json=True, show_secrets=True)
    shown.done(ROOM, "text")
    assert '"turnPassword": "do-not-show"' in capsys.readouterr().out
    assert shown.secret("x") == "x"
    assert Output(as_json=True).secret("x") == "***"
    assert Output(as_json=True).secret("") == ""


def test_a_narrow_terminal_breaks_no_id(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(output, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    row = ("RM_1234567890ab", "a room of some name", "2023-11-14 22:13:20Z", "meta data " * 10)
    Output(as_json=False).table(proto.ListRoomsResponse(), ("sid", "name", "made", "more"), [row])
    drawn = capsys.readouterr().out
    assert "RM_1234567890ab" in drawn
    assert max(map(len, drawn.splitlines())) <= 60


def test_secrets_are_hidden_wherever_they_are() -> None:
    value = {"items": [{"authPassword": "x", "name": "y"}, {"s3": {"secret": ["x"]}}], "pin": ""}
    assert hide_secrets(value) == {
        "items": [{"authPassword": "***", "name": "y"}, {"s3": {"secret": "***"}}],
        "pin": "",
    }


def test_what_no_message_shows_is_hidden_in_json() -> None:
    for message, name in [
        (proto.S3Upload(secret="hush"), "secret"),
        (proto.IngressInfo(stream_key="hush"), "streamKey"),
        (proto.SIPOutboundTrunkInfo(auth_password="hush"), "authPassword"),
        (proto.DialWhatsAppCallRequest(whatsapp_api_key="hush"), "whatsappApiKey"),
    ]:
        assert hide_secrets(to_json_value(message)) == {name: "***"}


def test_records_leave_out_what_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).record(ROOM, [("name", "demo"), ("metadata", ""), ("joined", None)])
    assert capsys.readouterr().out == "name: demo\n"


def test_points_in_time_are_utc() -> None:
    assert timestamp(0) == ""
    assert timestamp(1_700_000_000) == "2023-11-14 22:13:20Z"


def test_values_of_newer_servers_are_numbers() -> None:
    assert enum_name(proto.EgressStatus.EGRESS_ACTIVE, "egress_") == "active"
    assert enum_name(proto.EgressStatus(99)) == "99"


def test_a_pipe_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not on_terminal()
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert on_terminal()
    monkeypatch.setitem(sys.modules, "rich", None)
    assert not on_terminal()
