"""ICE restarts of whole peers: media, data, keys and the SCTP association go on."""

from __future__ import annotations

from lktrio.rtc.base import Address
from lktrio.rtc.datachannel import DataChannelClosed, DataChannelMessage
from lktrio.rtc.transport import TransportState, TransportStateChanged
from lktrio.testing import LinkProfile
from tests.support.peer_call import Call

NEAR = LinkProfile(latency=0.02)
DEAD = LinkProfile(loss=1.0)


class Handshake:
    """Counts the datagrams of DTLS handshakes."""

    def __init__(self, call: Call) -> None:
        self.datagrams = 0
        call.network.watch(self._look)

    def _look(self, source: Address, destination: Address, data: bytes) -> None:
        self.datagrams += data[0] == 22  # the content type of a DTLS record (RFC 6347)

    def is_under_way(self) -> bool:
        return self.datagrams > 1


class Session:
    """A call that sends audio and a numbered message every 20 ms."""

    def __init__(self, *, lite: bool = False) -> None:
        self.call = Call(NEAR, lite=lite)
        self.section = self.call.publish("audio")
        self.channel = self.call.offerer.peer.create_data_channel("numbers")
        self.call.connect()
        assert self.call.network.run(5, until=lambda: self.channel.state == "open")
        self.call.network.run(1)
        self.sent = 0
        self.handshake = Handshake(self.call)

    def run(self, seconds: float) -> None:
        peer, network = self.call.offerer.peer, self.call.network
        stream = peer.outbound(self.section, "audio/opus")
        for _ in range(round(seconds / 0.02)):
            data = b"\x78" + self.sent.to_bytes(4, "big")
            peer.send_frame(stream, data, 960 * self.sent, network.now)
            self.channel.send(data, network.now)
            self.call.offerer.push()
            self.sent += 1
            network.run(0.02)

    def offer(self, *, ice_restart: bool = True) -> str:
        return self.call.offerer.peer.create_offer(self.call.network.now, ice_restart=ice_restart)

    def answer(self, offer: str) -> str:
        now = self.call.network.now
        self.call.answerer.peer.set_offer(offer, now)
        answer = self.call.answerer.peer.create_answer(now)
        self.call.answerer.push()
        return answer

    def accept(self, answer: str) -> None:
        self.call.offerer.peer.set_answer(answer, self.call.network.now)
        self.call.offerer.push()

    def states(self) -> list[list[str]]:
        """What was reported since the last call, of either side."""
        hosts = (self.call.offerer, self.call.answerer)
        told = [
            [e.state.value for e in h.events if isinstance(e, TransportStateChanged)] for h in hosts
        ]
        for host in hosts:
            host.events = [e for e in host.events if not isinstance(e, TransportStateChanged)]
        return told

    @property
    def numbers(self) -> list[int]:
        """The messages that arrived."""
        events = self.call.answerer.events
        data = [e.data for e in events if isinstance(e, DataChannelMessage)]
        return [int.from_bytes(each[1:], "big") for each in data]

    @property
    def frames(self) -> list[int]:
        """The frames that arrived."""
        (received,) = self.call.answerer.frames.values()
        return [int.from_bytes(frame.data[1:], "big") for frame in received]


def check_nothing_lost(session: Session, what: str) -> None:
    session.call.network.run(1)
    assert session.frames == list(range(session.sent)), what
    assert session.numbers == list(range(session.sent)), what
    assert session.states() == [["connecting", "connected"]] * 2, what


def test_nothing_is_lost_in_a_restart_however_long_the_descriptions_take() -> None:
    for lite in (False, True):
        for delay in (0.0, 0.1, 3.0):
            session = Session(lite=lite)
            session.run(0.5)
            offer = session.offer()
            session.run(delay)
            answer = session.answer(offer)
            session.run(delay)
            session.accept(answer)
            session.run(2)
            check_nothing_lost(session, f"{lite=} {delay=}")
            assert session.channel.state == "open"


def test_an_offer_replaces_one_whose_answer_got_lost() -> None:
    for lite in (False, True):
        for first in (False, True):
            for second in (False, True):
                for reached in (False, True):
                    what = f"{lite=} {first=} {second=} {reached=}"
                    session = Session(lite=lite)
                    lost = session.offer(ice_restart=first)
                    if reached:
                        session.answer(lost)
                    session.run(0.5)
                    added = session.call.offerer.peer.add_transceiver("audio", "recvonly")
                    answer = session.answer(session.offer(ice_restart=second))
                    session.run(0.1)
                    session.accept(answer)
                    session.run(1)
                    check_nothing_lost(session, what)
                    assert added.mid == "2", what
                    mids = [t.mid for t in session.call.answerer.peer.transceivers]
                    assert mids == ["0", "2"], what


def test_a_path_that_was_lost_for_long_comes_back_with_the_same_keys_and_channels() -> None:
    for lite in (False, True):
        for outage in (20.0, 60.0, 600.0):
            what = f"{lite=} {outage=}"
            session = Session(lite=lite)
            call = session.call
            session.run(0.5)
            call.network.run(1)
            session.states()
            call.network.profile = DEAD
            session.run(1)
            call.network.run(outage)
            assert session.states() == [["disconnected", "failed"]] * 2, what
            assert not call.offerer.peer.is_connected, what
            call.network.profile = NEAR
            session.accept(session.answer(session.offer()))
            assert call.network.run(1, until=call.is_connected), what
            session.run(1)
            call.network.run(2)
            assert session.states() == [["connected"]] * 2, what
            assert session.numbers == list(range(session.sent)), what
            assert session.frames[-50:] == list(range(session.sent - 50, session.sent)), what
            for host in (call.offerer, call.answerer):
                assert not any(isinstance(e, DataChannelClosed) for e in host.events), what
            assert session.handshake.datagrams == 0, what


def test_a_handshake_that_an_outage_interrupts_goes_on_after_a_restart() -> None:
    for lite in (False, True):
        for moves in (False, True):
            what = f"{lite=} {moves=}"
            call = Call(NEAR, lite=lite)
            call.publish("audio")
            handshake = Handshake(call)
            call.negotiate()
            assert call.network.run(5, until=handshake.is_under_way), what
            call.network.profile = DEAD
            call.network.run(60)
            assert call.offerer.peer.state is TransportState.FAILED, what
            if moves:
                call.offerer.move(("192.0.2.7", 1000))
            call.network.profile = NEAR
            call.negotiate(ice_restart=True)
            assert call.network.run(2, until=call.is_connected), what
            told = [e for e in call.offerer.events if isinstance(e, TransportStateChanged)]
            assert [e.state.value for e in told] == ["connecting", "failed", "connected"], what


def test_it_is_told_when_no_restart_helps_any_more() -> None:
    """The path is lost, and when it is back, the other side has forgotten the handshake."""
    call = Call(NEAR)
    call.publish("audio")
    call.network.set_link("192.0.2.2", "192.0.2.1", NEAR)
    call.negotiate()
    forget = call.answerer.peer.receive
    call.answerer.peer.receive = lambda batch, path, now: forget(  # type: ignore[method-assign]
        [(data, source) for data, source in batch if data[0] < 4], path, now
    )
    call.network.run(5)
    call.network.profile = DEAD
    call.network.set_link("192.0.2.2", "192.0.2.1", DEAD)
    call.network.run(60)
    call.network.profile = NEAR
    call.network.set_link("192.0.2.2", "192.0.2.1", NEAR)
    call.negotiate(ice_restart=True)
    call.network.run(40)
    told = [e for e in call.offerer.events if isinstance(e, TransportStateChanged)]
    assert [(e.state.value, e.cause) for e in told] == [
        ("connecting", ""),
        ("failed", "ice"),
        ("failed", "dtls"),
    ]
