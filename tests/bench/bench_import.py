"""The time to import the package against LiveKit's own: ``python -m tests.bench.bench_import``.

What is measured are whole processes, from their start to their end, in turns; an empty one shows
what the interpreter takes by itself. Beside the bare import there is what programs do next: load
the client of the server APIs, and the room. The exit status is 1 if ``import lktrio`` takes more
than 0.6 of the time of ``import livekit.api``, or ``from lktrio import open_room`` longer than
``from livekit import rtc``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial

from tests.bench.comparing import in_turns, judge

ROUNDS = 11
PEER = "import livekit.api"
OURS = "import lktrio"
ROOM = "from lktrio import open_room"
ROOM_PEER = "from livekit import rtc"
PROGRAMS = {
    "pass": PEER,
    OURS: PEER,
    "from lktrio import AccessToken": PEER,
    "from lktrio import LiveKitAPI, api; api.CreateRoomRequest": PEER,
    ROOM: ROOM_PEER,
}
"""What is measured, and what it is compared with."""
GOALS = {OURS: 0.6, ROOM: 1.0}


def seconds(program: str, environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    return time.perf_counter() - begun


def main() -> int:
    every = dict.fromkeys((*PROGRAMS, *PROGRAMS.values()))
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        sides = {program: partial(seconds, program, environment) for program in every}
        in_turns(sides, 1)  # writes byte code, fills the caches of the file system
        times = in_turns(sides, ROUNDS)
    missed = False
    for program, peer in PROGRAMS.items():
        ours, theirs = ([each * 1e3 for each in times[one]] for one in (program, peer))
        goal = GOALS.get(program)
        missed |= judge("import", program, "ms", ours, peer, theirs, at_most=goal)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
