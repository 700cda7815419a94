"""The embedded LiveKit-compatible server, for development and tests.

::

    async with open_dev_server() as server:
        async with open_room(server.url, server.token("alice", "demo")) as room:
            ...

It speaks LiveKit's signalling, server APIs, media and data on one machine, so that tests and demos
run with no other program. Production is LiveKit's own server or Cloud.
"""

from __future__ import annotations

from lktrio.devserver.faults import Faults
from lktrio.devserver.server import (
    DevServer,
    DevServerOptions,
    open_dev_server,
    serve_dev_server,
)

__all__ = ["DevServer", "DevServerOptions", "Faults", "open_dev_server", "serve_dev_server"]
