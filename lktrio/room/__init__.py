"""What a participant sees: room, participants, publications, tracks, data and events."""

from __future__ import annotations

from lktrio.room.channels.data_tracks import DataTrackChannel, DataTrackFrame
from lktrio.room.channels.events import Subscription
from lktrio.room.channels.media import MediaChannel
from lktrio.room.context import RoomContext, current_room
from lktrio.room.local_participant import LocalParticipant
from lktrio.room.opening import connect_room, open_room
from lktrio.room.options import IcePolicy, IceServer, ReconnectPolicy, RoomOptions, Timeouts
from lktrio.room.room import Room
from lktrio.room.rpc.codes import RpcErrorCode
from lktrio.room.rpc.invocation import RpcInvocation
from lktrio.room.rpc.methods import RpcCodec, RpcMethod
from lktrio.room.session.places import prepare_connection
from lktrio.room.state.agents import AgentAttributes
from lktrio.room.state.data import DataStats
from lktrio.room.state.data_schemas import DataTrackSchemaId
from lktrio.room.state.enums import (
    AgentState,
    ConnectionQuality,
    ConnectionState,
    DataTrackFrameEncoding,
    DataTrackSchemaEncoding,
    DisconnectReason,
    EncryptionType,
    MessageForm,
    ParticipantKind,
    ParticipantState,
    ReconnectKind,
    SimulateScenario,
    StreamState,
    SubscriptionError,
    TrackKind,
    TrackSource,
    VideoQuality,
)
from lktrio.room.state.local import LocalTrack, LocalTrackPublication
from lktrio.room.state.local_data_tracks import LocalDataTrack
from lktrio.room.state.media_path import MediaPath
from lktrio.room.state.messages import ChatMessage, TranscriptionSegment
from lktrio.room.state.participant import Participant, ParticipantPermissions
from lktrio.room.state.publication import TrackPublication
from lktrio.room.state.remote import RemoteParticipant, RemoteTrack, RemoteTrackPublication
from lktrio.room.state.remote_data_tracks import RemoteDataTrack
from lktrio.room.state.stats import AssociationStats, ConnectionStats, RoomStats
from lktrio.room.state.stream_stats import (
    InboundStreamStats,
    MediaStreamStats,
    OutboundStreamStats,
)
from lktrio.room.streams.info import ByteStreamInfo, StreamInfo, TextStreamInfo
from lktrio.room.streams.outgoing import ByteStreamWriter, TextStreamWriter
from lktrio.room.streams.progress import StreamProgress
from lktrio.room.streams.reader import ByteStreamReader, TextStreamReader
from lktrio.room.streams.serving import StreamChannel

__all__ = [
    "AgentAttributes",
    "AgentState",
    "AssociationStats",
    "ByteStreamInfo",
    "ByteStreamReader",
    "ByteStreamWriter",
    "ChatMessage",
    "ConnectionQuality",
    "ConnectionState",
    "ConnectionStats",
    "DataStats",
    "DataTrackChannel",
    "DataTrackFrame",
    "DataTrackFrameEncoding",
    "DataTrackSchemaEncoding",
    "DataTrackSchemaId",
    "DisconnectReason",
    "EncryptionType",
    "IcePolicy",
    "IceServer",
    "InboundStreamStats",
    "LocalDataTrack",
    "LocalParticipant",
    "LocalTrack",
    "LocalTrackPublication",
    "MediaChannel",
    "MediaPath",
    "MediaStreamStats",
    "MessageForm",
    "OutboundStreamStats",
    "Participant",
    "ParticipantKind",
    "ParticipantPermissions",
    "ParticipantState",
    "ReconnectKind",
    "ReconnectPolicy",
    "RemoteDataTrack",
    "RemoteParticipant",
    "RemoteTrack",
    "RemoteTrackPublication",
    "Room",
    "RoomContext",
    "RoomOptions",
    "RoomStats",
    "RpcCodec",
    "RpcErrorCode",
    "RpcInvocation",
    "RpcMethod",
    "SimulateScenario",
    "StreamChannel",
    "StreamInfo",
    "StreamProgress",
    "StreamState",
    "Subscription",
    "SubscriptionError",
    "TextStreamInfo",
    "TextStreamReader",
    "TextStreamWriter",
    "Timeouts",
    "TrackKind",
    "TrackPublication",
    "TrackSource",
    "TranscriptionSegment",
    "VideoQuality",
    "connect_room",
    "current_room",
    "open_room",
    "prepare_connection",
]
