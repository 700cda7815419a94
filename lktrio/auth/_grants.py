"""The grant families of an access token (LiveKit ``auth/grants.go``).

A field that is None or empty is not written. That matters for the grants with a default of their
own: leaving ``can_publish`` out allows publishing, False forbids it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from lktrio.errors import Malformed

if TYPE_CHECKING:
    from lktrio import proto

__all__ = [
    "AgentEndpointGrants",
    "AgentGrants",
    "AgentThreadGrants",
    "Grants",
    "InferenceGrants",
    "ObservabilityGrants",
    "SIPGrants",
    "VideoGrants",
]

GrantsT = TypeVar("GrantsT", bound="Grants")

_TYPES = {"bool | None": bool, "str": str, "Sequence[str]": tuple}
_FIELDS: dict[type[Grants], tuple[tuple[str, str, type], ...]] = {}
_NONE: dict[type[Grants], Grants] = {}
_DEFAULTS: dict[type, Any] = {bool: None, str: "", tuple: ()}
_TYPE_NAMES = {bool: "true or false", str: "a string", tuple: "a list of strings"}


def camel_case(name: str) -> str:
    """``room_join`` as it is called in claims: ``roomJoin``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _fields(cls: type[Grants]) -> tuple[tuple[str, str, type], ...]:
    """Attribute name, claim name and JSON type of each field."""
    found = _FIELDS.get(cls)
    if found is None:
        found = _FIELDS[cls] = tuple(
            (field.name, camel_case(field.name), _TYPES[str(field.type)])
            for field in dataclasses.fields(cls)
        )
    return found


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Grants:
    """What the grant families have in common."""

    def __post_init__(self) -> None:
        for name, _, kind in _fields(type(self)):
            value: object = getattr(self, name)
            if kind is tuple:
                object.__setattr__(self, name, _strings(f"{type(self).__name__}.{name}", value))
            elif value is not _DEFAULTS[kind] and type(value) is not kind:
                wanted, found = kind.__name__, type(value).__name__
                raise TypeError(f"{type(self).__name__}.{name} must be a {wanted}, not {found}")

    def __repr__(self) -> str:
        values = [(name, getattr(self, name)) for name, _, _ in _fields(type(self))]
        shown = [f"{name}={value!r}" for name, value in values if value not in (None, "", ())]
        return f"{type(self).__name__}({', '.join(shown)})"

    def to_claims(self) -> dict[str, Any]:
        """The grants that are set, under their names in the token."""
        claims: dict[str, Any] = {}
        for name, claim, kind in _fields(type(self)):
            value = getattr(self, name)
            if value is not None and value not in ("", ()):
                claims[claim] = list(value) if kind is tuple else value
        return claims

    @classmethod
    def from_claims(cls, claims: object) -> Self:
        """The grants in a JSON object of a token; names it does not know are skipped.

        Raises:
            Malformed: It is not an object, or a grant has a value of the wrong type.
        """
        if not isinstance(claims, dict):
            raise Malformed(f"the {cls.__name__} of a token must be a JSON object")
        found = cast("dict[str, object]", claims)
        grants = object.__new__(cls)  # what __post_init__ checks has been checked here
        for name, claim, kind in _fields(cls):
            value = found.get(claim)
            if value is None:
                value = _DEFAULTS[kind]
            elif not _is(value, kind):
                raise Malformed(f"the grant {claim} of a token must be {_TYPE_NAMES[kind]}")
            elif kind is tuple:
                value = tuple(cast("list[str]", value))
            object.__setattr__(grants, name, value)
        return grants


def no_grants(cls: type[GrantsT]) -> GrantsT:
    """Grants of which none is set."""
    found = _NONE.get(cls)
    if found is None:
        found = _NONE[cls] = cls()
    return cast("GrantsT", found)


def _is(value: object, kind: type) -> bool:
    if kind is tuple:
        return isinstance(value, list) and are_strings(cast("list[object]", value))
    return type(value) is kind


def are_strings(values: Iterable[object]) -> bool:
    """Whether all values are strings."""
    return all(isinstance(value, str) for value in values)


def check_string_map(name: str, value: object) -> None:
    """Refuse what is no mapping of strings to strings.

    Raises:
        TypeError: It is none; the message calls it by its name.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} must be a mapping of strings, not {type(value).__name__}")
    for key, item in cast("Mapping[object, object]", value).items():
        for part in (key, item):
            if not isinstance(part, str):
                found = type(part).__name__
                raise TypeError(f"the names and values of {name} are strings, not {found}: {key!r}")


def _strings(name: str, value: object) -> tuple[str, ...]:
    if isinstance(value, str | bytes) or not isinstance(value, Sequence):
        raise TypeError(f"{name} must be a list of strings, not {type(value).__name__}")
    for item in cast("Sequence[object]", value):
        if not isinstance(item, str):
            raise TypeError(f"{name} must hold strings only, not {type(item).__name__}")
    return tuple(cast("Sequence[str]", value))


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VideoGrants(Grants):
    """What the holder may do with rooms. None is "not set", which is not the same as False."""

    room_create: bool | None = None
    """Create and delete rooms."""
    room_list: bool | None = None
    """List rooms."""
    room_record: bool | None = None
    """Start and manage egress."""
    room_admin: bool | None = None
    """Manage the room named in ``room``."""
    room_join: bool | None = None
    """Join the room named in ``room``."""
    room: str = ""
    """Name of the room that ``room_admin`` and ``room_join`` are about."""
    destination_room: str = ""
    """Room that participants may be forwarded or moved to."""
    can_publish: bool | None = None
    """Publish tracks; not set allows it."""
    can_subscribe: bool | None = None
    """Subscribe to tracks; not set allows it."""
    can_publish_data: bool | None = None
    """Send data; not set follows ``can_publish``."""
    can_publish_sources: Sequence[str] = ()
    """Sources that may be published: ``camera``, ``microphone``, ``screen_share``,
    ``screen_share_audio``. Empty allows any; otherwise it supersedes ``can_publish``."""
    can_update_own_metadata: bool | None = None
    """Change the own name, metadata and attributes; not set forbids it."""
    ingress_admin: bool | None = None
    """Manage ingress."""
    hidden: bool | None = None
    """Be invisible to other participants."""
    recorder: bool | None = None
    """Be a recorder."""
    agent: bool | None = None
    """Register as an agent worker."""
    can_subscribe_metrics: bool | None = None
    """Receive metrics of other participants; not set forbids it."""
    can_manage_agent_session: bool | None = None
    """Control an agent session; not set forbids it."""

    @property
    def may_publish(self) -> bool:
        """Whether tracks may be published, as the server decides it."""
        return self.can_publish is not False

    @property
    def may_subscribe(self) -> bool:
        """Whether tracks may be subscribed to, as the server decides it."""
        return self.can_subscribe is not False

    @property
    def may_publish_data(self) -> bool:
        """Whether data may be sent, as the server decides it."""
        return self.may_publish if self.can_publish_data is None else self.can_publish_data

    def may_publish_source(self, source: str) -> bool:
        """Whether tracks of a source such as ``"camera"`` may be published."""
        if not self.may_publish:
            return False
        allowed = [name.lower() for name in self.can_publish_sources]
        return not allowed or source.lower() in allowed

    def to_permission(self) -> proto.ParticipantPermission:
        """The permission that a participant with these grants has in the room."""
        from lktrio import proto

        sources = proto.TrackSource.__members__
        return proto.ParticipantPermission(
            can_subscribe=self.may_subscribe,
            can_publish=self.may_publish,
            can_publish_data=self.may_publish_data,
            can_publish_sources=[
                sources.get(name.upper(), proto.TrackSource.UNKNOWN)
                for name in self.can_publish_sources
            ],
            can_update_metadata=bool(self.can_update_own_metadata),
            hidden=bool(self.hidden),
            recorder=bool(self.recorder),
            agent=bool(self.agent),
            can_subscribe_metrics=bool(self.can_subscribe_metrics),
            can_manage_agent_session=bool(self.can_manage_agent_session),
        )

    def with_permission(self, permission: proto.ParticipantPermission) -> VideoGrants:
        """These grants, with everything that a permission decides set explicitly."""
        return dataclasses.replace(
            self,
            can_subscribe=permission.can_subscribe,
            can_publish=permission.can_publish,
            can_publish_data=permission.can_publish_data,
            can_publish_sources=[
                source.name.lower() for source in permission.can_publish_sources if source.name
            ],
            can_update_own_metadata=permission.can_update_metadata,
            hidden=permission.hidden,
            recorder=permission.recorder,
            agent=permission.agent,
            can_subscribe_metrics=permission.can_subscribe_metrics,
            can_manage_agent_session=permission.can_manage_agent_session,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SIPGrants(Grants):
    """What the holder may do with telephony."""

    admin: bool | None = None
    """Manage trunks, dispatch rules and phone numbers."""
    call: bool | None = None
    """Make and transfer calls."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AgentGrants(Grants):
    """What the holder may do with Cloud agents."""

    admin: bool | None = None
    """Create, update, deploy and delete agents."""
    simulation_admin: bool | None = None
    """Manage simulation runs and scenarios."""
    database_admin: bool | None = None
    """Manage the agents' databases."""
    dispatch_admin: bool | None = None
    """Manage the queue of agent dispatches."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AgentEndpointGrants(Grants):
    """Which HTTP endpoints of agents the holder may call."""

    call: bool | None = None
    """Call endpoints that are not public."""
    agent_name: str = ""
    """The one agent; empty is every agent."""
    deployment: str = ""
    """The one deployment; empty is every deployment."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class AgentThreadGrants(Grants):
    """Which conversation threads of agents the holder may use, and how."""

    all: bool | None = None
    """Every thread and scope of the project; the actions below still apply."""
    scope: str = ""
    """Where threads may be listed and created."""
    thread_ids: Sequence[str] = ()
    """Threads that may be read, written and deleted."""
    list: bool | None = None
    """List threads."""
    create: bool | None = None
    """Create threads."""
    write: bool | None = None
    """Write to threads."""
    read: bool | None = None
    """Read threads."""
    delete: bool | None = None
    """Delete threads."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class InferenceGrants(Grants):
    """What the holder may do with LiveKit Inference."""

    perform: bool | None = None
    """Use models."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ObservabilityGrants(Grants):
    """What the holder may do with observability data."""

    write: bool | None = None
    """Publish observability data."""
