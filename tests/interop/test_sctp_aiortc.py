"""Data channels against aiortc, which runs in a process of its own."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import random
import select
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lktrio.rtc.datachannel import (
    DataChannel,
    DataChannelClosed,
    DataChannelEvent,
    DataChannelMessage,
    DataChannelOpened,
    DataChannels,
)
from lktrio.rtc.sctp import SctpAssociation

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("aiortc") is None, reason="aiortc is not installed"
)

PROGRAM = Path(__file__).with_name("aiortc_sctp.py")
TIMEOUT = 60.0


class Session:
    """Our end, its socket, and everything that has happened."""

    def __init__(self, udp: socket.socket, loss: float, *, is_dtls_client: bool) -> None:
        self.udp = udp
        self.random = random.Random(1)
        self.loss = loss
        self.association = SctpAssociation(random=os.urandom)
        self.association.remote_max_message_size = 262144
        self.channels = DataChannels(self.association, is_dtls_client=is_dtls_client)
        self.events: list[DataChannelEvent] = []

    def _flush(self) -> None:
        self.channels.flush(time.monotonic())
        events, self.channels.events = self.channels.events, deque()
        self.events += events
        packets, self.association.out = self.association.out, []
        for packet in packets:
            if self.random.random() >= self.loss:
                self.udp.send(packet)

    def _receive(self, wait: float) -> None:
        readable, _, _ = select.select([self.udp], [], [], wait)
        for _ in range(64 if readable else 0):
            try:
                packet = self.udp.recv(65536)
            except BlockingIOError:
                return
            if self.random.random() >= self.loss:
                self.association.receive(packet, time.monotonic())

    def run(self, until: Callable[[], bool]) -> None:
        deadline = time.monotonic() + TIMEOUT
        self._flush()
        while not until():
            now = time.monotonic()
            assert now < deadline, (self.events[-5:], self.association.stats)
            self._receive(max(0.0, min(self.association.next_timer(), deadline) - now))
            self.association.handle_timer(time.monotonic())
            self._flush()

    def start(self) -> None:
        self.association.start(time.monotonic())
        self.run(lambda: self.association.connected)

    def open(self, label: str, *, ordered: bool = True) -> DataChannel:
        channel = self.channels.create(label, ordered=ordered)
        self.run(lambda: channel.acknowledged)
        return channel

    def send(self, channel: DataChannel, message: str | bytes) -> None:
        channel.send(message, time.monotonic())

    def received(self, label: str) -> list[bytes]:
        return [
            event.data
            for event in self.events
            if isinstance(event, DataChannelMessage) and event.channel.label == label
        ]

    def opened(self, label: str) -> list[DataChannel]:
        return [
            event.channel
            for event in self.events
            if isinstance(event, DataChannelOpened) and event.channel.label == label
        ]


@contextmanager
def aiortc(*, loss: float = 0.0, is_dtls_client: bool = True) -> Iterator[Session]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.bind(("127.0.0.1", 0))
        udp.settimeout(TIMEOUT)
        role = "server" if is_dtls_client else "client"
        command = [sys.executable, str(PROGRAM), str(udp.getsockname()[1]), role]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
            try:
                _, address = udp.recvfrom(1)
                udp.connect(address)
                udp.setblocking(False)
                yield Session(udp, loss, is_dtls_client=is_dtls_client)
                assert process.stdin is not None
                process.stdin.close()
                assert process.wait(TIMEOUT) == 0
            finally:
                if process.poll() is None:
                    process.kill()


@pytest.mark.parametrize("is_dtls_client", [True, False], ids=["client", "server"])
def test_messages_of_all_sizes_come_back_unchanged(is_dtls_client: bool) -> None:
    with aiortc(is_dtls_client=is_dtls_client) as session:
        session.start()
        echo = session.open("echo")
        assert echo.id == (0 if is_dtls_client else 1)
        sizes = (1, 2, 3, 4, 1159, 1160, 1161, 15_000, 65_536, 262_144)
        sent = [os.urandom(size) for size in sizes] + ["grüße".encode()]
        for message in sent[:-1]:
            session.send(echo, message)
        session.send(echo, "grüße")
        session.send(echo, "")
        session.send(echo, b"")
        session.run(lambda: len(session.received("echo")) == len(sent) + 2)
        assert session.received("echo") == [*sent, b"", b""]
        binary = [e.binary for e in session.events if isinstance(e, DataChannelMessage)]
        assert binary == [True] * 10 + [False, False, True]


def test_a_channel_of_aiortc_brings_64_kib_messages() -> None:
    with aiortc() as session:
        session.start()
        control = session.open("control")
        session.send(control, "open theirs 65536 20")
        session.run(lambda: len(session.received("theirs")) == 20)
        assert session.received("theirs") == [bytes((n,)) * 65536 for n in range(20)]
        (theirs,) = session.opened("theirs")
        assert theirs.remote
        assert theirs.id == 1


def test_many_messages_both_ways_with_lost_packets() -> None:
    with aiortc(loss=0.02) as session:
        session.start()
        channels = [session.open(f"echo{n}", ordered=n != 2) for n in range(3)]
        sent = [os.urandom(3000 + 17 * n) for n in range(60)]
        for n, message in enumerate(sent):
            session.send(channels[n % 3], message)
        session.run(lambda: sum(len(session.received(f"echo{n}")) for n in range(3)) == 60)
        for n in range(2):
            assert session.received(f"echo{n}") == sent[n::3]
        assert sorted(session.received("echo2")) == sorted(sent[2::3])


def test_closing_from_either_side_frees_the_number() -> None:
    with aiortc() as session:
        session.start()
        control = session.open("control")
        first = session.open("echo")
        first.close(time.monotonic())
        session.run(lambda: first.state == "closed")
        second = session.open("echo again")
        assert second.id == first.id
        session.send(second, b"works")
        session.run(lambda: session.received("echo again") == [b"works"])
        session.send(control, "open theirs 10 1")
        session.run(lambda: bool(session.received("theirs")))
        session.send(control, "close theirs")
        (theirs,) = session.opened("theirs")
        session.run(lambda: theirs.state == "closed")
        assert DataChannelClosed(theirs) in session.events


def test_a_large_transfer_is_intact() -> None:
    with aiortc() as session:
        session.start()
        sink = session.open("sink")
        sent = [os.urandom(200_000) for _ in range(10)]
        for message in sent:
            session.send(sink, message)
        session.run(lambda: len(session.received("sink")) == 10)
        digests = [hashlib.sha256(message).hexdigest().encode() for message in sent]
        assert session.received("sink") == digests


def test_the_end_of_either_side_reaches_the_other() -> None:
    with aiortc() as session:
        session.start()
        control = session.open("control")
        session.send(control, "stop")
        session.run(lambda: session.association.closed)
        assert control.state == "closed"
        assert session.channels.closed_reason is not None
        assert session.channels.closed_reason.startswith("aborted by the peer")
