"""coturn: a TURN server of its own for a test, on the loopback interface."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio
import trustme

__all__ = ["HERE", "TURNSERVER", "coturn", "free_port", "run_listening"]

TURNSERVER = shutil.which("turnserver")
HERE = "127.0.0.1"


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp:
        tcp.bind((HERE, 0))
        port: int = tcp.getsockname()[1]
        return port


@asynccontextmanager
async def coturn(directory: Path, authority: trustme.CA) -> AsyncIterator[tuple[int, int]]:
    """A TURN server on the loopback interface; its ports without and with TLS."""
    assert TURNSERVER is not None
    port, tls_port = free_port(), free_port()
    certificate = authority.issue_cert(HERE)
    certificate.private_key_pem.write_to_path(directory / "key")
    certificate.cert_chain_pems[0].write_to_path(directory / "certificate")
    options = ["-n", "--no-cli", "--no-dtls", "--lt-cred-mech", "--user=me:secret"]
    options += ["--realm=example.org", "--allow-loopback-peers", "--stale-nonce=2"]
    paths = [f"--{name}={directory / name}" for name in ("pidfile", "userdb")]
    paths += [f"--cert={directory / 'certificate'}", f"--pkey={directory / 'key'}"]
    place = [f"--listening-ip={HERE}", f"--relay-ip={HERE}", f"--listening-port={port}"]
    place += [f"--tls-listening-port={tls_port}", "--log-file=stdout"]
    command = [TURNSERVER, *options, *paths, *place]
    async with run_listening(command, directory / "coturn.log", port, tls_port):
        yield port, tls_port


@asynccontextmanager
async def run_listening(command: list[str], log: Path, *ports: int) -> AsyncIterator[None]:
    """Run a program for the time of the block, from when it listens on its ports.

    Args:
        command: What to run.
        log: Where its output goes.
        ports: The ports.
    """
    with log.open("wb") as output:
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(
                lambda task_status: trio.run_process(
                    command,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    check=False,
                    task_status=task_status,
                )
            )
            for port in ports:
                await _wait_listening(port)
            yield
            process.terminate()


async def _wait_listening(port: int) -> None:
    with trio.fail_after(10):
        while True:
            try:
                stream = await trio.open_tcp_stream(HERE, port)
            except OSError:
                await trio.sleep(0.05)
            else:
                await stream.aclose()
                return
