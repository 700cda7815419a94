"""livekit-client in headless Chromium, told what to do and reporting what it sees.

A tiny HTTP server on the loopback interface serves the page and the library, hands out the
commands and takes the reports. The library is a file of the npm package ``livekit-client``,
``dist/livekit-client.umd.js``, named by the environment variable ``LKTRIO_LIVEKIT_CLIENT_JS``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import h11
import pytest
import trio

from tests.interop.support.reports import Program

__all__ = ["Browser", "needs_browser", "open_browser"]

PAGE = Path(__file__).with_name("browser.html")
LIBRARY = os.environ.get("LKTRIO_LIVEKIT_CLIENT_JS", "")
NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), "")
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--mute-audio",
)
POLL = 5.0  # seconds until an unanswered request for a command is answered with nothing


def reason_to_skip() -> str:
    if not CHROMIUM:
        return "chromium is not installed"
    if not LIBRARY:
        return "LKTRIO_LIVEKIT_CLIENT_JS does not name livekit-client.umd.js"
    if not Path(LIBRARY).is_file():
        return f"LKTRIO_LIVEKIT_CLIENT_JS names {LIBRARY}, which is no file"
    return ""


needs_browser = pytest.mark.skipif(bool(reason_to_skip()), reason=reason_to_skip())


class Browser(Program):
    """The page: commands go in, reports come out."""

    def __init__(self) -> None:
        super().__init__("the browser")
        self._commands: deque[dict[str, Any]] = deque()
        self._waiting = trio.lowlevel.ParkingLot()

    async def send_command(self, command: dict[str, Any]) -> None:
        self._commands.append(command)
        self._waiting.unpark_all()
        await trio.lowlevel.checkpoint()

    async def next_command(self) -> dict[str, Any] | None:
        with trio.move_on_after(POLL):
            while not self._commands:
                await self._waiting.park()
        return self._commands.popleft() if self._commands else None

    # HTTP

    async def serve(self, stream: trio.abc.Stream) -> None:
        """Answer one request after the other of one connection."""
        connection = h11.Connection(h11.SERVER)
        async with stream:
            try:
                while connection.our_state is not h11.MUST_CLOSE:
                    await self._serve_one(connection, stream)
                    if connection.our_state is h11.DONE and connection.their_state is h11.DONE:
                        connection.start_next_cycle()
            except (trio.BrokenResourceError, h11.ProtocolError):
                pass  # the browser went away

    async def _serve_one(self, connection: h11.Connection, stream: trio.abc.Stream) -> None:
        target, body = "", b""
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                connection.receive_data(bytes(await stream.receive_some()))
            elif isinstance(event, h11.Request):
                target = event.target.decode()
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                break
            else:
                raise trio.BrokenResourceError
        status, kind, content = await self._answer(target, body)
        headers = [
            ("Content-Type", kind),
            ("Content-Length", str(len(content))),
            ("Cache-Control", "no-store"),
        ]
        sent = connection.send(h11.Response(status_code=status, headers=headers)) or b""
        sent += connection.send(h11.Data(data=content)) or b""
        sent += connection.send(h11.EndOfMessage()) or b""
        await stream.send_all(sent)

    async def _answer(self, target: str, body: bytes) -> tuple[int, str, bytes]:
        if target == "/":
            return 200, "text/html; charset=utf-8", await trio.Path(PAGE).read_bytes()
        if target == "/livekit-client.js":
            return 200, "text/javascript", await trio.Path(LIBRARY).read_bytes()
        if target == "/command":
            command = await self.next_command()
            if command is None:
                return 204, "text/plain", b""
            return 200, "application/json", json.dumps(command).encode()
        if target == "/log":
            self.add(json.loads(body))
            return 200, "text/plain", b""
        return 404, "text/plain", b"not found"


@asynccontextmanager
async def open_browser(profile: Path) -> AsyncGenerator[Browser, None]:
    """A browser that has loaded the page, for the time of the block.

    Args:
        profile: An empty folder for its files.
    """
    async with trio.open_nursery() as nursery:
        browser = Browser()
        (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
        port = listener.socket.getsockname()[1]
        nursery.start_soon(trio.serve_listeners, browser.serve, [listener])
        process: trio.Process = await nursery.start(
            lambda task_status: trio.run_process(
                [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", f"http://localhost:{port}/"],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                task_status=task_status,
            )
        )
        await browser.wait("ready")
        yield browser
        process.terminate()
        with trio.move_on_after(10):
            await process.wait()
        nursery.cancel_scope.cancel()
