"""All measurements, one table, and a report: ``python -m tests.bench [--report FILE] [NAME ...]``.

Each is a process of its own, one after the other; NAME is that of a file, as in ``bench_join``. One
that breaks is a row of the table, and the others go on. The exit status is 1 if a goal is missed or
a measurement breaks.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.comparing import RESULTS
from tests.bench.page import render_page
from tests.bench.results import Result, from_json
from tests.bench.table import render_table

REPORT = Path("build/bench.html")
PEERS = ("livekit", "livekit-api", "aiortc", "pylibsrtp", "pyOpenSSL", "PyJWT", "httpx", "trio")


def run(name: str, folder: Path) -> list[Result]:
    """What a measurement finds, and a row if it breaks."""
    file = folder / f"{name}.jsonl"
    command = [sys.executable, "-m", f"tests.bench.{name}"]
    status = subprocess.run(command, env=os.environ | {RESULTS: str(file)}, check=False).returncode
    results = from_json(file.read_text(encoding="utf-8").splitlines()) if file.exists() else []
    missed = any(result.verdict == "missed" for result in results)
    if status == 0 or (status == 1 and missed):
        return results
    return [
        *results,
        Result("unknown", name, skipped=f"it ended with status {status}", broken=True),
    ]


def describe_machine() -> dict[str, str]:
    """The processor, the versions of what is compared, and the day."""
    found = {"Day": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")}
    found["Machine"] = f"{processor()}, {os.cpu_count()} cores, {platform.platform()}"
    found["Python"] = f"{platform.python_implementation()} {platform.python_version()}"
    found["Server"] = "real" if os.environ.get("LIVEKIT_URL") else "the embedded one"
    for package in ("lktrio", *PEERS):
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def processor() -> str:
    """The processor's name, where the system tells it."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--report", type=Path, default=REPORT)
    arguments = parser.parse_args()
    every = sorted(path.stem for path in Path(__file__).parent.glob("bench_*.py"))
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments.names or every:
            print(f"\n== {name}", flush=True)
            results += run(name, Path(folder))
    print(f"\n{render_table(results)}")
    arguments.report.parent.mkdir(parents=True, exist_ok=True)
    arguments.report.write_text(render_page(results, describe_machine()), encoding="utf-8")
    print(f"report: {arguments.report}")
    return int(any(one.verdict in {"missed", "broken"} for one in results))


if __name__ == "__main__":
    sys.exit(main())
