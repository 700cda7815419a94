"""Protocol messages and services that LiveKit's Python package leaves out, as descriptors.

`_generate` and the tests need them, nothing else does. A field is written ``name type number``; the
type may be prefixed with ``optional`` or ``repeated``, and ``map`` stands for ``map<string,
string>``. A file that the package gains later takes precedence.

The package has the messages of AgentDB, but not its service. That is in LiveKit's .proto file of
August 2026, along with older messages: times were numbers of seconds, and an export was a dump.
Here the service takes the package's messages, which are newer, under the names of its methods
then: no newer ones are published.
"""

# The descriptors are untyped.
# mypy: ignore-errors
# pyright: basic, reportMissingModuleSource=false

from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, empty_pb2
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto

__all__ = ["FILE_NAMES", "register"]

PACKAGE = "livekit"

DEPENDENCIES = {
    "livekit_phone_number.proto": ["google/protobuf/timestamp.proto", "livekit_models.proto"],
    "livekit_token_source.proto": ["livekit_room.proto"],
    "cloud_replay.proto": [
        "google/protobuf/empty.proto",
        "livekit_egress.proto",
        "livekit_models.proto",
    ],
    "livekit_agentdb_service.proto": ["livekit_agentdb.proto"],
}
FILE_NAMES = tuple(DEPENDENCIES)

ENUMS = {
    "livekit_phone_number.proto": {
        "PhoneNumberStatus": (
            "PHONE_NUMBER_STATUS_UNSPECIFIED",
            "PHONE_NUMBER_STATUS_ACTIVE",
            "PHONE_NUMBER_STATUS_PENDING",
            "PHONE_NUMBER_STATUS_RELEASED",
            "PHONE_NUMBER_STATUS_OFFLINE",
        ),
        "PhoneNumberType": (
            "PHONE_NUMBER_TYPE_UNKNOWN",
            "PHONE_NUMBER_TYPE_MOBILE",
            "PHONE_NUMBER_TYPE_LOCAL",
            "PHONE_NUMBER_TYPE_TOLL_FREE",
        ),
    },
}

MESSAGES = {
    "livekit_phone_number.proto": {
        "SearchPhoneNumbersRequest": """
            country_code string 1
            area_code optional string 2
            limit optional int32 3
            page_token optional TokenPagination 4""",
        "SearchPhoneNumbersResponse": """
            items repeated PhoneNumber 1
            next_page_token TokenPagination 2""",
        "PurchasePhoneNumberRequest": """
            phone_numbers repeated string 1
            sip_dispatch_rule_id optional string 2""",
        "PurchasePhoneNumberResponse": "phone_numbers repeated PhoneNumber 1",
        "ListPhoneNumbersRequest": """
            limit optional int32 1
            statuses repeated PhoneNumberStatus 2
            page_token optional TokenPagination 3
            sip_dispatch_rule_id optional string 4""",
        "ListPhoneNumbersResponse": """
            items repeated PhoneNumber 1
            next_page_token TokenPagination 2
            total_count int32 3
            offline_count int32 4""",
        "GetPhoneNumberRequest": """
            id optional string 1
            phone_number optional string 2""",
        "GetPhoneNumberResponse": "phone_number PhoneNumber 1",
        "UpdatePhoneNumberRequest": """
            id optional string 1
            phone_number optional string 2
            sip_dispatch_rule_id optional string 3""",
        "UpdatePhoneNumberResponse": "phone_number PhoneNumber 1",
        "ReleasePhoneNumbersRequest": """
            ids repeated string 1
            phone_numbers repeated string 2""",
        "ReleasePhoneNumbersResponse": "",
        "PhoneNumber": """
            id string 1
            e164_format string 2
            country_code string 3
            area_code string 4
            number_type PhoneNumberType 5
            locality string 6
            region string 7
            spam_score double 8
            created_at google.protobuf.Timestamp 9
            updated_at google.protobuf.Timestamp 10
            capabilities repeated string 11
            status PhoneNumberStatus 12
            assigned_at google.protobuf.Timestamp 13
            released_at google.protobuf.Timestamp 14
            sip_dispatch_rule_id string 15
            sip_dispatch_rule_ids repeated string 16""",
    },
    "livekit_token_source.proto": {
        "TokenSourceRequest": """
            room_name optional string 1
            participant_name optional string 2
            participant_identity optional string 3
            participant_metadata optional string 4
            participant_attributes map 5
            room_config optional RoomConfiguration 6""",
        "TokenSourceResponse": """
            server_url string 1
            participant_token string 2""",
    },
    "cloud_replay.proto": {
        "ListReplaysRequest": """
            room_name string 1
            page_token TokenPagination 2""",
        "ListReplaysResponse": """
            replays repeated ReplayInfo 1
            next_page_token TokenPagination 2""",
        "ReplayInfo": """
            replay_id string 1
            room_name string 2
            start_time int64 3
            duration_ms int64 4""",
        "PlaybackRequest": """
            replay_id string 1
            playback_room string 2
            seek_offset_ms int64 3""",
        "PlaybackResponse": "playback_id string 1",
        "SeekRequest": """
            playback_id string 1
            seek_offset_ms int64 2""",
        "ClosePlaybackRequest": "playback_id string 1",
        "DeleteReplayRequest": "replay_id string 1",
    },
}

AGENTDB = f"{PACKAGE}.AgentDB."
SERVICES = {
    "livekit_phone_number.proto": (
        "PhoneNumberService",
        {
            "SearchPhoneNumbers": ("SearchPhoneNumbersRequest", "SearchPhoneNumbersResponse"),
            "PurchasePhoneNumber": ("PurchasePhoneNumberRequest", "PurchasePhoneNumberResponse"),
            "ListPhoneNumbers": ("ListPhoneNumbersRequest", "ListPhoneNumbersResponse"),
            "GetPhoneNumber": ("GetPhoneNumberRequest", "GetPhoneNumberResponse"),
            "UpdatePhoneNumber": ("UpdatePhoneNumberRequest", "UpdatePhoneNumberResponse"),
            "ReleasePhoneNumbers": ("ReleasePhoneNumbersRequest", "ReleasePhoneNumbersResponse"),
        },
    ),
    "cloud_replay.proto": (
        "Replay",
        {
            "ListReplays": ("ListReplaysRequest", "ListReplaysResponse"),
            "Playback": ("PlaybackRequest", "PlaybackResponse"),
            "Seek": ("SeekRequest", "google.protobuf.Empty"),
            "Close": ("ClosePlaybackRequest", "google.protobuf.Empty"),
            "Export": ("ExportReplayRequest", "EgressInfo"),
            "DeleteReplay": ("DeleteReplayRequest", "google.protobuf.Empty"),
        },
    ),
    "livekit_agentdb_service.proto": (
        "AgentDBService",
        {
            "CreateDatabase": (f"{AGENTDB}CreateRequest", f"{AGENTDB}CreateResponse"),
            "GetDatabase": (f"{AGENTDB}GetRequest", f"{AGENTDB}AgentDatabase"),
            "ListDatabases": (f"{AGENTDB}ListRequest", f"{AGENTDB}ListResponse"),
            "DeleteDatabase": (f"{AGENTDB}DeleteRequest", f"{AGENTDB}DeleteResponse"),
            "DumpDatabase": (f"{AGENTDB}ExportRequest", f"{AGENTDB}ExportResponse"),
        },
    ),
}


def register(pool: descriptor_pool.DescriptorPool) -> None:
    """Add the files that the pool does not have yet."""
    pool.AddSerializedFile(empty_pb2.DESCRIPTOR.serialized_pb)
    for name in FILE_NAMES:
        try:
            pool.FindFileByName(name)
        except KeyError:
            pool.AddSerializedFile(_file(name).SerializeToString())


def _file(name: str) -> FileDescriptorProto:
    proto = FileDescriptorProto(
        name=name, package=PACKAGE, syntax="proto3", dependency=DEPENDENCIES[name]
    )
    for enum_name, values in ENUMS.get(name, {}).items():
        enum = proto.enum_type.add(name=enum_name)
        for number, value in enumerate(values):
            enum.value.add(name=value, number=number)
    enums = set(ENUMS.get(name, {}))
    for message_name, fields in MESSAGES.get(name, {}).items():
        message = proto.message_type.add(name=message_name)
        for line in fields.strip().splitlines():
            _add_field(message, line.split(), enums)
        for field in message.field:
            if field.proto3_optional:
                field.oneof_index = len(message.oneof_decl)
                message.oneof_decl.add(name=f"_{field.name}")
    if name in SERVICES:
        service_name, methods = SERVICES[name]
        service = proto.service.add(name=service_name)
        for method, (request, response) in methods.items():
            service.method.add(
                name=method, input_type=_absolute(request), output_type=_absolute(response)
            )
    return proto


def _add_field(message: descriptor_pb2.DescriptorProto, words: list[str], enums: set[str]) -> None:
    name, *modifiers, kind, number = words
    field = message.field.add(name=name, number=int(number))
    repeated = "repeated" in modifiers or kind == "map"
    field.label = (
        FieldDescriptorProto.LABEL_REPEATED if repeated else FieldDescriptorProto.LABEL_OPTIONAL
    )
    if "optional" in modifiers:
        field.proto3_optional = True
    if kind == "map":
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f"{_absolute(message.name)}.{_add_string_map_entry(message, name)}"
    elif kind in enums:
        field.type = FieldDescriptorProto.TYPE_ENUM
        field.type_name = _absolute(kind)
    elif kind[0].isupper() or "." in kind:
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = _absolute(kind)
    else:
        field.type = FieldDescriptorProto.Type.Value(f"TYPE_{kind.upper()}")


def _add_string_map_entry(message: descriptor_pb2.DescriptorProto, name: str) -> str:
    entry = message.nested_type.add(name=f"{name.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    for number, part in enumerate(("key", "value"), start=1):
        entry.field.add(
            name=part,
            number=number,
            type=FieldDescriptorProto.TYPE_STRING,
            label=FieldDescriptorProto.LABEL_OPTIONAL,
        )
    return entry.name


def _absolute(name: str) -> str:
    return f".{name}" if "." in name else f".{PACKAGE}.{name}"
