"""aiortc's SCTP and data channels on one UDP port, without DTLS; run as a program by the tests.

Arguments: the UDP port of the other side, and the DTLS role to play (``client`` or ``server``).
Every message on a channel labelled ``echo*`` is sent back; one on ``sink*`` is answered with its
digest; on ``control`` the text ``open LABEL SIZE COUNT`` makes this side open a channel and send,
``close LABEL`` close one, ``stop`` abort the association.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from typing import Any

from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities, RTCSctpTransport


class PlainTransport(asyncio.DatagramProtocol):
    """What RTCSctpTransport needs of a DTLS transport, over bare UDP."""

    state = "connected"

    def __init__(self, role: str) -> None:
        self._role = role
        self._receiver: Any = None
        self._udp: Any = None
        self._inbox: asyncio.Queue[bytes] = asyncio.Queue()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._udp = transport

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._inbox.put_nowait(data)

    async def pump(self) -> None:
        """Hand over one datagram after the other, as DTLS would."""
        while True:
            data = await self._inbox.get()
            if self._receiver is not None:
                await self._receiver._handle_data(data)

    def _register_data_receiver(self, receiver: object) -> None:
        self._receiver = receiver

    def _unregister_data_receiver(self, receiver: object) -> None:
        self._receiver = None

    async def _send_data(self, data: bytes) -> None:
        self._udp.sendto(data)


class Peer:
    """Does what the channels' labels and the control messages say."""

    def __init__(self, sctp: Any) -> None:
        self.sctp = sctp
        self.channels: dict[str, Any] = {}
        sctp.on("datachannel", self.adopt)

    def adopt(self, channel: Any) -> None:
        self.channels[channel.label] = channel
        channel.on("message", lambda message: self.answer(channel, message))

    def answer(self, channel: Any, message: str | bytes) -> None:
        if channel.label.startswith("echo"):
            channel.send(message)
        elif channel.label.startswith("sink"):
            data = message.encode() if isinstance(message, str) else message
            channel.send(hashlib.sha256(data).hexdigest())
        elif channel.label == "control" and isinstance(message, str):
            getattr(self, "do_" + message.split()[0])(*message.split()[1:])

    def do_open(self, label: str, size: str, count: str) -> None:
        channel = RTCDataChannel(self.sctp, RTCDataChannelParameters(label=label))
        self.adopt(channel)

        @channel.on("open")  # type: ignore[untyped-decorator, unused-ignore] # pyee's decorator
        def opened() -> None:
            for n in range(int(count)):
                channel.send(bytes((n,)) * int(size))

    def do_close(self, label: str) -> None:
        self.channels[label].close()

    def do_stop(self) -> None:
        self.stopping = asyncio.ensure_future(self.sctp.stop())


async def main(port: int, role: str) -> None:
    loop = asyncio.get_running_loop()
    udp, transport = await loop.create_datagram_endpoint(
        lambda: PlainTransport(role), remote_addr=("127.0.0.1", port)
    )
    sctp = RTCSctpTransport(transport)  # type: ignore[arg-type, unused-ignore] # a stand-in
    Peer(sctp)
    udp.sendto(b"!")  # tells the other side our port
    await sctp.start(RTCSctpCapabilities(maxMessageSize=262144), 5000)
    pump = asyncio.ensure_future(transport.pump())
    await loop.run_in_executor(None, sys.stdin.read)  # until the other side closes it
    pump.cancel()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2]))
