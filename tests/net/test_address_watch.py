"""Other addresses of the machine are noticed, by everybody who waits for them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys

import pytest
import trio
import trio.testing

from lktrio.net import SystemNetwork

IN_A_NETWORK_OF_ITS_OWN = """
import subprocess
import trio
from lktrio.net import SystemNetwork

def ip(*words):
    subprocess.run(["ip", *words], check=True)

async def main():
    network = SystemNetwork()
    known = network.local_addresses()
    async def change():
        await trio.sleep(0.1)
        ip("address", "add", "192.0.2.9/32", "dev", "lo")
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(change)
            print(await network.wait_addresses_changed(known))
    sock = network.open_udp("192.0.2.9")
    ip("address", "delete", "192.0.2.9/32", "dev", "lo")
    print(sock.send(("192.0.2.10", 9), [b"to nowhere", b"again"]), sock.drain())
    sock.close()

ip("link", "set", "lo", "up")
trio.run(main)
"""


def test_the_kernel_tells_of_a_new_address_and_one_that_is_gone_harms_nobody() -> None:
    alone = ["unshare", "--user", "--map-root-user", "--net"]
    if not shutil.which("ip") or not shutil.which("unshare"):
        pytest.skip("there is no ip or no unshare here")
    if subprocess.run([*alone, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespace can be made here")
    program = [*alone, sys.executable, "-c", IN_A_NETWORK_OF_ITS_OWN]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.stdout == "['192.0.2.9']\n2 []\n", done.stderr


class Machine:
    """A machine whose addresses can be changed, and whose kernel tells nothing."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses = ["127.0.0.1", "192.0.2.1"]
        self.looks = 0
        monkeypatch.setattr("lktrio.net.address_watch.all_addresses", self.look)
        monkeypatch.delattr(socket, "AF_NETLINK", raising=False)

    def look(self) -> list[str]:
        self.looks += 1
        return list(self.addresses)


@pytest.mark.virtual_time
async def test_one_task_looks_for_all_and_hands_over_when_it_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machine, network = Machine(monkeypatch), SystemNetwork()
    told: dict[int, list[str]] = {}

    async def wait(number: int, scope: trio.CancelScope) -> None:
        with scope:
            told[number] = await network.wait_addresses_changed(["192.0.2.1"])

    scopes = [trio.CancelScope() for _ in range(100)]
    async with trio.open_nursery() as nursery:
        for number, scope in enumerate(scopes):
            nursery.start_soon(wait, number, scope)
        await trio.sleep(60.55)
        assert machine.looks < 300
        for scope in scopes[:90]:
            scope.cancel()
        await trio.sleep(60)
        machine.addresses.append("192.0.2.2")
        await trio.sleep(1.1)
        assert told == {number: ["192.0.2.1", "192.0.2.2"] for number in range(90, 100)}


@pytest.mark.virtual_time
async def test_a_change_between_two_waits_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, network = Machine(monkeypatch), SystemNetwork()
    known = ["192.0.2.1"]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(network.wait_addresses_changed, ["192.0.2.1"])
        machine.addresses = ["127.0.0.1"]
        assert await network.wait_addresses_changed(known) == ["127.0.0.1"]
    machine.addresses = ["127.0.0.1", "192.0.2.1"]
    with_loopback = await network.wait_addresses_changed(["192.0.2.1"], loopback=True)
    assert with_loopback == ["127.0.0.1", "192.0.2.1"]
