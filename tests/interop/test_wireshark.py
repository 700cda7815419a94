"""Wireshark reads packet logs, and finds in them what was sent."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from lktrio.net import IcePolicy
from lktrio.room import RoomOptions
from lktrio.testing import run_in_virtual_time
from tests.support.logged_calls import SOUND, TEXT, logged_call
from tests.support.servers import open_server

TSHARK = shutil.which("tshark")

pytestmark = pytest.mark.skipif(TSHARK is None, reason="tshark is not installed")


FIELDS = (
    "_ws.col.Protocol",
    "rtp.payload",
    "data.data",
    "dtls.handshake.verify_data",
    "ip.checksum.status",
    "_ws.malformed",
)


def dissect(path: Path) -> list[list[str]]:
    """The fields of each packet, as tshark finds them when it is new."""
    assert TSHARK is not None
    fields = [option for field in FIELDS for option in ("-e", field)]
    checks = ["-o", "ip.check_checksum:TRUE"]
    done = subprocess.run(
        [TSHARK, "-n", "-r", str(path), "-T", "fields", *checks, *fields],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.split("\t") for line in done.stdout.splitlines()]


async def record(path: Path, udp: bool) -> None:
    options = RoomOptions(ice=IcePolicy(udp=udp))
    async with (
        open_server("embedded", ice_tcp=True) as server,
        logged_call(server, path, options),
    ):
        pass


def test_a_log_is_read_without_any_configuration(tmp_path: Path) -> None:
    for udp in (True, False):
        path = tmp_path / f"call-{udp}.pcapng"
        run_in_virtual_time(record, path, udp)
        columns = [set(column) for column in zip(*dissect(path), strict=True)]
        protocols, sounds, texts, finished, checksums, malformed = columns
        known = {"STUN", "DTLS", "DTLSv1.2", "RTP", "RTCP", "SCTP"}
        assert known - {"DTLS"} <= protocols <= known | {"RTCDC"}
        assert SOUND.hex() in sounds
        assert any(TEXT.hex() in one for one in texts)
        assert any(finished)  # decrypted by the secrets in the log
        assert checksums <= {"", "1"}
        assert malformed == {""}
