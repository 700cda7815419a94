"""``lktrio webhook listen`` prints what a server posts, if it is true."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager

import httpx

from lktrio import proto
from lktrio.proto.codec import to_json
from lktrio.webhooks import signed_headers
from tests.cli.shell import Shell, clean_environment, command
from tests.support.cases import each_case
from tests.support.server_thread import serve_in_thread

KEY, SECRET = "a-key", "the-secret-of-the-key"
KEYS = {"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET}
EVENT = proto.WebhookEvent(
    event="participant_joined",
    id="EV_1",
    created_at=1_700_000_000,
    room=proto.Room(name="demo", turn_password="do-not-show"),
    participant=proto.ParticipantInfo(identity="alice\x1b"),
)
_PATIENCE = 60


class Listener:
    """A listening process and its address."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stderr is not None
        announced = process.stderr.readline()
        assert announced.startswith("listening at http://127.0.0.1:"), announced
        self.url = announced.split()[-1]

    def post(self, body: str, headers: dict[str, str], method: str = "POST") -> int:
        response = httpx.request(method, self.url, content=body, headers=headers)
        return response.status_code

    def send(self, event: proto.WebhookEvent, secret: str = SECRET) -> int:
        body = to_json(event)
        return self.post(body, signed_headers(body.encode(), KEY, secret))

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().rstrip("\n")

    def complaint(self) -> str:
        assert self.process.stderr is not None
        return self.process.stderr.readline().rstrip("\n")


@contextmanager
def listening(*words: str, port: int = 0) -> Generator[Listener, None, None]:
    process = subprocess.Popen(
        command("webhook", "listen", "--port", str(port), *words),
        env=clean_environment(KEYS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(_PATIENCE, process.kill)
    deadline.start()
    with process:
        try:
            yield Listener(process)
        finally:
            process.terminate()
            deadline.cancel()


def test_events_are_printed_and_forgeries_refused() -> None:
    with listening() as listener:
        assert listener.send(EVENT, secret="wrong") == 401
        assert listener.complaint().startswith("refused: ")
        assert listener.post("x", signed_headers(b"x", KEY, SECRET)) == 400
        assert listener.complaint().startswith("refused: ")
        assert listener.post("", {}, method="GET") == 405
        assert listener.send(EVENT) == 200
        expected = "2023-11-14 22:13:20Z  participant_joined  room=demo  participant=alice\\x1b"
        assert listener.line() == expected
        listener.process.send_signal(signal.SIGINT)
        assert listener.process.wait(_PATIENCE) == 0
        assert listener.line() == listener.complaint() == ""


def test_it_ends_after_enough_events_and_counts_no_repetition() -> None:
    with listening("--json", "--count", "2") as listener:
        for event_id in ("EV_1", "EV_1", "EV_2"):
            EVENT.id = event_id
            assert listener.send(EVENT) == 200
        assert listener.process.wait(_PATIENCE) == 0
        first, second = json.loads(listener.line()), json.loads(listener.line())
        assert (first["id"], second["id"]) == ("EV_1", "EV_2")
        assert first["room"] == {"name": "demo", "turnPassword": "***"}
        assert listener.line() == listener.complaint() == ""


def test_the_embedded_server_is_heard() -> None:
    with listening("--json", "--api-key", "devkey", "--api-secret", "secret") as listener:
        with serve_in_thread(webhook_urls=[listener.url]) as server:
            with server.guest("alice", "heard"):
                pass
            events = [json.loads(listener.line()) for _ in range(3)]
        assert [event["event"] for event in events] == [
            "room_started",
            "participant_joined",
            "participant_left",
        ]
        assert {event["room"]["name"] for event in events} == {"heard"}


def test_a_port_in_use_is_told() -> None:
    with listening() as listener:
        port = httpx.URL(listener.url).port
        assert port is not None
        second = subprocess.run(
            command("webhook", "listen", "--port", str(port)),
            env=clean_environment(KEYS),
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert second.returncode == 1
        assert second.stderr.startswith("lktrio webhook listen: cannot listen on 127.0.0.1 port")


def test_a_key_is_needed(shell: Shell) -> None:
    result = shell("webhook", "listen")
    assert result.code == 2
    assert "LIVEKIT_API_KEY" in result.complaint


@each_case("words", [("listen", "--port", "x"), ("listen", "more"), ()])
def test_wrong_arguments_are_explained(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell("webhook", *words)
    assert result.code == 2
    assert result.complaint.startswith("lktrio webhook")
