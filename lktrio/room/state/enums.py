"""LiveKit's closed sets as enums of strings.

The names are LiveKit's, the values the same in lower case, so a member prints, compares and
serialises as a plain string. An argument may be such a string too: ``TrackSource("Microphone")``
finds the member in any case. Numbers that a newer server sends and we do not know become the
unknown member of their set.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "AgentState",
    "ConnectionQuality",
    "ConnectionState",
    "DataTrackFrameEncoding",
    "DataTrackSchemaEncoding",
    "DisconnectReason",
    "EncryptionType",
    "MessageForm",
    "ParticipantKind",
    "ParticipantState",
    "ReconnectKind",
    "SimulateScenario",
    "StreamState",
    "SubscriptionError",
    "TrackKind",
    "TrackSource",
    "VideoQuality",
]

N = TypeVar("N", bound=IntEnum)

_OTHER_NAMES = {
    "SE_UNKNOWN": "UNKNOWN",
    "SE_CODEC_UNSUPPORTED": "CODEC_UNSUPPORTED",
    "SE_TRACK_NOTFOUND": "TRACK_NOT_FOUND",
}
"""Names that are written otherwise in the protocol, and what we call them."""


class _ClosedSet(StrEnum):
    """What the sets have in common."""

    @classmethod
    def _missing_(cls, value: object) -> Self:
        for member in cls:
            if isinstance(value, str) and member.value == value.lower():
                return member
        raise ValueError(f"{value!r} is no {cls.__name__}; it is one of {', '.join(cls)}")


class _ProtocolSet(_ClosedSet):
    """A set that LiveKit's protocol has as numbers."""

    @classmethod
    def from_proto(cls, number: IntEnum) -> Self:
        """The member for one of the protocol's numbers; the unknown one if we do not know it."""
        name = number.name or ""  # numbers that the protocol did not have yet are without a name
        return cls.__members__.get(_OTHER_NAMES.get(name, name)) or cls._unknown()

    def to_proto(self, numbers: type[N]) -> N:
        """The number of a member in the protocol's enum.

        Args:
            numbers: The protocol's enum, such as ``proto.TrackSource``.

        Raises:
            ValueError: The protocol has none for it, as for most unknown members.
        """
        for number in numbers:
            if type(self).from_proto(number) is self:
                return number
        raise ValueError(f"the protocol has no number for {self!r}")

    @classmethod
    def _unknown(cls) -> Self:
        return cls("unknown")


class ConnectionState(_ClosedSet):
    """Where a room is in its life."""

    CONNECTING = "connecting"
    """Joining."""
    CONNECTED = "connected"
    """In the room."""
    RECONNECTING = "reconnecting"
    """In the room, but the link with the server is lost and being replaced."""
    DISCONNECTED = "disconnected"
    """Out of the room, for good."""


class ReconnectKind(_ClosedSet):
    """In which way a lost link with the server is replaced."""

    RESUME = "resume"
    """The session goes on: same participant, tracks and channels."""
    RESTART = "restart"
    """A new join takes its place: our SIDs change, and tracks are published again."""


class DataTrackFrameEncoding(_ClosedSet):
    """How the frames of a data track are encoded, where LiveKit has a number for it."""

    ROS1 = "ros1"
    """The serialisation of ROS 1."""
    CDR = "cdr"
    """Common Data Representation, as ROS 2 and DDS have it."""
    PROTOBUF = "protobuf"
    """Protocol Buffers."""
    FLATBUFFER = "flatbuffer"
    """FlatBuffers."""
    CBOR = "cbor"
    """Concise Binary Object Representation."""
    MSGPACK = "msgpack"
    """MessagePack."""
    JSON = "json"
    """JSON."""


class DataTrackSchemaEncoding(_ClosedSet):
    """In which language a schema is written, where LiveKit has a number for it."""

    PROTOBUF = "protobuf"
    """A descriptor of Protocol Buffers."""
    FLATBUFFER = "flatbuffer"
    """A schema of FlatBuffers."""
    ROS1_MSG = "ros1_msg"
    """A message definition of ROS 1."""
    ROS2_MSG = "ros2_msg"
    """A message definition of ROS 2."""
    ROS2_IDL = "ros2_idl"
    """An interface definition of ROS 2."""
    OMG_IDL = "omg_idl"
    """An interface definition of the OMG."""
    JSON_SCHEMA = "json_schema"
    """JSON Schema."""


class SimulateScenario(_ClosedSet):
    """What a server can be asked to do for tests (LiveKit's ``SimulateScenario``)."""

    SIGNAL_RECONNECT = "signal_reconnect"
    """The signalling breaks; this one is done on our side."""
    NODE_FAILURE = "node_failure"
    """The node is lost with the session: ends in a restart."""
    MIGRATION = "migration"
    """The session moves to another node."""
    SERVER_LEAVE = "server_leave"
    """The server sends us away for good."""
    LEAVE_REQUEST_FULL_RECONNECT = "leave_request_full_reconnect"
    """The server asks for a restart."""
    DISCONNECT_SIGNAL_ON_RESUME = "disconnect_signal_on_resume"
    """The next resume breaks after its answer."""
    DISCONNECT_SIGNAL_ON_RESUME_NO_MESSAGES = "disconnect_signal_on_resume_no_messages"
    """The next resume breaks before its answer."""
    SWITCH_CANDIDATE_PROTOCOL = "switch_candidate_protocol"
    """Media and data may go over ``"tcp"`` or ``"tls"`` (TURN) alone, until it is ``"udp"`` again;
    a resume follows, which looks for the other way."""
    SUBSCRIBER_BANDWIDTH = "subscriber_bandwidth"
    """The server sends us so many bits a second at most; 0 ends that."""
    SPEAKER_UPDATE = "speaker_update"
    """We are said to speak for so many seconds."""


class AgentState(_ClosedSet):
    """What an agent is doing (its attribute ``lk.agent.state``)."""

    INITIALIZING = "initializing"
    """It is not ready yet."""
    IDLE = "idle"
    """It waits, and does not listen."""
    LISTENING = "listening"
    """It listens."""
    THINKING = "thinking"
    """It works on an answer."""
    SPEAKING = "speaking"
    """It answers."""
    UNKNOWN = "unknown"
    """It does not say, or something that this version does not know."""


class MessageForm(_ClosedSet):
    """In which form a chat message or a transcription is sent."""

    STREAM = "stream"
    """As a text stream of the topic ``lk.chat`` or ``lk.transcription``, today's form."""
    PACKET = "packet"
    """As a packet of its own kind, the form of earlier days."""
    BOTH = "both"
    """As both, under the same id."""


class TrackKind(_ProtocolSet):
    """What a track carries (``TrackType``)."""

    AUDIO = "audio"
    """Sound."""
    VIDEO = "video"
    """Pictures."""
    DATA = "data"
    """Data."""
    UNKNOWN = "unknown"
    """Something that this version does not know."""


class TrackSource(_ProtocolSet):
    """Where the media of a track comes from (``TrackSource``)."""

    UNKNOWN = "unknown"
    """The publisher did not say, or something that this version does not know."""
    CAMERA = "camera"
    """A camera."""
    MICROPHONE = "microphone"
    """A microphone."""
    SCREEN_SHARE = "screen_share"
    """A shared screen or window."""
    SCREEN_SHARE_AUDIO = "screen_share_audio"
    """The sound of a shared screen."""


class ConnectionQuality(_ProtocolSet):
    """The server's judgement of somebody's connection (``ConnectionQuality``)."""

    POOR = "poor"
    """Losses that can be seen and heard."""
    GOOD = "good"
    """Some loss."""
    EXCELLENT = "excellent"
    """No loss worth mentioning."""
    LOST = "lost"
    """Nothing arrives."""
    UNKNOWN = "unknown"
    """Something that this version does not know."""


class DisconnectReason(_ProtocolSet):
    """Why somebody is no longer in the room (``DisconnectReason``)."""

    UNKNOWN_REASON = "unknown_reason"
    """Not told, or something that this version does not know."""
    CLIENT_INITIATED = "client_initiated"
    """It left."""
    DUPLICATE_IDENTITY = "duplicate_identity"
    """Somebody joined with the same identity."""
    SERVER_SHUTDOWN = "server_shutdown"
    """The server shuts down."""
    PARTICIPANT_REMOVED = "participant_removed"
    """Removed by the server API."""
    ROOM_DELETED = "room_deleted"
    """The room was deleted by the server API."""
    STATE_MISMATCH = "state_mismatch"
    """Client and server disagree about the session."""
    JOIN_FAILURE = "join_failure"
    """It could not join in full."""
    MIGRATION = "migration"
    """It goes on on another server."""
    SIGNAL_CLOSE = "signal_close"
    """Its signalling connection closed unexpectedly."""
    ROOM_CLOSED = "room_closed"
    """The room ended because all standard and SIP participants had left."""
    USER_UNAVAILABLE = "user_unavailable"
    """A SIP callee did not answer in time."""
    USER_REJECTED = "user_rejected"
    """A SIP callee rejected the call, or was busy."""
    SIP_TRUNK_FAILURE = "sip_trunk_failure"
    """The SIP protocol failed, or the other side answered unexpectedly."""
    CONNECTION_TIMEOUT = "connection_timeout"
    """The server saw nothing of it for too long."""
    MEDIA_FAILURE = "media_failure"
    """Its media connection failed or timed out."""
    AGENT_ERROR = "agent_error"
    """An agent failed."""

    @classmethod
    def _unknown(cls) -> Self:
        return cls("unknown_reason")


class ParticipantKind(_ProtocolSet):
    """What sort of participant somebody is (``ParticipantInfo.Kind``)."""

    STANDARD = "standard"
    """A person or a program."""
    INGRESS = "ingress"
    """A stream brought in by an ingress."""
    EGRESS = "egress"
    """A recorder of the server."""
    SIP = "sip"
    """A telephone."""
    AGENT = "agent"
    """An agent."""
    CONNECTOR = "connector"
    """A connector to another service."""
    BRIDGE = "bridge"
    """A bridge to another room or service."""
    UNKNOWN = "unknown"
    """Something that this version does not know."""


class ParticipantState(_ProtocolSet):
    """Where a participant is in its life (``ParticipantInfo.State``)."""

    JOINING = "joining"
    """Signalling is connected, the room not yet told."""
    JOINED = "joined"
    """In the room; its media connection is not up yet."""
    ACTIVE = "active"
    """Its media connection is up: it can send and receive."""
    DISCONNECTED = "disconnected"
    """Out of the room."""
    UNKNOWN = "unknown"
    """Something that this version does not know."""


class StreamState(_ProtocolSet):
    """Whether the server forwards a subscribed track (``StreamState``)."""

    ACTIVE = "active"
    """It does."""
    PAUSED = "paused"
    """It has paused it for lack of bandwidth."""
    UNKNOWN = "unknown"
    """Something that this version does not know."""


class SubscriptionError(_ProtocolSet):
    """Why the server could not subscribe us to a track (``SubscriptionError``)."""

    UNKNOWN = "unknown"
    """Not told, or something that this version does not know."""
    CODEC_UNSUPPORTED = "codec_unsupported"
    """It is sent with a codec that we did not offer."""
    TRACK_NOT_FOUND = "track_not_found"
    """There is no such track, or not any more."""


class VideoQuality(_ProtocolSet):
    """A layer of simulcast video, by its quality (``VideoQuality``)."""

    LOW = "low"
    """The smallest layer."""
    MEDIUM = "medium"
    """The middle one."""
    HIGH = "high"
    """The best one."""
    OFF = "off"
    """None."""
    UNKNOWN = "unknown"
    """Something that this version does not know."""


class EncryptionType(_ProtocolSet):
    """How media is encrypted from end to end (``Encryption.Type``)."""

    NONE = "none"
    """Not at all: the server can read it."""
    GCM = "gcm"
    """With AES in GCM, as LiveKit's SDKs do."""
    CUSTOM = "custom"
    """In a way of the application's own."""
    UNKNOWN = "unknown"
    """Something that this version does not know."""
