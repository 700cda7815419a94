"""Asking STUN servers for public addresses (RFC 8445 section 5.1.1.2), names resolved.

The servers come as URLs (RFC 7064: ``stun:host[:port]``). What cannot be parsed, resolved or
reached is logged and left out: a host candidate may do, and ICE tells if nothing does.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import trio

from lktrio.net.driver import PeerDriver
from lktrio.net.network import Network
from lktrio.rtc.base import Address

__all__ = ["gather_reflexive", "parse_stun_url"]

_DEFAULT_PORT = 3478  # RFC 8489 section 16
_RESOLVE_TIMEOUT = 3.0
_MAX_SERVERS = 4  # more answers tell nothing new

logger = logging.getLogger("lktrio.net")


def parse_stun_url(url: str) -> tuple[str, int] | None:
    """Split ``stun:host[:port]`` into host and port; None for another kind of URL."""
    scheme, _, rest = url.partition(":")
    rest = rest.partition("?")[0]
    if scheme.lower() != "stun" or not rest:
        return None
    host, port = rest, ""
    if rest.startswith("["):
        host, _, after = rest[1:].partition("]")
        port = after.removeprefix(":")
    elif rest.count(":") == 1:
        host, _, port = rest.partition(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        return None
    return (host, int(port) if port else _DEFAULT_PORT) if host else None


async def gather_reflexive(driver: PeerDriver, urls: Sequence[str], network: Network) -> None:
    """Ask the STUN servers among ``urls``; the peer's ``LocalCandidateFound`` events tell more.

    Their names are looked up on ``network``.

    Returns when every name is resolved, at most 3 s later. Cancelled, it has asked some or none.
    """
    servers = [server for url in urls if (server := parse_stun_url(url)) is not None]
    async with trio.open_nursery() as nursery:
        for host, port in servers[:_MAX_SERVERS]:
            nursery.start_soon(_ask, driver, host, port, network)


async def _ask(driver: PeerDriver, host: str, port: int, network: Network) -> None:
    found: list[Address] = []
    with trio.move_on_after(_RESOLVE_TIMEOUT) as scope:
        found = await _resolve(host, port, network)
    for address in found:
        driver.peer.gather(address, trio.current_time())
        driver.flush()
    if scope.cancelled_caught:
        logger.info("the name of the STUN server %s was not resolved in time", host)


async def _resolve(host: str, port: int, network: Network) -> list[Address]:
    try:
        return await network.resolve(host, port)
    except OSError as error:
        logger.info("the STUN server %s cannot be found: %s", host, error)
        await trio.lowlevel.checkpoint()
        return []
