"""``lktrio token``: making and verifying access tokens. No server is asked."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from datetime import timedelta
from typing import Any, cast

from lktrio.auth import AccessToken, Claims, InferenceGrants, VideoGrants, verify_token
from lktrio.auth._grants import camel_case
from lktrio.auth._keys import key_pair
from lktrio.auth._tokens import FAMILIES
from lktrio.cli.arguments import (
    CommandFailed,
    Group,
    UsageError,
    add_attributes,
    add_json,
    add_keys,
    comma_separated,
    duration,
    given_keys,
    read_attributes,
)
from lktrio.cli.output import Output, hide_secrets, timestamp
from lktrio.errors import Malformed

__all__ = ["configure", "create", "verify"]

DEFAULT_VALIDITY = timedelta(minutes=5)  # as in LiveKit's tool
SOURCES = ("camera", "microphone", "screen_share", "screen_share_audio")

_PERMISSIONS = {
    "create": ("room_create", "create and delete rooms"),
    "list": ("room_list", "list rooms"),
    "join": ("room_join", "join the room; needs --room and --identity"),
    "admin": ("room_admin", "manage the room; needs --room"),
    "egress": ("room_record", "record and stream rooms"),
    "ingress": ("ingress_admin", "manage ingress"),
    "allow_update_metadata": ("can_update_own_metadata", "change the own name and metadata"),
}
"""The options that grant something: the grant, and what it allows."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    group = Group(parser)
    _configure_create(group.add("create", create, "make an access token and print it"))
    parser = group.add("verify", verify, "verify an access token and show what it says")
    parser.add_argument("token", nargs="?", help="the token (default: read from standard input)")
    add_keys(parser)
    add_json(parser)


def _configure_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-r", "--room", default="", metavar="NAME", help="name of the room")
    parser.add_argument("-i", "--identity", default="", metavar="ID", help="who will hold it")
    parser.add_argument("-n", "--name", default="", help="display name")
    for option, (_, text) in _PERMISSIONS.items():
        parser.add_argument(f"--{option.replace('_', '-')}", action="store_true", help=text)
    parser.add_argument("--inference", action="store_true", help="use LiveKit Inference")
    parser.add_argument(
        "--allow-source",
        type=comma_separated,
        action="extend",
        default=[],
        metavar="SOURCES",
        help=f"publish nothing but these: {', '.join(SOURCES)}",
    )
    parser.add_argument(
        "--grant", metavar="JSON", help="further video grants, such as '{\"canPublish\": false}'"
    )
    parser.add_argument("--metadata", default="", help="metadata of the participant")
    add_attributes(parser, "attribute of the participant")
    parser.add_argument(
        "--valid-for",
        type=duration,
        default=DEFAULT_VALIDITY,
        metavar="TIME",
        help="how long, such as 90s, 5m or 1h10m (default: 5m)",
    )
    parser.add_argument("--agent", default="", metavar="NAME", help="agent to send to the room")
    parser.add_argument("-d", "--deployment", default="", help="deployment of the agent")
    parser.add_argument("--job-metadata", default="", help="metadata for the agent's job")
    parser.add_argument("--room-preset", default="", metavar="NAME", help="preset for the room")
    parser.add_argument("--token-only", action="store_true", help=argparse.SUPPRESS)  # always so
    add_keys(parser)
    add_json(parser)


def create(arguments: argparse.Namespace) -> int:
    """Make a token and print it."""
    video = _video_grants(arguments)
    if not (any(video.to_claims().keys() - {"room"}) or arguments.inference):
        raise UsageError("a token that grants nothing is of no use: add --join, --admin, ...")
    if arguments.join and not (arguments.room and arguments.identity):
        raise UsageError("--join needs --room and --identity")
    try:
        access = _access_token(arguments, video)
        token = access.to_jwt(*given_keys(arguments))
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from error
    if not arguments.json:
        print(token)
        return 0
    Output(as_json=True).value(
        {
            "access_token": token,
            "identity": access.identity,
            "name": access.name,
            "room": video.room,
            "grants": _grants(access),
            "valid_for": int(access.ttl.total_seconds()),
        }
    )
    return 0


def _grants(access: AccessToken) -> dict[str, Any]:
    families = {family: getattr(access, family) for family in FAMILIES}
    return {
        camel_case(family): grants.to_claims()
        for family, grants in families.items()
        if grants is not None
    }


def _access_token(arguments: argparse.Namespace, video: VideoGrants) -> AccessToken:
    agents: list[Any] = []
    if arguments.agent:
        from lktrio import proto

        agents = [
            proto.RoomAgentDispatch(
                agent_name=arguments.agent,
                metadata=arguments.job_metadata,
                deployment=arguments.deployment,
            )
        ]
    return AccessToken(
        identity=arguments.identity,
        name=arguments.name,
        ttl=arguments.valid_for,
        metadata=arguments.metadata,
        attributes=read_attributes(arguments.attribute, arguments.attribute_file),
        video=video,
        inference=InferenceGrants(perform=True) if arguments.inference else None,
        room_preset=arguments.room_preset,
        agents=agents,
    )


def _video_grants(arguments: argparse.Namespace) -> VideoGrants:
    unknown = set(arguments.allow_source) - set(SOURCES)
    if unknown:
        raise UsageError(f"there is no source {', '.join(unknown)}; it is {', '.join(SOURCES)}")
    claims: dict[str, Any] = {"room": arguments.room}
    if arguments.allow_source:
        claims["canPublishSources"] = arguments.allow_source
    for option, (grant, _) in _PERMISSIONS.items():
        if getattr(arguments, option):
            claims[camel_case(grant)] = True
    try:
        return VideoGrants.from_claims(claims | _read_grants(arguments.grant or "{}"))
    except Malformed as error:
        raise UsageError(f"--grant: {error}") from error


def _read_grants(text: str) -> dict[str, Any]:
    try:
        found: object = json.loads(text)
    except ValueError as error:
        raise UsageError(f"--grant is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UsageError('--grant takes a JSON object such as {"canPublish": false}')
    grants = cast("dict[str, object]", found)
    known = {camel_case(field.name) for field in dataclasses.fields(VideoGrants)}
    unknown = sorted(set(grants) - known)
    if unknown:
        raise UsageError(f"--grant: there is no grant {', '.join(unknown)}")
    return grants


def verify(arguments: argparse.Namespace) -> int:
    """Verify a token; what it says is printed only if it is true."""
    token = (arguments.token or sys.stdin.read()).strip().removeprefix("Bearer ").lstrip()
    if not token:
        raise CommandFailed("there is no token to verify")
    keys = None
    given = given_keys(arguments)
    if any(given):
        try:
            keys = key_pair(*given)
        except ValueError as error:
            raise UsageError(str(error)) from error
    claims = verify_token(token, keys)
    output = Output(as_json=arguments.json)
    if arguments.json:
        output.value(hide_secrets(dict(claims.raw)))
    else:
        output.fields(_fields(claims))
    return 0


def _fields(claims: Claims) -> list[tuple[str, object]]:
    fields: list[tuple[str, object]] = [
        ("identity", claims.identity),
        ("name", claims.name),
        ("kind", " ".join((claims.kind, *claims.kind_details))),
        ("metadata", claims.metadata),
        ("attributes", ", ".join(f"{key}={value}" for key, value in claims.attributes.items())),
        ("API key", claims.issuer),
        ("valid from", timestamp(claims.not_before or 0)),
        ("valid until", timestamp(claims.expires_at)),
    ]
    for family in FAMILIES:
        granted = getattr(claims, family).to_claims()
        text = ", ".join(f"{name}={_plain(value)}" for name, value in granted.items())
        fields.append((camel_case(family), text))
    fields.append(("roomPreset", claims.room_preset))
    if "roomConfig" in claims.raw:
        fields.append(("roomConfig", json.dumps(hide_secrets(claims.raw["roomConfig"]))))
    return fields


def _plain(value: object) -> str:
    """A grant as the token has it, without quotes."""
    return value if isinstance(value, str) else json.dumps(value)
