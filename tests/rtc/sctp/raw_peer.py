"""A peer whose every packet is written by hand, for one association of ours."""

from __future__ import annotations

import random
from typing import TypeVar

from lktrio.rtc.sctp import SctpAssociation, SctpConnected, SctpEvent, SctpMessage, SctpOptions
from lktrio.rtc.sctp.chunks import (
    DATA_BEGIN,
    DATA_END,
    DATA_UNORDERED,
    Chunk,
    ChunkType,
    CookieAck,
    CookieEcho,
    Data,
    Init,
    InitAck,
    Parameter,
    ParameterType,
    Sack,
    UnknownChunk,
)
from lktrio.rtc.sctp.crc32c import crc32c
from tests.support.sctp_packet import CHECKSUM, parse_packet

C = TypeVar("C", bound=Chunk)

TAG = 0xA1A2A3A4
TSN = 0xFFFFFFF0  # wraps soon
ALL = (
    (int(ParameterType.FORWARD_TSN_SUPPORTED), b""),
    (
        int(ParameterType.SUPPORTED_EXTENSIONS),
        bytes((ChunkType.RE_CONFIG, ChunkType.FORWARD_TSN)),
    ),
    (int(ParameterType.ZERO_CHECKSUM), bytes((0, 0, 0, 1))),
)


def new_association(options: SctpOptions | None = None, seed: int = 7) -> SctpAssociation:
    return SctpAssociation(random=random.Random(seed).randbytes, options=options)


def checked(packet: bytes) -> bytes:
    """The packet with a true checksum."""
    blank = packet[:8] + bytes(4) + packet[12:]
    return packet[:8] + CHECKSUM.pack(crc32c(blank)) + packet[12:]


class RawPeer:
    """Speaks SCTP with ``association``; TSNs of its DATA count from ``tsn``."""

    def __init__(
        self,
        options: SctpOptions | None = None,
        *,
        parameters: tuple[Parameter, ...] = ALL,
        window: int = 1 << 20,
        connect: bool = True,
    ) -> None:
        self.association = new_association(options)
        self.now = 50.0
        self.tag = TAG
        self.first = self.tsn = TSN
        self.remote_tag = 0
        self.remote_tsn = 0
        self.parameters = parameters
        self.window = window
        self.events: list[SctpEvent] = []
        self.packets: list[bytes] = []
        if connect:
            self.connect()

    # Sending to the association.

    def raw(self, *chunks: bytes, tag: int | None = None) -> bytes:
        tag = self.remote_tag if tag is None else tag
        head = bytes.fromhex("13881388") + tag.to_bytes(4, "big") + bytes(4)
        return checked(head + b"".join(chunks))

    def send(self, *chunks: Chunk | UnknownChunk, tag: int | None = None) -> None:
        self.deliver(self.raw(*(chunk.serialize() for chunk in chunks), tag=tag))

    def deliver(self, packet: bytes, *, flush: bool = True) -> None:
        self.association.receive(packet, self.now)
        if flush:
            self.flush()

    def data(
        self,
        payload: bytes = b"x",
        *,
        stream_id: int = 0,
        sequence: int = 0,
        flags: int = DATA_BEGIN | DATA_END,
        tsn: int | None = None,
        unordered: bool = False,
    ) -> Data:
        if tsn is None:
            tsn, self.tsn = self.tsn, self.tsn + 1
        flags |= DATA_UNORDERED if unordered else 0
        return Data(flags, tsn & 0xFFFFFFFF, stream_id, sequence, 53, payload)

    def sack(self, up_to: int, *gaps: tuple[int, int], window: int | None = None) -> Sack:
        """A SACK for our association's chunks, ``up_to`` counting from its first, 0."""
        cumulative = (self.remote_tsn + up_to) & 0xFFFFFFFF
        return Sack(cumulative, self.window if window is None else window, gaps)

    def init(self) -> Init:
        return Init(self.tag, self.window, 100, 100, self.first & 0xFFFFFFFF, self.parameters)

    # Receiving from it.

    def flush(self) -> None:
        self.association.flush(self.now)
        out, self.association.out = self.association.out, []
        self.packets += out
        self.events += self.association.events
        self.association.events.clear()

    def chunks(self) -> list[Chunk | UnknownChunk]:
        """Everything that came since the last call."""
        self.flush()
        packets, self.packets = self.packets, []
        return [chunk for packet in packets for chunk in parse_packet(packet).chunks]

    def take(self, kind: type[C]) -> list[C]:
        """The chunks of one kind that came since the last call; the others are dropped."""
        return [chunk for chunk in self.chunks() if type(chunk) is kind]

    def messages(self) -> list[tuple[int, bytes]]:
        return [(e.stream_id, e.data) for e in self.events if isinstance(e, SctpMessage)]

    def advance(self, seconds: float) -> None:
        """Let time pass, with every timer on its exact moment."""
        until = self.now + seconds
        self.flush()
        while self.association.next_timer() <= until:
            self.now = max(self.now, self.association.next_timer())
            self.association.handle_timer(self.now)
            self.flush()
        self.now = until

    def connect(self) -> None:
        """Complete a handshake in which the association speaks first."""
        self.association.start(self.now)
        (init,) = self.take(Init)
        self.remote_tag, self.remote_tsn = init.initiate_tag, init.initial_tsn
        cookie = (int(ParameterType.STATE_COOKIE), b"raw cookie")
        answer = self.init()
        self.send(
            InitAck(
                answer.initiate_tag,
                answer.window,
                answer.outbound_streams,
                answer.inbound_streams,
                answer.initial_tsn,
                (*self.parameters, cookie),
            )
        )
        (echo,) = self.take(CookieEcho)
        assert echo.value == b"raw cookie"
        self.send(CookieAck())
        assert self.events == [SctpConnected()]
        self.events.clear()
        self.chunks()
