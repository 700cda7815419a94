"""How commands fail: one line, the right exit code, and never a secret."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import trio

import lktrio.cli
from lktrio.cli import COMMANDS, build_parser
from lktrio.cli.arguments import CommandFailed, UsageError
from lktrio.cli.running import run_trio, serve_trio
from lktrio.errors import ContainerError, RoomClosed
from tests.cli.shell import Shell, clean_environment, command
from tests.support.cases import each_case

SECRET = "a-secret-of-more-than-32-characters-0123456789"


def test_every_command_explains_itself(shell: Shell) -> None:
    listed = shell.succeed("--help").out
    for name, description in COMMANDS.items():
        assert name in listed
        assert description in " ".join(shell.succeed(name, "--help").out.split())


def test_the_version_is_told(shell: Shell) -> None:
    assert shell.succeed("--version").out == f"lktrio {lktrio.__version__}\n"


@each_case("words", [(), ("fly",), ("--fly",), ("room",), ("sip", "inbound")])
def test_a_command_must_be_named(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell(*words)
    assert result.code == 2
    assert result.complaint.startswith("lktrio")
    assert "--help" in result.complaint


@each_case(
    "words",
    [
        ("room", "list", "--api-secrets", SECRET),
        ("room", "list", f"--api-secrets={SECRET}"),
        ("token", "verify", "token", SECRET),
        ("token", SECRET),
        (SECRET,),
        ("room", "list", "--api-secret", SECRET, "--url", "http://127.0.0.1:1", "--api-key", "k"),
        ("room", "list", "--api-secret", SECRET, "--url", "nonsense", "--api-key", "k"),
        ("room", "list", "--api-secret", SECRET),
        ("token", "create", "--api-secret", SECRET, "--api-key", "k"),
        ("token", "verify", "--api-secret", SECRET, "--api-key", "k", "nonsense"),
    ],
)
def test_a_secret_is_repeated_by_no_complaint(shell: Shell, words: tuple[str, ...]) -> None:
    result = shell(*words)
    assert result.code in (1, 2)
    assert SECRET not in result.out + result.complaint


@each_case(
    "words, complaint",
    [
        (("room", "create", "x", "--max-participants", "-1"), "not a number from 0"),
        (("room", "create", "x", "--empty-timeout", "9999999999"), "not a number from 0"),
        (("room", "create", "x", "--empty-timeout", "1" * 5000), "not a number from 0"),
        (("webhook", "listen", "--port", "99999"), "not a number from 0 to 65535"),
        (("webhook", "listen", "--count", "0", "--dev"), "--count 0"),
        (("dev-server", "--port", "-1"), "not a number from 0 to 65535"),
        (("room", "send-data", "-r", "x", "\udcff"), "not all UTF-8"),
        (("egress", "start", "--dev", '{"roomName": "\\ud800"}'), "cannot be used"),
    ],
)
def test_values_that_nothing_can_be_done_with_are_explained(
    shell: Shell, words: tuple[str, ...], complaint: str
) -> None:
    result = shell(*words)
    assert result.code == 2
    assert complaint in result.complaint


def test_a_server_that_is_not_there_fails_with_its_address(shell: Shell) -> None:
    words = ("--url", "ws://127.0.0.1:1", "--api-key", "k", "--api-secret", "s")
    result = shell("room", "list", *words)
    assert result.code == 1
    assert result.complaint.startswith("lktrio room list: unavailable: ")
    assert "127.0.0.1:1" in result.complaint


def test_a_key_that_the_server_does_not_know_is_told(connected: Shell) -> None:
    result = connected("room", "list", "--api-key", "wrong")
    assert result.code == 1
    assert result.complaint.startswith("lktrio room list: unauthenticated: ")


def test_without_a_key_there_is_nothing_to_ask_with(shell: Shell) -> None:
    result = shell("room", "list")
    assert result.code == 2
    assert "LIVEKIT_API_KEY" in result.complaint
    assert "--dev takes those of a development server" in result.complaint


def test_a_ready_made_token_can_come_from_the_environment(connected: Shell) -> None:
    token = connected.succeed("token", "create", "--list").lines[0]
    connected.environment({"LIVEKIT_TOKEN": token, "LIVEKIT_API_KEY": "", "LIVEKIT_API_SECRET": ""})
    assert "rooms" in connected.succeed("room", "list", "--json").json


def raising(error: BaseException) -> Callable[[Any], int]:
    def run(_arguments: Any) -> int:
        raise error

    return run


@pytest.fixture
def failing(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException], Any]:
    """Run a command that raises."""

    def run(error: BaseException) -> Any:
        module = SimpleNamespace(configure=lambda parser: parser.set_defaults(run=raising(error)))
        monkeypatch.setattr(lktrio.cli, "import_module", lambda _name: module)
        return shell("demo")

    return run


@each_case(
    "error, code, complaint",
    [
        (ContainerError("talk.ogg: damaged"), 1, "lktrio demo: talk.ogg: damaged"),
        (CommandFailed("it did not work"), 1, "lktrio demo: it did not work"),
        (UsageError("say what"), 2, "lktrio demo: say what"),
        (FileNotFoundError(2, "No such file", "x.ogg"), 1, "lktrio demo: x.ogg: No such file"),
        (OSError("strange"), 1, "lktrio demo: strange"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (RoomClosed("first\nsecond\x1b[31m"), 1, "lktrio demo: first\\nsecond\\x1b[31m"),
        (
            ExceptionGroup("", [ExceptionGroup("", [RoomClosed("gone")]), OSError("x")]),
            1,
            "lktrio demo: gone",
        ),
    ],
)
def test_what_can_go_wrong_is_one_line(
    failing: Callable[[BaseException], Any], error: BaseException, code: int, complaint: str
) -> None:
    result = failing(error)
    assert (result.code, result.complaint) == (code, complaint)


@each_case(
    "error", [ZeroDivisionError(), ExceptionGroup("", [RoomClosed("gone"), ZeroDivisionError()])]
)
def test_a_bug_is_not_hidden(failing: Callable[[BaseException], Any], error: BaseException) -> None:
    with pytest.raises(type(error)):
        failing(error)


def test_nobody_complains_when_the_reader_has_gone() -> None:
    process = subprocess.Popen(
        command("token", "create", "--list", "--api-key", "k", "--api-secret", "s"),
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


async def interrupted(number: int, log: list[str]) -> int:
    """A program that a signal ends, and that has something to leave in order."""
    try:
        signal.raise_signal(number)
        await trio.sleep_forever()
    finally:
        with trio.CancelScope(shield=True):
            await trio.sleep(0)
            log.append("left in order")


def test_ctrl_c_cancels_and_waits_for_the_end() -> None:
    log: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        run_trio(interrupted, signal.SIGINT, log)
    assert log == ["left in order"]


def test_sigterm_cancels_and_has_its_own_exit_code() -> None:
    log: list[str] = []
    assert run_trio(interrupted, signal.SIGTERM, log) == 143
    assert log == ["left in order"]


@each_case("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_is_meant_to_be_ended_by_a_signal(number: int) -> None:
    assert serve_trio(interrupted, number, []) == 0


def test_the_parser_of_a_command_can_be_had_for_documentation() -> None:
    assert build_parser(["room", "list"]).prog == "lktrio room list"
    assert build_parser([]).prog == "lktrio"
