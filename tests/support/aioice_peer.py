"""An aioice agent in a process of its own; run as a script.

Reads one line of JSON (``controlling``, ``hosts``, ``lite``), writes its credentials and
candidates, reads ours, connects, then sends every datagram back until its input ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import aioice
import aioice.ice


async def read_line(reader: asyncio.StreamReader) -> Any:
    return json.loads(await reader.readline())


def write_line(**values: Any) -> None:
    sys.stdout.write(json.dumps(values) + "\n")
    sys.stdout.flush()


async def echo(connection: aioice.Connection) -> None:
    while True:
        await connection.send(b"echo " + await connection.recv())


async def main() -> None:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, sys.stdin)
    plan = await read_line(reader)
    aioice.ice.get_host_addresses = lambda **_: plan["hosts"]
    connection = aioice.Connection(ice_controlling=plan["controlling"], components=1)
    await connection.gather_candidates()
    write_line(
        ufrag=connection.local_username,
        pwd=connection.local_password,
        candidates=[candidate.to_sdp() for candidate in connection.local_candidates],
    )
    description = await read_line(reader)
    connection.remote_username = description["ufrag"]
    connection.remote_password = description["pwd"]
    for line in description["candidates"]:
        await connection.add_remote_candidate(aioice.Candidate.from_sdp(line))
    await connection.add_remote_candidate(None)
    await connection.connect()
    write_line(connected=True, controlling=connection.ice_controlling)
    task = asyncio.ensure_future(echo(connection))
    await reader.read()
    task.cancel()
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
