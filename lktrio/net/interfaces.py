"""Which local addresses can be used as host candidates (RFC 8445 section 5.1.1.1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from pathlib import Path

import ifaddr

__all__ = ["all_addresses", "local_addresses", "tentative_addresses", "usable_addresses"]

_MAX_ADDRESSES = 16  # a host with dozens of container bridges must not open dozens of sockets
_LINUX_IPV6 = Path("/proc/net/if_inet6")
_TENTATIVE, _DUPLICATE = 0x40, 0x08  # IFA_F_TENTATIVE and IFA_F_DADFAILED of linux/if_addr.h


def local_addresses(*, loopback: bool = False) -> list[str]:
    """List the addresses of this machine that a peer might reach, best first.

    Link-local addresses are left out (they need a scope that SDP cannot carry), and so are
    multicast and unspecified ones. IPv6 comes before IPv4 within one interface (RFC 8421).

    Args:
        loopback: Whether to include ``127.0.0.1`` and ``::1``; only useful with a server on the
            same machine. They are returned in any case when the machine has nothing else.

    Returns:
        Numeric addresses, at most 16.
    """
    return usable_addresses(all_addresses(), loopback=loopback)


def all_addresses() -> list[str]:
    """List every address of this machine that a socket can be bound to."""
    entries = [entry for adapter in ifaddr.get_adapters() for entry in adapter.ips]
    found = [entry.ip[0] if isinstance(entry.ip, tuple) else entry.ip for entry in entries]
    if not any(":" in address for address in found):
        return found
    tentative = tentative_addresses(_linux_ipv6_table())
    return [address for address in found if address not in tentative]


def _linux_ipv6_table() -> str:
    try:
        return _LINUX_IPV6.read_text(encoding="ascii")
    except OSError:
        return ""


def tentative_addresses(table: str) -> frozenset[str]:
    """IPv6 addresses that Linux still checks for duplicates (RFC 4862 section 5.4), for a second.

    Nothing can be bound to them yet.

    Args:
        table: What ``/proc/net/if_inet6`` says: address, three numbers, flags, interface.
    """
    fields = [line.split() for line in table.splitlines()]
    return frozenset(
        str(ipaddress.IPv6Address(int(each[0], 16)))
        for each in fields
        if int(each[4], 16) & (_TENTATIVE | _DUPLICATE)
    )


def usable_addresses(addresses: Iterable[str], *, loopback: bool) -> list[str]:
    """Select from ``addresses`` as ``local_addresses`` does."""
    parsed = [ipaddress.ip_address(text.split("%")[0]) for text in addresses]
    usable = [ip for ip in parsed if not (ip.is_link_local or ip.is_multicast or ip.is_unspecified)]
    remote = [ip for ip in usable if not ip.is_loopback]
    local = [ip for ip in usable if ip.is_loopback]
    chosen = [*local, *remote] if loopback else (remote or local)
    return list(dict.fromkeys(str(ip) for ip in chosen))[:_MAX_ADDRESSES]
