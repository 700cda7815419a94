"""``lktrio token create`` makes the token that its options describe, and prints nothing else."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from lktrio.auth import verify_token
from tests.cli.shell import Shell
from tests.support.cases import each_case

KEY, SECRET = "a-key", "the-secret-of-the-key"
KEYS = ("--api-key", KEY, "--api-secret", SECRET)
JOIN = ("--join", "--room", "demo", "--identity", "bot")


@pytest.fixture
def shell(shell: Shell) -> Shell:
    shell.environment({"LIVEKIT_API_KEY": KEY, "LIVEKIT_API_SECRET": SECRET})
    return shell


def test_prints_a_token_and_nothing_else(shell: Shell) -> None:
    result = shell.succeed("token", "create", *JOIN)
    assert len(result.lines) == 1
    claims = verify_token(result.lines[0], (KEY, SECRET))
    assert claims.identity == "bot"
    assert claims.video.to_claims() == {"roomJoin": True, "room": "demo"}
    assert claims.raw.keys() == {"iss", "sub", "iat", "nbf", "exp", "video"}


def test_options_win_over_the_environment(shell: Shell) -> None:
    made = shell.succeed(
        "token", "create", *JOIN, "--api-key", "other", "--api-secret", "other-secret"
    )
    assert verify_token(made.lines[0], {"other": "other-secret"}).issuer == "other"


@each_case(
    "option, claim",
    [
        ("--create", "roomCreate"),
        ("--list", "roomList"),
        ("--join", "roomJoin"),
        ("--admin", "roomAdmin"),
        ("--egress", "roomRecord"),
        ("--ingress", "ingressAdmin"),
        ("--allow-update-metadata", "canUpdateOwnMetadata"),
    ],
)
def test_each_permission_is_one_grant(shell: Shell, option: str, claim: str) -> None:
    token = shell.succeed("token", "create", option, "-r", "demo", "-i", "bot").lines[0]
    assert verify_token(token).video.to_claims() == {claim: True, "room": "demo"}


def test_inference_is_a_grant_of_its_own(shell: Shell) -> None:
    token = shell.succeed("token", "create", "--inference", "-i", "bot").lines[0]
    assert verify_token(token).inference.to_claims() == {"perform": True}


def test_sources_are_separated_by_commas_or_repeated(shell: Shell) -> None:
    words = ("--allow-source", "camera,microphone", "--allow-source", "screen_share")
    token = shell.succeed("token", "create", *JOIN, *words).lines[0]
    assert verify_token(token).video.can_publish_sources == ("camera", "microphone", "screen_share")


def test_further_grants_are_merged_from_json(shell: Shell) -> None:
    grants = '{"canPublish": false, "hidden": true, "room": "other"}'
    video = verify_token(shell.succeed("token", "create", *JOIN, "--grant", grants).lines[0]).video
    assert (video.can_publish, video.hidden, video.room) == (False, True, "other")


def test_the_participant_is_described(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "attributes.json"
    file.write_text(json.dumps({"language": "fr", "seat": "4"}))
    words = ["--name", "The Bot", "--metadata", "{}", "--room-preset", "small"]
    words += ["--attribute", "language=en", "--attribute", "formula=a=b"]
    words += ["--attribute-file", str(file)]
    claims = verify_token(shell.succeed("token", "create", *JOIN, *words).lines[0])
    assert (claims.name, claims.metadata, claims.room_preset) == ("The Bot", "{}", "small")
    assert claims.attributes == {"language": "fr", "formula": "a=b", "seat": "4"}


def test_an_agent_is_sent_to_the_room(shell: Shell) -> None:
    words = ("--agent", "helper", "--job-metadata", "m", "--deployment", "staging")
    config = verify_token(shell.succeed("token", "create", *JOIN, *words).lines[0]).room_config
    assert config is not None
    (agent,) = config.agents
    assert (agent.agent_name, agent.metadata, agent.deployment) == ("helper", "m", "staging")


@each_case(
    "text, expected",
    [
        ("90s", timedelta(seconds=90)),
        ("5m", timedelta(minutes=5)),
        ("1h10m", timedelta(hours=1, minutes=10)),
        ("1.5h", timedelta(minutes=90)),
        ("2000ms", timedelta(seconds=2)),
    ],
)
def test_the_validity_is_written_as_in_livekits_tool(
    shell: Shell, text: str, expected: timedelta
) -> None:
    token = shell.succeed("token", "create", *JOIN, "--valid-for", text).lines[0]
    claims = verify_token(token)
    assert claims.issued_at is not None
    assert claims.expires_at - claims.issued_at == expected.total_seconds()


def test_a_token_is_valid_for_five_minutes_by_default(shell: Shell) -> None:
    claims = verify_token(shell.succeed("token", "create", *JOIN).lines[0])
    assert claims.issued_at is not None
    assert claims.expires_at - claims.issued_at == 300


def test_json_tells_what_is_in_the_token(shell: Shell) -> None:
    made = shell.succeed("token", "create", *JOIN, "-n", "Bot", "--json").json
    token = made.pop("access_token")
    assert made == {
        "identity": "bot",
        "name": "Bot",
        "room": "demo",
        "grants": {"video": {"roomJoin": True, "room": "demo"}},
        "valid_for": 300,
    }
    assert verify_token(token).identity == "bot"


def test_json_names_every_family_of_grants(shell: Shell) -> None:
    made = shell.succeed("token", "create", "--inference", "-i", "bot", "--json").json
    assert made["grants"] == {"video": {}, "inference": {"perform": True}}


@each_case(
    "words, complaint",
    [
        (("-r", "demo"), "grants nothing"),
        (("--join", "--room", "demo"), "--join needs --room and --identity"),
        (("--join", "--identity", "bot"), "--join needs --room and --identity"),
        ((*JOIN, "--allow-source", "radio"), "no source radio"),
        ((*JOIN, "--grant", "{"), "--grant is not JSON"),
        ((*JOIN, "--grant", "[]"), "--grant takes a JSON object"),
        ((*JOIN, "--grant", '{"canFly": true}'), "no grant canFly"),
        ((*JOIN, "--grant", '{"canPublish": "no"}'), "must be true or false"),
        ((*JOIN, "--valid-for", "5"), "is no time such as"),
        ((*JOIN, "--valid-for", "0s"), "at least one second"),
        ((*JOIN, "--attribute", "language"), "not of the form key=value"),
        ((*JOIN, "--colour", "red"), "unknown options: --colour"),
        ((*JOIN, "more"), "too many arguments"),
    ],
)
def test_wrong_options_are_explained_in_one_line(
    shell: Shell, words: tuple[str, ...], complaint: str
) -> None:
    result = shell("token", "create", *words)
    assert result.code == 2
    assert result.complaint.startswith("lktrio token create: ")
    assert complaint in result.complaint


def test_attributes_of_a_file_must_be_strings(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "attributes.json"
    for content in ('{"seat": 4}', "[]", "{"):
        file.write_text(content)
        result = shell("token", "create", *JOIN, "--attribute-file", str(file))
        assert result.code == 2
        assert str(file) in result.complaint


def test_a_missing_file_is_named(shell: Shell, tmp_path: Path) -> None:
    result = shell("token", "create", *JOIN, "--attribute-file", str(tmp_path / "none"))
    assert result.code == 1
    assert "none: No such file or directory" in result.complaint


def test_a_development_server_has_a_key_that_everybody_knows(shell: Shell) -> None:
    made = shell.succeed("token", "create", "--dev", *JOIN)
    assert verify_token(made.lines[0], ("devkey", "secret")).identity == "bot"
    assert "identity:" in shell.succeed("token", "verify", "--dev", made.lines[0]).out
    other = shell.succeed("token", "create", "--dev", *JOIN, "--api-secret", "mine")
    assert verify_token(other.lines[0], ("devkey", "mine")).identity == "bot"


def test_a_key_is_needed(shell: Shell) -> None:
    shell.environment({"LIVEKIT_API_SECRET": ""})
    result = shell("token", "create", *JOIN)
    assert result.code == 2
    assert "LIVEKIT_API_SECRET" in result.complaint
