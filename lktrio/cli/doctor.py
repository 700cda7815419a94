"""``lktrio doctor``: whether a server can be used from this machine, and if not, why."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from datetime import timedelta
from uuid import uuid4

from lktrio._text import printable
from lktrio.auth import AccessToken, VideoGrants
from lktrio.cli.arguments import UsageError, add_json, add_keys, given_keys
from lktrio.cli.checkup import Checkup, Step
from lktrio.cli.output import Output
from lktrio.cli.running import run_trio, server_url
from lktrio.net import SystemNetwork

__all__ = ["configure", "run"]

_SIGNS = {"ok": "ok", "warning": "warning", "failed": "FAILED", "skipped": "-"}


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("url", nargs="?", help="the server (default: $LIVEKIT_URL)")
    parser.add_argument(
        "-r", "--room", metavar="NAME", help="the room to test in (default: a new one)"
    )
    add_keys(parser)
    add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Go through the steps; 0 if none has failed."""
    room = arguments.room or f"doctor-{uuid4().hex[:8]}"
    key, secret = given_keys(arguments)

    def token(identity: str) -> str:
        made = AccessToken(
            identity=identity,
            ttl=timedelta(minutes=10),
            video=VideoGrants(room_join=True, room=room),
        )
        return made.to_jwt(key, secret)

    try:
        token("doctor")
    except ValueError as error:
        raise UsageError(str(error)) from error
    checkup = Checkup(
        server_url(arguments),
        token,
        SystemNetwork(),
        (lambda step: None) if arguments.json else _print,
    )

    async def check() -> int:
        return 0 if await checkup.run() else 1

    code = run_trio(check)
    if arguments.json:
        steps = [asdict(step) for step in checkup.steps]
        Output(as_json=True).value({"healthy": code == 0, "steps": steps})
    return code


def _print(step: Step) -> None:
    time = f"{step.seconds * 1000:7.0f} ms" if step.status != "skipped" else " " * 10
    print(f"{step.name:<11} {_SIGNS[step.status]:<7} {time}  {printable(step.detail, 400)}")
    if step.advice:
        print(f"{'':<11} {step.advice}")
