"""A reader of pcapng files, as far as packet logs need it."""

from __future__ import annotations

import struct
from dataclasses import dataclass

__all__ = ["LoggedPacket", "ReadLog", "read_log"]


@dataclass(frozen=True)
class LoggedPacket:
    """One packet of a log."""

    interface: str
    """Name of the interface."""
    link_type: int
    time: float
    sent: bool
    comment: str
    data: bytes


@dataclass(frozen=True)
class ReadLog:
    """What is in a log."""

    packets: list[LoggedPacket]
    secrets: list[str]

    def on(self, name: str, *, sent: bool | None = None) -> list[LoggedPacket]:
        """The packets of an interface, or those of one direction."""
        found = [one for one in self.packets if one.interface == name]
        return [one for one in found if sent in (None, one.sent)]


def _options(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while data:
        code, length = struct.unpack_from("<HH", data)
        if code == 0:
            assert data == bytes(4)
            break
        found[code] = data[4 : 4 + length]
        data = data[4 + length + -length % 4 :]
    return found


def _blocks(data: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    start = 0
    while start < len(data):
        kind, length = struct.unpack_from("<II", data, start)
        end = start + length
        assert length % 4 == 0
        assert data[end - 4 : end] == data[start + 4 : start + 8]
        found.append((kind, data[start + 8 : end - 4]))
        start = end
    return found


def read_log(data: bytes) -> ReadLog:
    """Read a file; it must be whole."""
    log = ReadLog([], [])
    interfaces: list[tuple[str, int]] = []
    blocks = _blocks(data)
    assert blocks[0][0] == 0x0A0D0D0A
    assert blocks[0][1][:8] == struct.pack("<IHH", 0x1A2B3C4D, 1, 0)
    for kind, body in blocks[1:]:
        if kind == 1:
            name = _options(body[8:])[2].decode()
            interfaces.append((name, struct.unpack_from("<H", body)[0]))
        elif kind == 10:
            magic, length = struct.unpack_from("<II", body)
            assert magic == 0x544C534B
            log.secrets.append(body[8 : 8 + length].decode())
        else:
            assert kind == 6
            log.packets.append(_packet(body, interfaces))
    return log


def _packet(body: bytes, interfaces: list[tuple[str, int]]) -> LoggedPacket:
    number, high, low, captured, original = struct.unpack_from("<IIIII", body)
    assert captured == original
    end = 20 + captured
    options = _options(body[end + -end % 4 :])
    flags = int.from_bytes(options[2], "little")
    time = (high << 32 | low) / 1e6
    name, link_type = interfaces[number]
    comment = options.get(1, b"").decode()
    return LoggedPacket(name, link_type, time, flags == 2, comment, body[20:end])
