"""``lktrio room`` does with a server's rooms what it says."""

from __future__ import annotations

import json

from lktrio import events, media
from lktrio.cli import build_parser
from lktrio.cli.arguments import given_keys
from lktrio.cli.running import server_url
from tests.cli.shell import Shell
from tests.support.cases import each_case
from tests.support.server_thread import ServerThread


def test_a_room_is_created_listed_changed_and_deleted(connected: Shell) -> None:
    words = ("--metadata", "first", "--empty-timeout", "60", "--max-participants", "3")
    made = connected.succeed("room", "create", "life", *words, "--json").json
    assert made["sid"].startswith("RM_")
    assert (made["name"], made["metadata"]) == ("life", "first")
    assert (made["emptyTimeout"], made["maxParticipants"]) == (60, 3)

    again = connected.succeed("room", "create", "life")
    assert again.out == f"life is there: {made['sid']}\n"

    changed = connected.succeed("room", "update", "life", "--metadata", "second")
    assert changed.out == "life is updated\n"
    (found,) = connected.succeed("room", "list", "life", "-j").json["rooms"]
    assert (found["sid"], found["metadata"]) == (made["sid"], "second")

    assert connected.succeed("room", "delete", "life").out == "life is deleted\n"
    assert connected.succeed("room", "list", "life", "--json").json["rooms"] == []


def test_a_list_is_a_table_with_a_line_for_each_room(connected: Shell) -> None:
    for name in ("table-1", "table-2"):
        connected.succeed("room", "create", name, "--metadata", "two words")
    result = connected.succeed("room", "list", "table-1", "table-2")
    header, *rows = result.lines
    assert header.split() == ["SID", "NAME", "PARTICIPANTS", "PUBLISHERS", "CREATED", "METADATA"]
    assert sorted(row.split()[1] for row in rows) == ["table-1", "table-2"]
    assert all(row.startswith("RM_") and row.endswith("two words") for row in rows)


def test_the_password_of_a_room_is_hidden(connected: Shell) -> None:
    made = connected.succeed("room", "create", "hidden", "--json").json
    assert made["turnPassword"] in ("", "***")


def test_participants_are_listed_and_shown(connected: Shell, livekit: ServerThread) -> None:
    with livekit.guest("alice", "people", can_update_own_metadata=True) as alice:
        alice.run(alice.room.local_participant.set_attributes, {"seat": "4"})
        (info,) = connected.succeed("room", "participants", "people", "-j").json["participants"]
        assert (info["identity"], info["state"]) == ("alice", "ACTIVE")
        _, row = connected.succeed("room", "participants", "people").lines
        assert row.split()[:4] == [info["sid"], "alice", "active", "standard"]
        assert connected.succeed("room", "participants", "list", "people").lines[1] == row
        for words in (
            ("people", "--identity", "alice"),
            ("get", "--room", "people", "alice"),
            ("get", "--room", "people", "-i", "alice"),
        ):
            one = connected.succeed("room", "participants", *words)
            assert f"sid:            {info['sid']}" in one.lines
            assert "attribute seat: 4" in one.lines
        nobody = connected("room", "participants", "get", "--room", "people")
        assert (nobody.code, "which participant?" in nobody.complaint) == (2, True)


def test_a_participant_is_changed(connected: Shell, livekit: ServerThread) -> None:
    with livekit.guest("alice", "changes") as alice:
        changed = alice.room.events(events.ParticipantPermissionsChanged)
        words = ("--name", "Alice", "--metadata", "m", "--attribute", "a=b", "--permissions")
        result = connected.succeed(
            "room", "update", "changes", "-i", "alice", *words, '{"canSubscribe": true}'
        )
        assert result.out == "alice in changes is updated\n"
        alice.run(changed.receive)
        local = alice.room.local_participant
        assert (local.name, local.metadata, dict(local.attributes)) == ("Alice", "m", {"a": "b"})
        assert (local.permissions.can_subscribe, local.permissions.can_publish) == (True, False)


def test_a_participant_is_changed_and_removed_as_with_livekits_tool(
    connected: Shell, livekit: ServerThread
) -> None:
    with livekit.guest("alice", "tool") as alice:
        words = ("--room", "tool", "alice")
        result = connected.succeed("room", "participants", "update", *words, "--metadata", "m")
        assert result.out == "alice in tool is updated\n"
        for action in ("move", "forward"):
            refused = connected(
                "room", "participants", action, *words, "--destination-room", "other"
            )
            assert refused.code == 1
            assert "not implemented" in refused.complaint  # that takes LiveKit Cloud
        removed = connected.succeed("room", "participants", "remove", *words)
        assert removed.out == "alice is removed from tool\n"
        assert alice.run(alice.room.wait_closed) == "participant_removed"


def test_a_participant_is_removed(connected: Shell, livekit: ServerThread) -> None:
    with livekit.guest("alice", "removal") as alice:
        result = connected.succeed("room", "remove", "--room", "removal", "alice")
        assert result.out == "alice is removed from removal\n"
        assert alice.run(alice.room.wait_closed) == "participant_removed"


def test_a_track_is_muted(connected: Shell, livekit: ServerThread) -> None:
    with livekit.guest("alice", "muting") as alice:
        changes = alice.room.events(events.TrackMuted)
        publishing = alice.room.local_participant.publish_track(media.OPUS)
        track = alice.run(publishing.__aenter__)
        words = ("--room", "muting", "--identity", "alice", track.sid)
        for option in ((), ("--mute",)):
            muted = connected.succeed("room", "mute", *option, *words, "--json").json
            assert muted["track"]["muted"] is True
        assert isinstance(alice.run(changes.receive), events.TrackMuted)
        refused = connected("room", "mute-track", "--unmute", *words)  # as LiveKit is configured
        assert refused.code == 1
        assert "remote unmute not enabled" in refused.complaint
        alice.run(publishing.__aexit__, None, None, None)


def test_it_is_chosen_what_somebody_receives(connected: Shell, livekit: ServerThread) -> None:
    with livekit.guest("alice", "choice") as alice, livekit.guest("bob", "choice") as bob:
        changes = bob.room.events(events.TrackSubscribed, events.TrackUnsubscribed)
        publishing = alice.room.local_participant.publish_track(media.OPUS)
        sid = alice.run(publishing.__aenter__).sid
        assert isinstance(bob.run(changes.receive), events.TrackSubscribed)
        words = ("--room", "choice", "--identity", "bob", sid)
        stopped = connected.succeed("room", "update-subscriptions", "--unsubscribe", *words)
        assert stopped.out == f"bob does not receive {sid}\n"
        assert isinstance(bob.run(changes.receive), events.TrackUnsubscribed)
        connected.succeed("room", "update-subscriptions", "-s", *words)
        assert isinstance(bob.run(changes.receive), events.TrackSubscribed)
        alice.run(publishing.__aexit__, None, None, None)


def test_data_is_sent_to_those_named(connected: Shell, livekit: ServerThread) -> None:
    with livekit.guest("alice", "data") as alice, livekit.guest("bob", "data") as bob:
        received = [guest.room.events(events.DataReceived) for guest in (alice, bob)]
        words = ("--room", "data", "--topic", "t")
        one = connected.succeed("room", "send-data", *words, "--identity", "bob", "for bob")
        assert one.out == "sent to bob in data\n"
        everybody = connected.succeed("room", "send-data", *words, "--lossy", "für alle")
        assert everybody.out == "sent to everybody in data\n"
        first = bob.run(received[1].receive)
        assert (first.data, first.topic, first.reliable) == (b"for bob", "t", True)
        assert first.participant is None
        for guest, subscription in zip((alice, bob), received, strict=True):
            event = guest.run(subscription.receive)
            assert (event.data, event.reliable) == ("für alle".encode(), False)


@each_case(
    "words",
    [
        ("delete", "nowhere"),
        ("update", "nowhere", "--metadata", "x"),
        ("remove", "--room", "nowhere", "nobody"),
        ("participants", "nowhere", "-i", "nobody"),
    ],
)
def test_what_does_not_exist_is_an_error_of_one_line(
    connected: Shell, words: tuple[str, ...]
) -> None:
    result = connected("room", *words)
    assert result.code == 1
    assert result.complaint.startswith(f"lktrio room {words[0]}")
    assert ": not_found: " in result.complaint


@each_case(
    "words, complaint",
    [
        (("update", "demo"), "a room takes --metadata"),
        (("update", "demo", "--name", "x"), "a participant is named with --identity"),
        (("update", "demo", "-i", "alice"), "say what to change"),
        (("update", "demo", "-i", "alice", "--permissions", "{"), "is not JSON"),
        (("update", "demo", "-i", "alice", "--permissions", '{"fly": 1}'), "has no fly"),
        (("remove", "alice"), "-r/--room"),
        (("create",), "name"),
        (("create", "x", "--empty-timeout", "soon"), "not a number from 0"),
        (("shout",), "invalid choice: 'shout'"),
    ],
)
def test_wrong_arguments_are_explained_in_one_line(
    connected: Shell, words: tuple[str, ...], complaint: str
) -> None:
    result = connected("room", *words)
    assert result.code == 2
    assert complaint in result.complaint


def test_a_room_may_have_the_name_of_an_action(connected: Shell) -> None:
    connected.succeed("room", "create", "list")
    assert len(connected.succeed("room", "participants", "list", "list").lines) == 1
    assert "ROOM" in shell_help(connected, "room", "participants", "list").upper()
    assert "forward" in shell_help(connected, "room", "participants")


def shell_help(shell: Shell, *words: str) -> str:
    return shell.succeed(*words, "--help").out


def test_options_of_the_connection_may_stand_in_front(shell: Shell, livekit: ServerThread) -> None:
    words = ("--url", livekit.url, f"--api-key={livekit.api_key}", "--api-secret", "secret", "-j")
    assert livekit.api_secret == "secret"
    assert "rooms" in shell.succeed(*words, "room", "list", "--", "demo").json
    host = livekit.url.removeprefix("ws")
    assert "rooms" in shell.succeed("--dev", "room", "list", "--url", f"http{host}", "-j").json


def test_a_development_server_is_expected_on_this_machine(shell: Shell) -> None:
    shell.environment({"LIVEKIT_URL": "http://127.0.0.1:1", "LIVEKIT_API_KEY": "other"})
    arguments = build_parser(["room", "list"]).parse_args(["--dev"])
    assert (arguments.url, *given_keys(arguments)) == (None, "devkey", "secret")
    for words, url in (((), "http://127.0.0.1:1"), (("--dev",), "http://localhost:7880")):
        arguments = build_parser(["room", "list"]).parse_args([*words, "--api-secret", "s"])
        assert server_url(arguments) == url


def test_json_keeps_texts_that_are_not_ascii(connected: Shell) -> None:
    connected.succeed("room", "create", "raum", "--metadata", '{"größe": "☃"}')
    (room,) = connected.succeed("room", "list", "raum", "--json").json["rooms"]
    assert json.loads(room["metadata"]) == {"größe": "☃"}
