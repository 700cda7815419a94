"""One peer connection of a participant, with its driver.

What happens on it is handed on to the participant, whose code may fail without touching anybody
else: an unexpected error closes that participant and is logged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import trio

from lktrio.devserver.codecs import OFFERED_CODECS
from lktrio.devserver.ice_tcp import IceTcpPort
from lktrio.devserver.svc import DEPENDENCY_DESCRIPTOR_URI
from lktrio.errors import LocalProtocolError
from lktrio.net import IcePolicy
from lktrio.net.driver import PeerDriver
from lktrio.net.network import Network
from lktrio.rtc.capabilities import CodecCapability, MediaCapabilities
from lktrio.rtc.datachannel import DataChannel
from lktrio.rtc.dtls import Certificate
from lktrio.rtc.peer import Peer, PeerConfig, PeerEvent
from lktrio.rtc.sctp import SctpOptions
from lktrio.rtc.transport import TransportOptions, TransportState

__all__ = ["DATA_TRACKS", "LOSSY", "RELIABLE", "MediaConnection", "capabilities"]

RELIABLE, LOSSY, DATA_TRACKS = "_reliable", "_lossy", "_data_track"
"""Labels of the data channels; a client may open others, and send on them."""

_MAX_MESSAGE = 65_535  # bytes of a data channel message, as LiveKit's server has it
MAX_BACKLOG = 16 * 1024 * 1024
"""Bytes that may wait on a reliable channel; a receiver that lags so far is given up."""
LOSSY_BACKLOG = 64 * 1024
"""Bytes that may wait on a lossy channel; what comes on top is dropped."""
_DATA_TRACKS_BACKLOG = 4 * 1024 * 1024  # of which frames may have half each
_BACKLOGS = {RELIABLE: MAX_BACKLOG, LOSSY: LOSSY_BACKLOG, DATA_TRACKS: _DATA_TRACKS_BACKLOG}

_log = logging.getLogger("lktrio.devserver")

_DESCRIPTOR_ID = 7  # of that header extension in offers; the core has those before
_VIDEO_FEEDBACK = ("goog-remb", "transport-cc", "ccm fir", "nack", "nack pli")
_PASSED_THROUGH = (
    CodecCapability(
        "video/VP9",
        98,
        90_000,
        parameters=(("profile-id", "0"),),
        feedback=_VIDEO_FEEDBACK,
        rtx_payload_type=99,
    ),
    CodecCapability("video/AV1", 35, 90_000, feedback=_VIDEO_FEEDBACK, rtx_payload_type=36),
)
"""Codecs that the server forwards and the core cannot put together."""
_G711 = (CodecCapability("audio/PCMU", 0, 8000), CodecCapability("audio/PCMA", 8, 8000))


def capabilities() -> MediaCapabilities:
    """What a peer connection negotiates."""
    basic = MediaCapabilities()
    audio = (*basic.audio_codecs, *_G711)
    video = (*basic.video_codecs, *_PASSED_THROUGH)
    return MediaCapabilities(
        audio_codecs=tuple(codec for codec in audio if codec.mime in OFFERED_CODECS),
        video_codecs=tuple(codec for codec in video if codec.mime in OFFERED_CODECS),
        video_extensions=(*basic.video_extensions, DEPENDENCY_DESCRIPTOR_URI),
        extension_ids={**basic.extension_ids, DEPENDENCY_DESCRIPTOR_URI: _DESCRIPTOR_ID},
    )


class MediaConnection:
    """A peer connection with its sockets.

    Args:
        name: For the log.
        network: Where to open sockets.
        addresses: On which of its addresses.
        handle_event: Takes the peer's events.
        fail: Called when handling something raised what it should not.
        ice_lite: Whether to leave connectivity checks to the client.
        ice_tcp: Where clients connect by TCP, if they may.

    Attributes:
        random: Source of randomness.
    """

    def __init__(
        self,
        name: str,
        network: Network,
        addresses: Sequence[str],
        handle_event: Callable[[MediaConnection, PeerEvent], None],
        fail: Callable[[], None],
        *,
        ice_lite: bool,
        ice_tcp: IceTcpPort | None,
    ) -> None:
        self.name = name
        self.random = network.random_bytes
        self._channels: dict[str, DataChannel] = {}
        self.connected_once = False
        self._handle_event = handle_event
        self._fail = fail
        now = network.wall_time()
        self.peer = Peer(
            PeerConfig(
                capabilities=capabilities(),
                transport=TransportOptions(
                    ice_lite=ice_lite, sctp=SctpOptions(max_message_size=_MAX_MESSAGE)
                ),
            ),
            certificate=Certificate.generate(
                datetime.fromtimestamp(now, UTC), random=network.random_bytes
            ),
            random=network.random_bytes,
            ntp_offset=now - trio.current_time(),
        )
        self._addresses = addresses
        policy = IcePolicy(tcp=False)  # clients connect, the server never does
        listening = () if ice_tcp is None else ice_tcp.addresses
        self.driver = PeerDriver(
            self.peer, self._on_event, addresses, network, policy, listening=listening
        )
        self._ice_tcp = ice_tcp

    @property
    def state(self) -> TransportState:
        """State of the transport."""
        return self.peer.state

    def _on_event(self, event: PeerEvent) -> None:
        try:
            self._handle_event(self, event)
        except Exception:  # noqa: BLE001 - logged; the others go on
            _log.exception("%s: %s could not be handled", self.name, type(event).__name__)
            self._fail()

    def flush(self) -> None:
        """Bring what was asked of the peer onto the wire; nothing once it is closed."""
        if not self.driver.local_addresses:
            return
        try:
            self.driver.flush()
        except Exception:  # noqa: BLE001 - logged; the others go on
            _log.exception("%s: the peer connection broke down", self.name)
            self._fail()

    def drop(self) -> None:
        """Let nothing pass any more, and do not say so."""
        self.driver.set_addresses(())

    def restore(self) -> None:
        """Let packets pass again, if they do not, on sockets that the client has yet to find."""
        self.driver.set_addresses(self._addresses)

    def create_channels(self) -> None:
        """Open the three channels, where the server offers."""
        self.peer.create_data_channel(RELIABLE)
        self.peer.create_data_channel(LOSSY, ordered=False, max_retransmits=0)
        self.peer.create_data_channel(DATA_TRACKS, ordered=False, max_retransmits=0)

    def keep_channel(self, channel: DataChannel) -> None:
        """Note a channel that opened; those of the client's own are only received from."""
        if channel.label in (RELIABLE, LOSSY, DATA_TRACKS):
            self._channels[channel.label] = channel

    def open_channel(self, label: str) -> DataChannel | None:
        """The open data channel of that label."""
        channel = self._channels.get(label)
        return channel if channel is not None and channel.state == "open" else None

    def send_data(self, label: str, data: bytes) -> bool:
        """Send a message on a channel; False if a reliable one cannot take it any more."""
        channel = self.open_channel(label)
        if channel is None:
            return True
        if channel.buffered_amount + len(data) > _BACKLOGS[label]:
            return label != RELIABLE
        try:
            channel.send(data, trio.current_time())
        except LocalProtocolError as error:
            _log.debug("%s: a message was not sent: %s", self.name, error)
        return True

    async def run(self) -> None:
        """Serve the peer connection until cancelled."""
        if self._ice_tcp is None:
            await self.driver.run()
        else:
            with self._ice_tcp.accepting_for(self.driver):
                await self.driver.run()
