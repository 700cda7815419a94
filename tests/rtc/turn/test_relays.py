"""Several TURN servers at once, and servers that send us on to others."""

from __future__ import annotations

import random

from lktrio.rtc.base import Transmit
from lktrio.rtc.ice.stun import Attribute, StunClass, StunMessage
from lktrio.rtc.paths import CloseStream, Framing, OpenStream, path_numbers
from lktrio.rtc.relays import RelayFailed, Relays, TurnServer
from lktrio.rtc.turn import TurnCredentials

CREDENTIALS = TurnCredentials("me", "secret")
FIRST, SECOND, THIRD = (("192.0.2.1", 3478), ("192.0.2.2", 3478), ("192.0.2.3", 3478))
SOCKET = 0


def new_relays() -> Relays:
    return Relays(random.Random(1).randbytes, path_numbers())


def send_on(item: Transmit, target: tuple[str, int]) -> bytes:
    answer = StunMessage.parse(item[2]).respond(StunClass.ERROR)
    answer.add_error(300, "Try Alternate")
    answer.add_address(Attribute.ALTERNATE_SERVER, target)
    return answer.serialize()


def test_a_server_that_names_another_is_followed_twice_at_most() -> None:
    relays = new_relays()
    assert relays.add(TurnServer(FIRST, "udp", CREDENTIALS), SOCKET, 0.0)
    asked = []
    for target in (SECOND, THIRD, FIRST, SECOND):
        out = relays.wrap([], 0.0)
        for item in out:
            asked.append(item[:2])
            assert relays.receive(send_on(item, target), SOCKET, item[1], 0.0) is None
        relays.settle(0.0)
    assert asked == [(SOCKET, FIRST), (SOCKET, SECOND), (SOCKET, THIRD)]
    assert [type(event) for event in relays.events] == [RelayFailed] * 3
    assert not relays


def test_credentials_that_change_are_used_when_the_old_ones_are_refused() -> None:
    others = TurnCredentials("me, later", "secret")
    for transport in ("udp", "tcp"):
        for offered, expected in (((others,), others), ((others, CREDENTIALS), None), ((), None)):
            relays = new_relays()
            assert relays.add(TurnServer(FIRST, transport, CREDENTIALS), SOCKET, 0.0)
            open_streams(relays)
            for credentials in offered:
                again = TurnServer(FIRST, transport, credentials)
                assert not relays.add(again, SOCKET, 0.0), "it relays already"
            asked = [username(relays, refusal) for refusal in (401, 401)]
            assert asked == ["", "me"], transport
            relays.settle(1.0)
            open_streams(relays)
            assert [type(event) for event in relays.events] == [RelayFailed], transport
            assert bool(relays) is (expected is not None), (transport, offered)
            if expected is not None:
                asked = [username(relays, refusal) for refusal in (401, 401)]
                assert asked == ["", expected.username], transport


def open_streams(relays: Relays) -> None:
    streams, relays.streams = relays.streams, []
    for each in streams:
        if isinstance(each, OpenStream):
            relays.stream_opened(each.path, 0.0)


def username(relays: Relays, code: int) -> str:
    """Who asks for a relay now; that is refused."""
    ((path, address, data),) = relays.wrap([], 0.0)
    message = StunMessage.parse(data)
    answer = message.respond(StunClass.ERROR)
    answer.add_error(code, "no")
    answer.add(Attribute.REALM, b"example.org")
    answer.add(Attribute.NONCE, b"once")
    relays.receive(answer.serialize(), path, address, 0.0)
    return (message.get(Attribute.USERNAME) or b"").decode()


def test_a_socket_that_is_gone_is_not_asked_through_again() -> None:
    relays = new_relays()
    relays.add(TurnServer(FIRST, "udp", CREDENTIALS), SOCKET, 0.0)
    relays.add(TurnServer(FIRST, "udp", TurnCredentials("other", "x")), SOCKET, 0.0)
    relays.path_closed(SOCKET)
    relays.settle(0.0)
    assert not relays


def test_each_server_is_asked_once_over_a_way_of_its_own() -> None:
    relays = new_relays()
    for transport, name in (("udp", ""), ("tcp", ""), ("tls", "turn.example.org")):
        for expected in (True, False):
            server = TurnServer(FIRST, transport, CREDENTIALS, name)
            assert relays.add(server, SOCKET, 0.0) is expected, transport
    assert not relays.add(TurnServer(SECOND, "udp", CREDENTIALS), None, 0.0), "there is no socket"
    opened = [each for each in relays.streams if isinstance(each, OpenStream)]
    assert [each.tls for each in opened] == [None, "turn.example.org"]
    assert {each.framing for each in opened} == {Framing.TURN}
    assert [item[0] for item in relays.wrap([], 0.0)] == [SOCKET]
    for each in opened:
        relays.stream_opened(each.path, 0.0)
    assert {item[0] for item in relays.wrap([], 0.0)} == {each.path for each in opened}
    relays.streams.clear()
    for each in opened:
        relays.path_closed(each.path)
    relays.settle(0.0)
    assert relays.streams == [CloseStream(each.path) for each in opened]
    assert relays.add(TurnServer(FIRST, "tcp", CREDENTIALS), SOCKET, 0.0), "it was lost"
