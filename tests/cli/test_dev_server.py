"""``lktrio dev-server``: a server that programs and commands can use until it is interrupted."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager

import trio

from lktrio import events, open_room
from tests.cli.shell import Shell, clean_environment, command
from tests.support.cases import each_case

_PATIENCE = 60


@contextmanager
def serving(*words: str) -> Generator[subprocess.Popen[str], None, None]:
    process = subprocess.Popen(
        command("dev-server", "--port", "0", *words),
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = threading.Timer(_PATIENCE, process.kill)
    deadline.start()
    with process:
        try:
            yield process
        finally:
            process.terminate()
            deadline.cancel()


def first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def test_rooms_are_served_until_the_interrupt(shell: Shell) -> None:
    with serving("--json") as process:
        announced = json.loads(first_line(process))
        assert announced["apiKey"] == "devkey"
        url = announced["url"]
        shell.environment({"LIVEKIT_API_KEY": "devkey", "LIVEKIT_API_SECRET": "secret"})
        made = shell.succeed("token", "create", "--join", "--room", "demo", "--identity", "alice")

        async def stay() -> str:
            with trio.fail_after(_PATIENCE):
                async with open_room(url, made.lines[0]) as room:
                    ended = room.events(events.Disconnected)
                    process.send_signal(signal.SIGINT)
                    return (await ended.receive()).reason

        assert trio.run(stay) == "server_shutdown"
        assert process.wait(_PATIENCE) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_its_address_and_key_are_told() -> None:
    with serving() as process:
        assert first_line(process).startswith("serving ws://127.0.0.1:")
        assert first_line(process) == (
            "tokens are signed with the API key 'devkey' and the secret 'secret'"
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(_PATIENCE) == 0


def test_a_secret_of_ones_own_is_not_told() -> None:
    with serving("--api-key", "mine", "--api-secret", "do-not-show") as process:
        lines = [first_line(process), first_line(process)]
        assert lines[1] == "tokens are signed with the API key 'mine'"
        process.terminate()
        out, err = process.communicate(timeout=_PATIENCE)
        assert "do-not-show" not in "".join([*lines, out, err])


def test_a_port_in_use_is_told() -> None:
    with serving("--json") as process:
        port = json.loads(first_line(process))["url"].rpartition(":")[2]
        with serving("--port", port) as second:
            out, err = second.communicate(timeout=_PATIENCE)
            assert second.returncode == 1
            assert out == ""
            place = f"127.0.0.1 port {port}"
            assert err.startswith(f"lktrio dev-server: cannot listen on {place}: ")
            assert err.count("\n") == 1


def test_it_logs_when_asked_to() -> None:
    with serving("--verbose", "--json") as process:
        first_line(process)
        process.terminate()
        _, err = process.communicate(timeout=_PATIENCE)
        assert "Traceback" not in err


@each_case("words", [("--port", "x"), ("more",)])
def test_wrong_arguments_are_explained(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell("dev-server", *words)
    assert result.code == 2
    assert result.complaint.startswith("lktrio dev-server: ")
