"""Asking TURN servers for relays (RFC 8656), names resolved.

The servers come as URLs (RFC 7065: ``turn:host[:port][?transport=udp|tcp]``, ``turns:`` with TLS).
What cannot be parsed, resolved or reached is logged and left out: another way may do, and ICE tells
if nothing does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import trio

from lktrio.net.driver import PeerDriver
from lktrio.net.gathering import parse_stun_url
from lktrio.net.ice_policy import IcePolicy
from lktrio.net.network import Network
from lktrio.rtc.base import Address
from lktrio.rtc.relays import TurnServer
from lktrio.rtc.turn import TurnCredentials

__all__ = ["IceServer", "TurnUrl", "gather_relays", "has_turn", "parse_turn_url"]

_DEFAULT_TLS_PORT = 5349  # RFC 8656 section 18.2
_DEFAULT_PORT = 3478
_RESOLVE_TIMEOUT = 3.0
_MAX_URLS = 8

logger = logging.getLogger("lktrio.net")


@dataclass(frozen=True, slots=True)
class IceServer:
    """A STUN or TURN server to use beside those that the LiveKit server names."""

    urls: Sequence[str]
    """``stun:host[:port]``, ``turn:host[:port][?transport=udp|tcp]`` or ``turns:host[:port]``."""
    username: str = ""
    """For TURN."""
    credential: str = field(default="", repr=False)
    """For TURN: the password."""


@dataclass(frozen=True, slots=True)
class TurnUrl:
    """Where a TURN server is, and how it is reached."""

    host: str
    port: int
    transport: str
    """``"udp"``, ``"tcp"`` or ``"tls"``."""


def parse_turn_url(url: str) -> TurnUrl | None:
    """Read a ``turn:`` or ``turns:`` URL; None for another kind, or one that makes no sense."""
    scheme, _, rest = url.partition(":")
    secure = scheme.lower() == "turns"
    place, _, query = rest.partition("?")
    if scheme.lower() not in ("turn", "turns") or query.lower() not in (
        "",
        "transport=udp",
        "transport=tcp",
    ):
        return None
    found = parse_stun_url(f"stun:{place}")
    if found is None or (secure and query.lower() == "transport=udp"):  # DTLS, which nobody has
        return None
    host, port = found
    if secure:
        has_port = place.endswith(f":{port}") and (place.count(":") == 1 or "]" in place)
        return TurnUrl(host, port if has_port else _DEFAULT_TLS_PORT, "tls")
    return TurnUrl(host, port, "tcp" if query.lower() == "transport=tcp" else "udp")


def has_turn(servers: Iterable[IceServer]) -> bool:
    """Whether there is a TURN server among them."""
    return any(parse_turn_url(url) is not None for server in servers for url in server.urls)


async def gather_relays(
    driver: PeerDriver, servers: Iterable[IceServer], network: Network, policy: IcePolicy
) -> None:
    """Ask the TURN servers among ``servers``; the peer's ``LocalCandidateFound`` events tell more.

    Returns when every name is resolved, at most 3 s later. Cancelled, it has asked some or none.
    """
    found: list[tuple[TurnUrl, TurnCredentials]] = []
    for server in servers if policy.turn else ():
        for url in server.urls:
            place = parse_turn_url(url)
            if place is not None and (policy.udp if place.transport == "udp" else policy.tcp):
                found.append((place, TurnCredentials(server.username, server.credential)))
    async with trio.open_nursery() as nursery:
        for place, credentials in found[:_MAX_URLS]:
            nursery.start_soon(_ask, driver, place, credentials, network, policy)


async def _ask(
    driver: PeerDriver,
    url: TurnUrl,
    credentials: TurnCredentials,
    network: Network,
    policy: IcePolicy,
) -> None:
    addresses: list[Address] = []
    try:
        if url.transport != "udp" and driver.dialer.uses_proxy(url.host, url.port):
            addresses = [(url.host, url.port)]
        else:
            with trio.fail_after(_RESOLVE_TIMEOUT):
                addresses = await network.resolve(url.host, url.port)
    except OSError as error:
        logger.info("the TURN server %s cannot be found: %s", url.host, error)
    except trio.TooSlowError:
        logger.info("the name of the TURN server %s was not resolved in time", url.host)
    for address in addresses:
        if ":" in address[0] or not policy.ipv6_only:
            server = TurnServer(address, url.transport, credentials, url.host)
            driver.peer.allocate(server, trio.current_time())
    driver.flush()
    await trio.lowlevel.checkpoint()
