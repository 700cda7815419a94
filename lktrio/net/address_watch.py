"""Noticing that the machine has other addresses: Wi-Fi, a VPN, a cable.

Theory of operation: any number of tasks may wait; one of them watches for all. It waits for a
message of the kernel (rtnetlink, on Linux) or, where there is none to be had, a second; then it
reads the addresses and wakes the others if they have changed. When it leaves, because its own wait
is over or was cancelled, it wakes all, and the first of those who still wait takes its place. Every
one compares what it knows with what is there before it waits, so nothing is missed on the way.

While nothing changes, nothing runs with rtnetlink, and reading costs a quarter of a millisecond a
second without, for all rooms of a process together.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence

import trio

from lktrio.net.interfaces import all_addresses, usable_addresses

__all__ = ["AddressWatch", "watch_of_this_run"]

_POLL = 1.0  # seconds between two looks where the kernel tells nothing
_SETTLE = 0.1  # seconds after a message: IPv4 and IPv6 addresses come one after the other
_RTMGRP_IPV4_IFADDR, _RTMGRP_IPV6_IFADDR = 0x10, 0x100  # linux/rtnetlink.h
_MESSAGE = 65_536  # bytes read at once; what they say does not matter

logger = logging.getLogger("lktrio.net")


class AddressWatch:
    """What the tasks of one run of trio that wait for other addresses share."""

    def __init__(self) -> None:
        self._waiting = trio.lowlevel.ParkingLot()
        self._watched = False

    async def wait_changed(self, known: Sequence[str], *, loopback: bool) -> list[str]:
        """Do the work of `Network.wait_addresses_changed`."""
        await trio.lowlevel.checkpoint()
        while True:
            everything = _read(known)
            found = usable_addresses(everything, loopback=loopback)
            if set(found) != set(known):
                return found
            if self._watched:
                await self._waiting.park()
            else:
                await self._watch(everything)

    async def _watch(self, known: list[str]) -> None:
        """Wait until there are other addresses than those, for everybody."""
        self._watched = True
        notices = _open_netlink()
        try:
            await trio.lowlevel.checkpoint()
            while _read(known) == known:
                await _wait_for_notice(notices)
        finally:
            self._watched = False
            self._waiting.unpark_all()
            if notices is not None:
                notices.close()


def _read(known: Sequence[str]) -> list[str]:
    """All addresses; what was known if the system has no means left to tell."""
    try:
        return all_addresses()
    except OSError as error:
        logger.debug("the addresses of the machine cannot be read: %s", error)
        return list(known)


_watch: trio.lowlevel.RunVar[AddressWatch] = trio.lowlevel.RunVar("lktrio address watch")


def watch_of_this_run() -> AddressWatch:
    """The watch that all rooms of this run of trio share."""
    try:
        return _watch.get()
    except LookupError:
        _watch.set(AddressWatch())
        return _watch.get()


def _open_netlink() -> socket.socket | None:
    """A socket that becomes readable when an address comes or goes, where there is such a thing."""
    family = getattr(socket, "AF_NETLINK", None)
    if family is None:
        return None
    try:
        notices = socket.socket(family, socket.SOCK_RAW, 0)  # 0 is NETLINK_ROUTE
    except OSError:
        return None
    try:
        notices.setblocking(False)
        notices.bind((0, _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR))
    except OSError:  # some containers let nobody listen
        notices.close()
        return None
    return notices


async def _wait_for_notice(notices: socket.socket | None) -> None:
    if notices is None:
        await trio.sleep(_POLL)
        return
    await trio.lowlevel.wait_readable(notices)
    await trio.sleep(_SETTLE)
    try:
        while notices.recv(_MESSAGE):
            pass
    except OSError:  # empty, or more has happened than it could hold
        return
