"""Running ``lktrio`` commands and keeping what they write."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from lktrio.cli import main


@dataclass(frozen=True)
class Result:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()

    @property
    def json(self) -> Any:
        assert self.code == 0, self.err
        return json.loads(self.out)

    @property
    def complaint(self) -> str:
        """The only line of an error."""
        assert self.out == ""
        assert self.err.endswith("\n")
        assert self.err.count("\n") == 1, self.err
        return self.err.rstrip("\n")


class Shell:
    """Runs commands in this process."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def environment(self, variables: Mapping[str, str]) -> None:
        for name, value in variables.items():
            self._monkeypatch.setenv(name, value)

    def __call__(self, *words: str, stdin: str = "") -> Result:
        self._monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        self._capsys.readouterr()
        try:
            code = main(words)
        except SystemExit as end:  # how argparse ends
            code = int(end.code or 0)
        out, err = self._capsys.readouterr()
        return Result(code, out, err)

    def succeed(self, *words: str, stdin: str = "") -> Result:
        result = self(*words, stdin=stdin)
        assert (result.code, result.err) == (0, "")
        return result


def command(*words: str) -> list[str]:
    """The command line that runs a command in a process of its own."""
    return [sys.executable, "-W", "error", "-m", "lktrio", *words]


def clean_environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without anything about LiveKit, but with these variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LIVEKIT_")}
    return {**kept, **(variables or {})}


def run_process(
    *words: str, variables: Mapping[str, str] | None = None, timeout: float = 60
) -> Result:
    """Run a command in a process of its own."""
    done = subprocess.run(
        command(*words),
        env=clean_environment(variables),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
