"""What a log makes of single datagrams."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from lktrio.rtc.base import Address
from lktrio.rtc.dtls import DtlsOptions, DtlsSecrets
from lktrio.rtc.packet_log import ConnectionBlocks, LogBlocks
from lktrio.rtc.srtp import EXPORTER_LABEL, SrtpKeys, SrtpProfile, SrtpSender
from tests.rtc.dtls.harness import Wire, connected_pair
from tests.support.pcapng import LoggedPacket, read_log

LOCAL, REMOTE = ("10.0.0.1", 1000), ("10.0.0.2", 2000)
RTP = struct.pack("!BBHII", 0x80, 111, 7, 960, 0x1234)
RTCP = struct.pack("!BBHIII", 0x80, 201, 1, 0x1234, 0, 0)[:8]


class Call:
    """A log of a connection whose client we are, and the ends whose datagrams it is given."""

    def __init__(self) -> None:
        found: list[DtlsSecrets] = []
        self.wire: Wire = connected_pair(DtlsOptions(key_log=found.append))
        (self.keys,) = [keys for keys in found if keys.is_client]
        self.log = LogBlocks("test")
        self.connection: ConnectionBlocks = self.log.open_connection("first")
        self.written = self.log.header + self.connection.begin()

    def secure(self) -> None:
        self.written += self.connection.secured(self.keys)

    def note(
        self,
        data: bytes,
        *,
        sent: bool = True,
        local: Address | int = LOCAL,
        remote: Address = REMOTE,
    ) -> LoggedPacket:
        """The last packet that is in the log for a datagram."""
        self.written += self.connection.datagrams(1e9, [(data, remote)], sent=sent, local=local)
        return read_log(self.written).packets[-1]

    def media(self, *, sent: bool) -> SrtpSender:
        """What protects media of one side."""
        assert self.keys.srtp_profile is not None
        profile = SrtpProfile(self.keys.srtp_profile)
        material = self.keys.secrets.export(EXPORTER_LABEL, profile.exporter_length)
        keys = SrtpKeys.from_exporter(profile, material, is_client=sent)[0]
        return SrtpSender(profile, keys.key, keys.salt)

    def application_data(self, content: bytes, *, sent: bool) -> bytes:
        end = self.wire.client if sent else self.wire.server
        end.send(content)
        (datagram,), end.out = end.out, []
        return datagram


SECURED = Call()
SECURED.secure()


def test_media_and_data_are_in_clear_once_there_are_keys() -> None:
    for sent in (True, False):
        call = Call()
        media = call.media(sent=sent)
        stream = media.stream(0x1234)
        packets = [stream.protect(RTP, b"sound %d" % number, number) for number in (7, 7)]
        early = call.note(packets[0], sent=sent)
        assert early.interface == "first"
        call.secure()
        for data, name, content in (
            (packets[0], b"rtp\0", RTP + b"sound 7"),
            (media.protect_rtcp(RTCP), b"rtcp", RTCP),
            (call.application_data(b"chunk", sent=sent), b"sctp", b"chunk"),
        ):
            found = call.note(data, sent=sent)
            assert (found.interface, found.sent, found.time) == ("first, decrypted", sent, 1e9)
            assert found.data.endswith(content), name
            assert name in found.data
            repeated = call.note(data, sent=sent)  # so nobody could have read it twice
            assert repeated.interface == "first", name
            assert repeated.data.endswith(data), name


def test_what_makes_no_sense_is_logged_as_it_came() -> None:
    call = Call()
    call.secure()
    record = call.application_data(b"chunk", sent=False)
    for data in (
        b"",
        b"\x80",
        b"\x80\xc8",
        RTP + bytes(40),
        b"\x17",
        record[:-1],
        record[:13] + bytes(len(record) - 13),
        b"\x40\x00",
        b"\x40\x00\xff\xff",
        b"\x40\x00\x00\x00",
        b"\xff" * 65_535,
    ):
        found = call.note(data, sent=False)
        assert found.interface == "first", data[:20]
        assert found.data.endswith(data[:65_507]), data[:20]


@given(st.binary(max_size=80), st.binary(max_size=3), st.booleans(), st.booleans())
def test_whatever_comes_is_logged(data: bytes, first: bytes, relayed: bool, sent: bool) -> None:
    heads = (b"\x80", b"\x80\xc8", b"\x17\xfe\xfd\x00\x01", first)
    for head in heads:
        datagram = head + data
        if relayed:
            datagram = struct.pack("!HH", 0x4000, len(datagram)) + datagram
        found = SECURED.note(datagram, sent=sent)
        assert found.data.endswith(datagram)


def test_relayed_media_is_unwrapped() -> None:
    call = Call()
    call.secure()
    packet = call.media(sent=True).stream(0x1234).protect(RTP, b"sound", 7)
    wrapped = struct.pack("!HH", 0x4001, len(packet)) + packet + bytes(-len(packet) % 4)
    found = call.note(wrapped)
    assert found.interface == "first, decrypted"
    assert found.comment == "relayed by channel 0x4001"
    assert found.data.endswith(RTP + b"sound")


def test_addresses_of_both_families_are_written() -> None:
    call = Call()
    first, second = ("fe80::1%eth0", 1), ("fe80::1%eth0", 2)
    found = call.note(b"\0\1" + bytes(18), local=first, remote=second)
    assert found.data[0] >> 4 == 6
    pseudo = found.data[8:40] + struct.pack("!II", len(found.data) - 40, 17)
    assert int.from_bytes(pseudo + found.data[40:], "big") % 0xFFFF == 0
    mixed = call.note(b"\0\1" + bytes(18), local=first)
    assert mixed.data[24:40] == bytes(10) + b"\xff\xff" + bytes((10, 0, 0, 2))
    call.secure()
    packet = call.media(sent=True).stream(0x1234).protect(RTP, b"sound", 7)
    clear = call.note(packet, local=first, remote=second)
    assert struct.pack("!HH", 22, 16) + found.data[8:24] in clear.data
