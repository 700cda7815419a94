"""The packets of a call in a file, in clear."""

from __future__ import annotations

import ipaddress
import logging
from pathlib import Path

import pytest

from lktrio.errors import PacketLogError
from lktrio.events import Reconnected
from lktrio.net.packet_log import open_packet_log
from lktrio.room import IcePolicy, RoomOptions, SimulateScenario
from tests.support.logged_calls import SOUND, TEXT, logged_call, talk
from tests.support.pcapng import LoggedPacket, ReadLog, read_log
from tests.support.servers import VERSIONS, expect, open_server

pytestmark = pytest.mark.virtual_time
RAW, UPPER_PDU = 101, 252


def udp(packet: LoggedPacket) -> tuple[str, int, str, int, bytes]:
    """Source, destination and payload of a packet of IPv4."""
    data = packet.data
    assert data[0] == 0x45
    assert sum(data[at] << 8 | data[at + 1] for at in range(0, 20, 2)) % 0xFFFF == 0
    assert int.from_bytes(data[2:4], "big") == len(data)
    assert int.from_bytes(data[24:26], "big") == len(data) - 20
    hosts = [str(ipaddress.ip_address(data[at : at + 4])) for at in (12, 16)]
    ports = [int.from_bytes(data[at : at + 2], "big") for at in (20, 22)]
    return hosts[0], ports[0], hosts[1], ports[1], data[28:]


def protocol(packet: LoggedPacket) -> str:
    """Which dissector a decrypted packet names."""
    return packet.data[4 : 4 + int.from_bytes(packet.data[2:4], "big")].rstrip(b"\0").decode()


def check_connections(log: ReadLog, names: list[str], *, secrets: int) -> None:
    """Everything is there, decrypted, and nothing is that should be encrypted."""
    assert len(log.secrets) == secrets
    assert all(one.startswith("CLIENT_RANDOM ") for one in log.secrets)
    for name in names:
        wire, clear = log.on(name), log.on(f"{name}, decrypted")
        assert {one.link_type for one in wire} == {RAW}, name
        assert {one.link_type for one in clear} == {UPPER_PDU}, name
        firsts = {udp(one)[4][0] for one in wire}
        assert firsts <= {0, 1, 20, 21, 22}, name  # STUN, and DTLS without application data
        assert {protocol(one) for one in clear} >= {"rtcp"}, name
        times = [one.time for one in log.packets]
        assert times == sorted(times)
    for sent in (True, False):
        for kind, content in (("rtp", SOUND), ("sctp", TEXT)):
            found = [one for name in names for one in log.on(f"{name}, decrypted", sent=sent)]
            assert any(protocol(one) == kind and content in one.data for one in found), (kind, sent)


@VERSIONS
async def test_everything_is_in_the_log_in_clear(
    options: RoomOptions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "call.pcapng"
    path.write_text("others can read what is replaced")
    path.chmod(0o644)
    async with open_server("embedded") as server:
        async with logged_call(server, path, options) as (alice, log):
            paths = {one.connection: one for one in alice.media_paths}
        await server.wait_for_participants()
    assert not log.active
    assert log.dropped == 0
    (warning,) = [one for one in caplog.records if one.levelno >= logging.WARNING]
    assert str(path) in warning.getMessage()
    assert path.stat().st_mode & 0o777 == 0o600
    read = read_log(path.read_bytes())
    check_connections(read, list(paths), secrets=len(paths))
    for name, one in paths.items():
        ways = {udp(packet)[:4] for packet in read.on(name, sent=True)}
        assert (*one.local, *one.remote) in ways, name


async def test_a_log_goes_on_over_another_link_and_over_tcp(tmp_path: Path) -> None:
    path = tmp_path / "call.pcapng"
    options = RoomOptions(ice=IcePolicy(udp=False))
    async with (
        open_server("embedded", ice_tcp=True) as server,
        logged_call(server, path, options) as (alice, _),
    ):
        events = alice.events(Reconnected, replay=False)
        await alice.simulate(SimulateScenario.NODE_FAILURE)
        await expect(events, Reconnected)
    read = read_log(path.read_bytes())
    check_connections(read, ["publisher"], secrets=2)
    assert {one.comment for one in read.packets} == {"over TCP"}
    streams = {udp(one)[:2] for one in read.on("publisher", sent=True)}
    assert {host for host, _ in streams} == {"0.0.0.0"}
    assert len(streams) >= 2


async def test_a_log_that_is_full_ends_and_the_call_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "call.pcapng"
    async with (
        open_server("embedded") as server,
        open_packet_log(path, max_size=4000) as log,
        server.join("alice", RoomOptions(packet_log=log)) as alice,
        server.join("bob") as bob,
    ):
        await talk(alice, bob)
        assert not log.active
        await talk(bob, alice)
        assert 1000 < path.stat().st_size <= 4000
    assert "largest size" in caplog.text
    assert read_log(path.read_bytes()).packets


async def test_a_disk_that_takes_nothing_ends_the_log_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    async with (
        open_server("embedded") as server,
        open_packet_log("/dev/full") as log,
        server.join("alice", RoomOptions(packet_log=log)) as alice,
        server.join("bob") as bob,
    ):
        await talk(alice, bob)
        assert not log.active
    assert "cannot be written" in caplog.text


async def test_a_log_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "call.pcapng", tmp_path):
        with pytest.raises(PacketLogError, match=str(path)):
            async with open_packet_log(path):
                raise AssertionError("it was made")
