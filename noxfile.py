"""The checks of the project.

``nox`` runs what every change must pass, on every Python of this machine that the library
supports; ``nox -l`` lists the other sessions. Arguments after ``--`` replace what a session hands
to its program, as in ``nox -s "tests(3.13)" -- tests/rtc -x``.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["lint", "types", "tests", "docs", "proto"]
nox.options.reuse_venv = "yes"
# uv, where it is, installs in a tenth of the time.
nox.options.default_venv_backend = "uv|virtualenv"

ROOT = Path(__file__).parent
PYPROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
OLDEST_PYTHON = (3, 11)

# Everything flake8-async knows of trio, and what is off by default: no async generator leaves a
# module (900), checkpoints are total (910, 911), endless loops can be cancelled (913).
# ASYNC127 prefers a fork of httpx. ASYNC114 wants every function with a task_status listed here, to
# sharpen ASYNC113.
ASYNC_CHECKS = (
    "--isolated",
    "--select=ASYNC1,ASYNC2,ASYNC900,ASYNC910,ASYNC911,ASYNC913",
    "--extend-ignore=ASYNC114,ASYNC127",
)

ASYNC_WORDS = re.compile(r"\b(async|await)\b|^(import|from) trio\b", re.MULTILINE)

PROBE = """
import json, platform, sys, sysconfig
json.dump({
    "implementation": platform.python_implementation(),
    "version": sys.version_info[:3],
    "final": sys.version_info.releaselevel == "final",
    "freethreaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}, sys.stdout)
"""


def python_candidates() -> list[str]:
    """Paths that may be a Python: the running one, those on PATH, pyenv's and uv's."""
    found = [sys.executable]
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        if Path(folder).is_dir():
            names = [path.name for path in Path(folder).iterdir()]
            found += [f"{folder}/{name}" for name in names if re.fullmatch(r"python3\.\d+", name)]
    home = Path.home()
    for versions in (
        Path(os.environ.get("PYENV_ROOT", home / ".pyenv")) / "versions",
        home / ".local/share/uv/python",
    ):
        found += sorted(str(path) for path in versions.glob("*/bin/python3"))
    return list(dict.fromkeys(found))


def probe(python: str) -> dict[str, Any] | None:
    """What the program says of itself, or None if it does not run (a shim without a Python)."""
    try:
        answer = subprocess.run(
            [python, "-I", "-c", PROBE], capture_output=True, check=True, timeout=30
        )
        facts: dict[str, Any] = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return facts


def supported_pythons() -> dict[str, str]:
    """One CPython for each supported minor version found here, oldest first.

    Of several with the same minor version the first found is taken: the one that runs nox, then
    PATH. Prereleases and freethreaded builds lack wheels of what the tests compare with.
    """
    chosen: dict[tuple[int, int], str] = {}
    for python in python_candidates():
        facts = probe(python)
        if facts is None or facts["implementation"] != "CPython":
            continue
        major, minor, _ = facts["version"]
        if (major, minor) >= OLDEST_PYTHON and facts["final"] and not facts["freethreaded"]:
            chosen.setdefault((major, minor), python)
    return {f"{major}.{minor}": chosen[major, minor] for major, minor in sorted(chosen)}


PYTHONS = supported_pythons()
EACH_PYTHON = nox.parametrize(
    "python", [nox.param(path, id=version) for version, path in PYTHONS.items()]
)


def groups(*names: str) -> list[str]:
    """The requirements of dependency groups of pyproject.toml."""
    return list(nox.project.dependency_groups(PYPROJECT, *names))


def may_be_async(path: Path) -> bool:
    """Whether a module has anything that flake8-async looks at, which it takes long to find out."""
    generated = "lktrio/proto/livekit" in path.as_posix()
    return not generated and ASYNC_WORDS.search(path.read_text(encoding="utf-8")) is not None


@nox.session
def lint(session: nox.Session) -> None:
    """Style, trio's rules, and the layers."""
    session.install(*groups("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")
    paths = filter(may_be_async, sorted(ROOT.glob("lktrio/**/*.py")))
    session.run("flake8", *ASYNC_CHECKS, *(str(path.relative_to(ROOT)) for path in paths))
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Strict typing: mypy over everything, pyright over the library."""
    session.install("-e", ".[av,cli]", *groups("types", "test", "interop", "proto"), "nox")
    examples = ["examples"] if list(ROOT.glob("examples/**/*.py")) else []
    session.run("mypy", "lktrio", "tests", "noxfile.py", *examples)
    session.run("pyright")


@nox.session
@EACH_PYTHON
def tests(session: nox.Session) -> None:
    """The tests, save those that need real peers and those that measure.

    What does not depend on the Python is run by the newest alone, and long sweeps are divided.
    """
    number, last = list(PYTHONS.values()).index(str(session.python)) + 1, len(PYTHONS)
    session.install("-e", ".[av,cli]", *groups("test"))
    # The long tests sweep over one operation each; whoever has none left takes over others' work.
    spread = ["-n", "auto", "--dist", "worksteal"]
    default = [*spread, "--ignore=tests/interop", "--ignore=tests/bench"]
    if number < last:
        default += ["-m", "not any_python"]
    # Rewriting and compiling the tests anew takes as long as a quarter of them.
    env = {"PYTHONDONTWRITEBYTECODE": None, "LKTRIO_SWEEP": f"{number}/{last}"}
    session.run("pytest", *(session.posargs or default), env=env)


@nox.session
def coverage(session: nox.Session) -> None:
    """Which lines and branches the tests reach."""
    session.install("-e", ".[av,cli]", *groups("test"))
    default = ["--ignore=tests/interop", "--ignore=tests/bench"]
    session.run("coverage", "run", "-m", "pytest", *(session.posargs or default))
    session.run("coverage", "report", "--skip-covered")


@nox.session
def interop(session: nox.Session) -> None:
    """The tests with other implementations; what is not installed is skipped by name.

    LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET name a LiveKit server, LK_TEST_SERVER_URL
    LiveKit's mock of its API, LKTRIO_LIVEKIT_CLIENT_JS the browser SDK for the browser tests,
    LKTRIO_NODE_MODULES a folder with the npm packages node-datachannel and werift.
    """
    session.install("-e", ".[av,cli]", *groups("test", "interop"))
    session.run("pytest", *(session.posargs or ["tests/interop"]))


@nox.session
def bench(session: nox.Session) -> None:
    """The measurements, each against a named peer in the same run: a table, and build/bench.html.

    ``nox -s bench -- bench_join bench_rtp`` does some of them. LIVEKIT_URL, LIVEKIT_API_KEY and
    LIVEKIT_API_SECRET name a server, LKTRIO_NODE_MODULES a folder with node-datachannel; what
    needs one that is missing is a row that says so.
    """
    session.install("-e", ".[av,cli]", *groups("test", "interop"))
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """``lktrio demo`` from an installed wheel, as a user has it."""
    session.install(".[cli]")
    session.run("lktrio", "demo", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation; any warning fails."""
    session.install("-e", ".[av,cli,testing]", *groups("docs"))
    session.run("sphinx-build", "-W", "--keep-going", "docs", "docs/_build/html")


@nox.session
def proto(session: nox.Session) -> None:
    """Fail if the message modules are not what the descriptors of LiveKit's package give.

    ``nox -s proto -- --write`` makes them so.
    """
    session.install("-e", ".", *groups("proto", "test"))
    if session.posargs == ["--write"]:
        session.run("python", "lktrio/proto/_generate.py")
        return
    session.run("python", "lktrio/proto/_generate.py", "--check")
    session.run("pytest", "tests/proto/test_generated_modules.py", *session.posargs)
