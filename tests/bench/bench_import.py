"""The time to import the package against LiveKit's own: ``python -m tests.bench.bench_import``.

What is measured are whole processes, from their start to their end, in turns; an empty one shows
what the interpreter takes by itself. Beside the bare import there is what programs do next: load
the client of the server APIs, and the room. The exit status is 1 if ``import lktrio`` takes more
than 0.6 of the time of ``import livekit.api``.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 11
LIMIT = 0.6
PEER = "import livekit.api"
OURS = "import lktrio"
ROOM_PEER = "from livekit import rtc"
PROGRAMS = {
    "pass": PEER,
    OURS: PEER,
    "from lktrio import AccessToken": PEER,
    "from lktrio import LiveKitAPI, api; api.CreateRoomRequest": PEER,
    "from lktrio import open_room": ROOM_PEER,
}
"""What is measured, and what it is compared with."""


def seconds(program: str) -> float:
    begun = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - begun


def main() -> int:
    every = dict.fromkeys((*PROGRAMS, *PROGRAMS.values()))
    times: dict[str, list[float]] = {program: [] for program in every}
    for program in every:  # fills the caches of the file system, writes byte code
        seconds(program)
    for _ in range(ROUNDS):
        for program, values in times.items():
            values.append(seconds(program))
    medians = {program: statistics.median(values) for program, values in times.items()}
    print(f"medians of {ROUNDS} processes each")
    for program, median in medians.items():
        print(f"{median * 1e3:8.1f} ms  {program}")
    for program, peer in PROGRAMS.items():
        print(f"{medians[program] / medians[peer]:8.2f} x   {program!r} of {peer!r}")
    return int(medians[OURS] / medians[PEER] > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
