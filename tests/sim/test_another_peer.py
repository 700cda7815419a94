"""Another host takes the peer's place, as when a session moves to another server."""

from __future__ import annotations

import pytest

from lktrio.errors import RemoteProtocolError
from lktrio.rtc.datachannel import DataChannelClosed, DataChannelMessage, DataChannelOpened
from lktrio.rtc.transceiver import Transceiver
from lktrio.rtc.transport import TransportState, TransportStateChanged
from lktrio.testing import LinkProfile
from tests.support.peer_call import Call, Host, opus_frames

NEAR = LinkProfile(latency=0.02)


class Migration:
    """A client with media both ways and a channel; a server, and another one."""

    def __init__(self, *, lite: bool = False) -> None:
        self.call = Call(NEAR, lite=lite)
        self.client, self.old = self.call.offerer, self.call.answerer
        self.sending = self.call.publish("audio")
        self.receiving = self.client.peer.add_transceiver("audio", "recvonly")
        self.channel = self.client.peer.create_data_channel("numbers")
        self.exchange(self.old)
        assert self.call.network.run(5, until=lambda: self.channel.state == "open")
        self.new = Host(self.call.network, ("192.0.2.3", 3000), 77, lite=lite)
        self.call.network.run(1)

    def exchange(self, server: Host, *, ice_restart: bool = False) -> None:
        now = self.call.network.now
        added = server.peer.set_offer(
            self.client.peer.create_offer(now, ice_restart=ice_restart), now
        )
        if added:
            added[1].direction = "sendonly"
            server.peer.set_local_track(added[1], "PA_x|TR_x", "TR_x")
        self.client.peer.set_answer(server.peer.create_answer(now), now)
        self.client.push()
        server.push()

    def speak(self, count: int) -> None:
        """The client sends frames, and a message with each."""
        stream = self.client.peer.outbound(self.sending, "audio/opus")
        for number, data in enumerate(opus_frames(count)):
            self.client.peer.send_frame(stream, data, 960 * number, self.call.network.now)
            self.channel.send(data, self.call.network.now)
            self.client.push()
            self.call.network.run(0.02)

    def hear(self, server: Host, count: int) -> int:
        """A server sends frames; how many arrive."""
        before = len(self.client.frames.get(self.receiving, []))
        section = server.peer.transceivers[1]
        stream = server.peer.outbound(section, "audio/opus")
        for number, data in enumerate(opus_frames(count)):
            server.peer.send_frame(stream, data, 960 * number, self.call.network.now)
            server.push()
            self.call.network.run(0.02)
        self.call.network.run(1)
        return len(self.client.frames[self.receiving]) - before

    def states(self) -> list[str]:
        events = self.client.events
        return [e.state.value for e in events if isinstance(e, TransportStateChanged)]


def messages(host: Host) -> list[bytes]:
    return [event.data for event in host.events if isinstance(event, DataChannelMessage)]


def frames(host: Host) -> int:
    return sum(map(len, host.frames.values()))


def test_the_session_goes_on_with_another_server() -> None:
    for lite in (False, True):
        for ice_restart in (False, True):
            for farewell in (False, True):
                what = f"{lite=} {ice_restart=} {farewell=}"
                session = Migration(lite=lite)
                session.speak(10)
                assert session.hear(session.old, 10) == 10, what
                track = session.sending.local_track
                assert track is not None
                if farewell:
                    session.old.peer.close(session.call.network.now)
                    session.old.push()
                    session.call.network.run(0.1)
                    assert session.client.peer.state is TransportState.CLOSED, what
                session.exchange(session.new, ice_restart=ice_restart)
                assert session.client.peer.state is TransportState.CONNECTING, what
                assert session.channel.state == "connecting", what
                network = session.call.network
                assert network.run(2, until=lambda: session.channel.state == "open"), what  # noqa: B023 - called at once
                session.speak(20)
                assert session.hear(session.new, 20) == 20, what
                assert messages(session.new) == opus_frames(20), what
                assert frames(session.new) == 20, what
                assert session.sending.local_track is track, what
                assert session.new.stream().ssrc == track.ssrc, what
                closed = ["closed"] if farewell else []
                expected = ["connecting", "connected", *closed, "connecting", "connected"]
                assert session.states() == expected, what
                opened = [e for e in session.client.events if isinstance(e, DataChannelOpened)]
                assert [event.channel for event in opened] == [session.channel] * 2, what
                assert (len(messages(session.old)), frames(session.old)) == (10, 10), what


def test_counters_go_on_growing() -> None:
    session = Migration()
    session.speak(10)
    before = session.client.peer.counters
    session.exchange(session.new, ice_restart=True)
    after = session.client.peer.counters
    assert before["sctp.messages_sent"] >= 10
    assert {name for name, count in before.items() if after[name] < count} == set()


def test_what_the_old_server_still_sends_changes_nothing() -> None:
    session = Migration()
    session.exchange(session.new, ice_restart=True)
    section: Transceiver = session.old.peer.transceivers[1]
    stream = session.old.peer.outbound(section, "audio/opus")
    for number, data in enumerate(opus_frames(20)):
        session.old.peer.send_frame(stream, data, 960 * number, session.call.network.now)
        session.old.push()
        session.call.network.run(0.02)
    assert session.client.frames == {}
    assert session.channel.state == "open"
    session.old.peer.close(session.call.network.now)
    session.old.push()
    session.call.network.run(1)
    assert session.client.peer.is_connected
    assert session.hear(session.new, 5) == 5


def test_channels_of_the_old_server_are_closed() -> None:
    session = Migration()
    theirs = session.old.peer.create_data_channel("theirs")
    session.old.push()
    assert session.call.network.run(1, until=lambda: theirs.state == "open")
    session.call.network.run(0.1)
    session.exchange(session.new, ice_restart=True)
    session.client.push()
    closed = [e.channel for e in session.client.events if isinstance(e, DataChannelClosed)]
    assert [channel.label for channel in closed] == ["theirs"]


def test_the_server_that_offers_may_be_another_one() -> None:
    call = Call(NEAR)
    client, old = call.answerer, call.offerer
    new = Host(call.network, ("192.0.2.3", 3000), 77)
    for number, server in enumerate((old, new)):
        section = server.peer.add_transceiver("audio", "sendonly")
        server.peer.set_local_track(section, "PA_x|TR_x", "TR_x")
        channel = server.peer.create_data_channel("numbers")
        now = call.network.now
        client.peer.set_offer(server.peer.create_offer(now), now)
        server.peer.set_answer(client.peer.create_answer(now), now)
        server.push()
        client.push()
        assert call.network.run(5, until=lambda: channel.state == "open")  # noqa: B023 - called at once
        stream = server.peer.outbound(section, "audio/opus")
        for index, data in enumerate(opus_frames(10)):
            server.peer.send_frame(stream, data, 960 * index, call.network.now)
            channel.send(data, call.network.now)
            server.push()
            call.network.run(0.02)
        call.network.run(1)
        assert frames(client) == len(messages(client)) == 10 * (number + 1)


def test_another_certificate_without_other_credentials_is_refused() -> None:
    session = Migration()
    now = session.call.network.now
    session.old.peer.set_offer(session.client.peer.create_offer(now), now)
    answer = session.old.peer.create_answer(now)
    with pytest.raises(RemoteProtocolError, match="without an ICE restart"):
        session.client.peer.set_answer(answer.replace("sha-256 ", "sha-256 00:"), now)
    session.client.peer.set_answer(answer, now)
    session.speak(5)
    session.call.network.run(1)
    assert session.client.peer.is_connected
    assert len(messages(session.old)) == 5
