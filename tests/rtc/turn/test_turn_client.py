"""The TURN client against a scripted server, and against what no server would say."""

from __future__ import annotations

import hashlib
import random

from hypothesis import given, settings
from hypothesis import strategies as st

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage, StunMethod
from lktrio.rtc.paths import FrameReader, frame
from lktrio.rtc.turn import Allocated, AllocationFailed, TryAlternate, TurnClient, TurnCredentials
from lktrio.rtc.turn.framing import TurnReader

KEY = hashlib.md5(b"me:example.org:secret", usedforsecurity=False).digest()
RELAYED, MAPPED, PEER = ("192.0.2.9", 50000), ("198.51.100.7", 4000), ("203.0.113.5", 7882)
CHECK, MEDIA = b"\x00\x01check", b"\x80media"


def new_client(*, reliable: bool = False) -> TurnClient:
    chance = random.Random(1)
    credentials = TurnCredentials("me", "secret")
    return TurnClient(credentials, random=chance.randbytes, reliable=reliable)


class Server:
    """Answers what a client asks, as long as it is let."""

    def __init__(self, client: TurnClient) -> None:
        self.client = client
        self.nonce = b"one"
        self.lifetime = 600
        self.asked: list[StunMethod] = []
        self.datagrams: list[bytes] = []
        self.refuses: dict[StunMethod, int] = {}
        self.key = KEY

    def serve(self, now: float) -> None:
        """Answer everything that is out, until there is nothing more."""
        while self.client.out:
            out, self.client.out = self.client.out, []
            for data in out:
                self._take(data, now)

    def _take(self, data: bytes, now: float) -> None:
        if data[0] >= 0x40:
            self.datagrams.append(data)
            return
        message = StunMessage.parse(data)
        if message.message_class is StunClass.INDICATION:
            payload = message.get(Attribute.DATA)
            assert payload is not None
            self.datagrams.append(payload)
            return
        method = StunMethod(message.method)
        self.asked.append(method)
        self.client.receive(self.answer(message, method), now)

    def answer(self, message: StunMessage, method: StunMethod) -> bytes:
        if not message.verify(KEY) or message.get(Attribute.NONCE) != self.nonce:
            code = 438 if message.has_integrity else 401
            answer = self.error(message, code)
            answer.add(Attribute.REALM, b"example.org")
            answer.add(Attribute.NONCE, self.nonce)
            return answer.serialize()
        if method in self.refuses:
            return self.error(message, self.refuses[method]).serialize(self.key)
        answer = message.respond(StunClass.SUCCESS)
        if method in (StunMethod.ALLOCATE, StunMethod.REFRESH):
            answer.add_uint32(Attribute.LIFETIME, self.lifetime)
        if method is StunMethod.ALLOCATE:
            answer.add_address(Attribute.XOR_RELAYED_ADDRESS, RELAYED)
            answer.add_address(Attribute.XOR_MAPPED_ADDRESS, MAPPED)
        return answer.serialize(self.key)

    @staticmethod
    def error(message: StunMessage, code: int) -> StunMessage:
        answer = message.respond(StunClass.ERROR)
        answer.add_error(code, "no")
        if code == 300:
            answer.add_address(Attribute.ALTERNATE_SERVER, ("192.0.2.77", 3478))
        return answer


def allocated(*, reliable: bool = False) -> tuple[TurnClient, Server]:
    client = new_client(reliable=reliable)
    server = Server(client)
    client.start(0.0)
    server.serve(0.0)
    assert list(client.events) == [Allocated(RELAYED, MAPPED)]
    client.events.clear()
    return client, server


def run(client: TurnClient, server: Server | None, start: float, end: float) -> None:
    """Let time pass."""
    now = start
    while (due := client.next_timer()) <= end:
        now = max(now, due)
        client.handle_timer(now)
        if server is not None:
            server.serve(now)


def test_a_datagram_waits_for_its_permission_and_media_gets_a_channel() -> None:
    for reliable in (False, True):
        client, server = allocated(reliable=reliable)
        assert server.asked == [StunMethod.ALLOCATE] * 2, "the first without credentials"
        client.send(PEER, CHECK, 1.0)
        assert StunMessage.parse(client.out[0]).method == StunMethod.CREATE_PERMISSION
        server.serve(1.0)
        assert server.datagrams == [CHECK]
        client.send(PEER, CHECK, 2.0)
        server.serve(2.0)
        assert StunMethod.CHANNEL_BIND not in server.asked
        client.send(PEER, MEDIA, 3.0)
        server.serve(3.0)
        client.send(PEER, MEDIA, 3.1)
        (data,) = client.out
        padding = b"\0\0" if reliable else b""
        assert data == b"\x40\x00\x00\x06" + MEDIA + padding, reliable
        assert client.receive(b"\x40\x00\x00\x02hi", 3.2) == (b"hi", PEER)


def test_everything_is_renewed_in_time_and_only_while_it_is_used() -> None:
    client, server = allocated()
    client.send(PEER, MEDIA, 0.0)
    server.serve(0.0)
    server.asked.clear()
    run(client, server, 0.0, 600.0)
    assert server.asked.count(StunMethod.REFRESH) == 1
    assert server.asked.count(StunMethod.CREATE_PERMISSION) == 2
    assert server.asked.count(StunMethod.CHANNEL_BIND) == 1
    server.asked.clear()
    run(client, server, 600.0, 3600.0)
    assert set(server.asked) == {StunMethod.REFRESH}, "nobody has used the rest"
    client.close(3600.0)
    assert StunMessage.parse(client.out[0]).get_uint32(Attribute.LIFETIME) == 0
    assert client.next_timer() == float("inf")


def test_a_nonce_may_become_stale_but_not_for_ever() -> None:
    client, server = allocated()
    server.nonce = b"two"
    client.send(PEER, CHECK, 1.0)
    server.serve(1.0)
    assert server.datagrams == [CHECK]
    assert not client.events
    client = new_client()
    fickle = Server(client)
    client.start(0.0)
    for number in range(20):
        fickle.nonce = b"nonce %d" % number
        out, client.out = client.out, []
        for data in out:
            message = StunMessage.parse(data)
            fickle.nonce += b"!"
            client.receive(fickle.answer(message, StunMethod.ALLOCATE), 0.0)
    assert [type(event) for event in client.events] == [AllocationFailed]


def test_what_a_server_may_answer_to_an_allocation() -> None:
    for code, kind in ((300, TryAlternate), (403, AllocationFailed), (486, AllocationFailed)):
        client = new_client()
        server = Server(client)
        server.refuses = {StunMethod.ALLOCATE: code}
        client.start(0.0)
        server.serve(0.0)
        assert [type(event) for event in client.events] == [kind], code
        assert client.next_timer() == float("inf"), code
    client = new_client()
    client.start(0.0)
    run(client, None, 0.0, 60.0)
    assert list(client.events) == [AllocationFailed("the TURN server does not answer")]
    assert 3 < len(client.out) < 10


def test_a_refused_peer_costs_that_peer_alone() -> None:
    client, server = allocated()
    server.refuses = {StunMethod.CREATE_PERMISSION: 403}
    client.send(PEER, CHECK, 1.0)
    server.serve(1.0)
    client.send(PEER, CHECK, 1.1)
    assert not client.out
    assert client.stats.dropped_limit == 2
    server.refuses = {StunMethod.CHANNEL_BIND: 400}
    other = ("203.0.113.6", 1)
    for _ in range(3):
        client.send(other, MEDIA, 2.0)
        server.serve(2.0)
    assert server.datagrams == [MEDIA] * 3, "in indications, as there is no channel"
    for number in range(200):
        client.send((f"198.51.100.{number}", 1), CHECK, 3.0)
    assert len(client.out) < 64


def test_what_is_forged_is_counted_and_changes_nothing() -> None:
    client, server = allocated()
    client.send(PEER, CHECK, 1.0)
    request = StunMessage.parse(client.out[0])
    forged = request.respond(StunClass.SUCCESS)
    assert client.receive(forged.serialize(b"wrong key"), 1.0) is None
    assert client.receive(forged.serialize(None), 1.0) is None
    assert client.stats.dropped_unauthenticated == 2
    assert client.receive(b"\x41\x23\x00\x04data", 1.0) is None
    stranger = StunMessage(StunMethod.DATA, StunClass.INDICATION, bytes(12))
    stranger.add_address(Attribute.XOR_PEER_ADDRESS, ("203.0.113.99", 5))
    stranger.add(Attribute.DATA, b"hello")
    assert client.receive(stranger.serialize(), 1.0) is None
    unasked = StunMessage(StunMethod.ALLOCATE, StunClass.SUCCESS, bytes(12))
    assert client.receive(unasked.serialize(KEY), 1.0) is None
    assert client.stats.dropped_stale == 3
    server.serve(1.0)
    assert server.datagrams == [CHECK], "the true answer counts"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=80), st.integers(0, 5), st.binary(max_size=4))
def test_any_message_is_taken_or_counted(data: bytes, where: int, patch: bytes) -> None:
    client, server = allocated()
    client.send(PEER, MEDIA, 1.0)
    request = StunMessage.parse(client.out[0])
    genuine = bytearray(server.answer(request, StunMethod.CREATE_PERMISSION))
    genuine[where * 4 : where * 4 + len(patch)] = patch
    for each in (data, bytes(genuine), b"\x40\x00" + data):
        client.receive(each, 1.0)
        client.handle_timer(1.0)
    assert client.next_timer() > 1.0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.data())
def test_messages_come_out_of_a_stream_however_it_is_cut(
    bodies: list[bytes], data: st.DataObject
) -> None:
    turn = [
        b"\x40\x01" + len(body).to_bytes(2, "big") + body + bytes(-len(body) & 3)
        if index % 2
        else StunMessage(StunMethod.SEND, StunClass.INDICATION, bytes(12)).serialize()
        for index, body in enumerate(bodies)
    ]
    for reader, stream, expected in (
        (FrameReader(), b"".join(map(frame, bodies)), bodies),
        (TurnReader(), b"".join(turn), turn),
    ):
        found: list[bytes] = []
        while stream:
            size = data.draw(st.integers(1, len(stream)))
            found += reader.feed(stream[:size])
            stream = stream[size:]
        if isinstance(reader, TurnReader):
            found = [each + bytes(-len(each) & 3) for each in found]
        assert found == expected


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=5))
def test_a_stream_of_anything_is_read_or_refused(pieces: list[bytes]) -> None:
    reader, total = FrameReader(), 0
    for piece in pieces:
        total += sum(len(each) for each in reader.feed(piece))
    assert total <= sum(map(len, pieces))
    turn = TurnReader()
    try:
        for piece in pieces:
            turn.feed(piece)
    except RemoteProtocolError:
        pass
