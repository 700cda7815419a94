"""Host candidates are gathered from the addresses that a peer can reach."""

from __future__ import annotations

from lktrio.net.interfaces import local_addresses, tentative_addresses, usable_addresses

ADDRESSES = [
    "127.0.0.1",
    "::1",
    "fe80::1%eth0",
    "2001:db8::7",
    "192.0.2.7",
    "169.254.3.4",
    "0.0.0.0",
]


def test_loopback_and_link_local_addresses_are_left_out() -> None:
    assert usable_addresses(ADDRESSES, loopback=False) == ["2001:db8::7", "192.0.2.7"]


def test_loopback_comes_first_when_asked_for() -> None:
    usable = usable_addresses(ADDRESSES, loopback=True)
    assert usable == ["127.0.0.1", "::1", "2001:db8::7", "192.0.2.7"]


def test_a_machine_without_network_still_has_loopback() -> None:
    assert usable_addresses(["127.0.0.1"], loopback=False) == ["127.0.0.1"]


def test_duplicates_and_excess_are_cut() -> None:
    many = [f"192.0.2.{index}" for index in range(1, 60)] * 2
    usable = usable_addresses(many, loopback=False)
    assert len(usable) == len(set(usable)) == 16


def test_addresses_that_nothing_can_be_bound_to_yet_are_recognised() -> None:
    table = """\
20010db8000000000000000000000001 02 40 00 80     eth0
20010db8000000000000000000000002 02 40 00 c0     eth0
20010db8000000000000000000000003 02 40 00 08     eth0
00000000000000000000000000000001 01 80 10 80       lo
"""
    assert tentative_addresses(table) == {"2001:db8::2", "2001:db8::3"}
    assert tentative_addresses("") == frozenset()


def test_this_machine_has_an_address() -> None:
    assert "127.0.0.1" in local_addresses(loopback=True)
