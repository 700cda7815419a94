"""``lktrio egress``, ``ingress``, ``sip`` and ``dispatch``: what they ask for and what they show.

The embedded server has no egress, ingress or telephony, so a stand-in answers here: it keeps the
requests, and gives the answers that a test prepared.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from lktrio import LiveKitAPI, api
from lktrio.cli import running
from lktrio.proto import Message
from lktrio.proto.codec import decode, encode
from tests.cli.shell import Shell
from tests.support.cases import each_case

TRUNK = '{"trunk": {"name": "t", "numbers": ["+1"], "authPassword": "do-not-show"}}'


class StandIn:
    """A server that answers what it was told to."""

    def __init__(self) -> None:
        self.answers: deque[Message] = deque()
        self.calls: list[tuple[str, bytes]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.url.path.removeprefix("/twirp/livekit."), request.content))
        return httpx.Response(
            200,
            content=encode(self.answers.popleft()),
            headers={"Content-Type": "application/protobuf"},
        )

    def request(self, method: str, cls: type[Message]) -> Any:
        """The only request that was made."""
        ((path, body),) = self.calls
        assert path == method
        self.calls.clear()
        return decode(cls, body)


@pytest.fixture
def server(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    stand_in = StandIn()

    @asynccontextmanager
    async def open_api(_arguments: Any) -> AsyncGenerator[LiveKitAPI, None]:
        transport = httpx.MockTransport(stand_in)
        async with (
            httpx.AsyncClient(transport=transport) as client,
            LiveKitAPI("ws://server", "key", "secret", client=client) as lk,
        ):
            yield lk

    monkeypatch.setattr(running, "open_api", open_api)
    return stand_in


# Egress


def test_egresses_are_listed_page_by_page(shell: Shell, server: StandIn) -> None:
    status = api.EgressStatus
    first = api.EgressInfo(
        egress_id="EG_1",
        room_name="demo",
        status=status.EGRESS_ACTIVE,
        started_at=1_700_000_000_000_000_000,
        web=api.WebEgressRequest(),
    )
    second = api.EgressInfo(egress_id="EG_2", status=status.EGRESS_FAILED, error="no space")
    token = api.TokenPagination(token="next")
    server.answers.append(api.ListEgressResponse(items=[first], next_page_token=token))
    server.answers.append(api.ListEgressResponse(items=[second]))
    header, *rows = shell.succeed("egress", "list", "--room", "demo", "--active").lines
    assert header.split() == ["ID", "STATUS", "TYPE", "ROOM", "STARTED", "ENDED", "ERROR"]
    assert rows[0].split() == ["EG_1", "active", "web", "demo", "2023-11-14", "22:13:20Z"]
    assert rows[1].split() == ["EG_2", "failed", "no", "space"]
    asked = [decode(api.ListEgressRequest, body) for _, body in server.calls]
    assert [(one.room_name, one.active) for one in asked] == [("demo", True)] * 2
    assert [one.page_token for one in asked] == [None, token]


def test_no_more_egresses_are_listed_than_wanted(shell: Shell, server: StandIn) -> None:
    items = [api.EgressInfo(egress_id=f"EG_{number}") for number in range(3)]
    token = api.TokenPagination(token="next")
    server.answers.append(api.ListEgressResponse(items=items, next_page_token=token))
    listed = shell.succeed("egress", "list", "--limit", "2", "--json").json
    assert [item["egressId"] for item in listed["items"]] == ["EG_0", "EG_1"]


def test_egresses_are_listed_by_id(shell: Shell, server: StandIn) -> None:
    for number in range(2):
        info = api.EgressInfo(egress_id=f"EG_{number}")
        server.answers.append(api.ListEgressResponse(items=[info]))
    listed = shell.succeed("egress", "list", "--id", "EG_0", "--id", "EG_1", "--json").json
    assert [item["egressId"] for item in listed["items"]] == ["EG_0", "EG_1"]
    asked = [decode(api.ListEgressRequest, body).egress_id for _, body in server.calls]
    assert asked == ["EG_0", "EG_1"]


@each_case(
    "kind, method, cls",
    [
        ("room-composite", "StartRoomCompositeEgress", api.RoomCompositeEgressRequest),
        ("participant", "StartParticipantEgress", api.ParticipantEgressRequest),
        ("track", "StartTrackEgress", api.TrackEgressRequest),
        ("track-composite", "StartTrackCompositeEgress", api.TrackCompositeEgressRequest),
        ("any", "StartEgress", api.StartEgressRequest),
    ],
)
def test_each_kind_of_egress_is_started(
    shell: Shell, server: StandIn, kind: str, method: str, cls: type[Message]
) -> None:
    server.answers.append(api.EgressInfo(egress_id="EG_1"))
    result = shell.succeed("egress", "start", "--type", kind, '{"roomName": "demo"}')
    assert result.out == "EG_1 is starting\n"
    assert server.request(f"Egress/{method}", cls).room_name == "demo"


def test_a_request_is_read_from_a_file_or_standard_input(
    shell: Shell, server: StandIn, tmp_path: Path
) -> None:
    file = tmp_path / "request.json"
    file.write_text('{"room_name": "demo"}')
    for source, stdin in ((str(file), ""), ("-", file.read_text())):
        server.answers.append(api.EgressInfo(egress_id="EG_1"))
        shell.succeed("egress", "start", source, stdin=stdin)
        asked = server.request("Egress/StartRoomCompositeEgress", api.RoomCompositeEgressRequest)
        assert asked.room_name == "demo"


@each_case(
    "request_json, complaint",
    [
        ("{", "is not JSON"),
        ('{"roomName": 4}', "room_name"),
        ('{"romName": "x"}', "has no romName"),
        ('{"roomName": "x", "web": {"uri": "y"}}', "has no web.uri"),
        ('{"outputs": [{"files": {}}]}', "has no outputs.files"),
    ],
)
def test_a_request_with_a_mistake_is_not_sent(
    shell: Shell, server: StandIn, request_json: str, complaint: str
) -> None:
    result = shell("egress", "start", "--type", "any", request_json)
    assert result.code == 2
    assert complaint in result.complaint
    assert not server.calls


def test_a_request_that_is_not_text_is_refused(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "request.json"
    file.write_bytes(b"\xff\xfe")
    result = shell("egress", "start", str(file), "--api-key", "k", "--api-secret", "s")
    assert result.code == 2
    assert "is not JSON" in result.complaint


def test_egresses_are_stopped(shell: Shell, server: StandIn) -> None:
    for number in range(2):
        info = api.EgressInfo(egress_id=f"EG_{number}", status=api.EgressStatus.EGRESS_ENDING)
        server.answers.append(info)
    result = shell.succeed("egress", "stop", "--id", "EG_0", "--id", "EG_1")
    assert result.lines == ["EG_0 is ending", "EG_1 is ending"]


def test_an_egress_is_changed(shell: Shell, server: StandIn) -> None:
    server.answers.append(api.EgressInfo(egress_id="EG_1"))
    shell.succeed("egress", "update-layout", "--id", "EG_1", "--layout", "grid")
    layout = server.request("Egress/UpdateLayout", api.UpdateLayoutRequest)
    assert (layout.egress_id, layout.layout) == ("EG_1", "grid")

    server.answers.append(api.EgressInfo(egress_id="EG_1"))
    words = ("--add-urls", "rtmp://a", "--add-urls", "rtmp://b", "--remove-urls", "rtmp://c")
    shell.succeed("egress", "update-stream", "--id", "EG_1", *words)
    stream = server.request("Egress/UpdateStream", api.UpdateStreamRequest)
    assert stream.add_output_urls == ["rtmp://a", "rtmp://b"]
    assert stream.remove_output_urls == ["rtmp://c"]


def test_a_stream_without_a_change_is_refused(shell: Shell, server: StandIn) -> None:
    result = shell("egress", "update-stream", "--id", "EG_1")
    assert result.code == 2
    assert "--add-urls" in result.complaint


# Ingress


INGRESS = api.IngressInfo(
    ingress_id="IN_1",
    name="camera",
    room_name="demo",
    url="rtmp://server/live",
    stream_key="do-not-show",
    input_type=api.IngressInput.WHIP_INPUT,
    state=api.IngressState(status=api.IngressState.Status.ENDPOINT_PUBLISHING),
)


def test_ingresses_are_listed_without_their_keys(shell: Shell, server: StandIn) -> None:
    server.answers.append(api.ListIngressResponse(items=[INGRESS]))
    result = shell.succeed("ingress", "list", "--id", "IN_1", "--room", "demo")
    row = ["IN_1", "camera", "whip", "demo", "publishing", "rtmp://server/live", "***"]
    assert result.lines[1].split() == row
    asked = server.request("Ingress/ListIngress", api.ListIngressRequest)
    assert (asked.ingress_id, asked.room_name) == ("IN_1", "demo")


def test_all_pages_of_ingresses_are_listed(shell: Shell, server: StandIn) -> None:
    token = api.TokenPagination(token="next")
    server.answers.append(api.ListIngressResponse(items=[INGRESS], next_page_token=token))
    server.answers.append(api.ListIngressResponse(items=[INGRESS]))
    assert len(shell.succeed("ingress", "list", "--json").json["items"]) == 2


def test_no_more_ingresses_are_listed_than_wanted(shell: Shell, server: StandIn) -> None:
    token = api.TokenPagination(token="next")
    server.answers.append(api.ListIngressResponse(items=[INGRESS] * 3, next_page_token=token))
    listed = shell.succeed("ingress", "list", "--limit", "2", "--json").json
    assert len(listed["items"]) == 2


@each_case("words", [(), ("--json",)])
def test_a_stream_key_is_shown_to_those_who_ask(
    shell: Shell, server: StandIn, words: tuple[str, ...]
) -> None:
    for option, shown in (((), False), (("--show-secrets",), True)):
        server.answers.append(INGRESS)
        result = shell.succeed("ingress", "create", '{"name": "camera"}', *words, *option)
        assert ("do-not-show" in result.out) is shown
        assert "rtmp://server/live" in result.out
        asked = server.request("Ingress/CreateIngress", api.CreateIngressRequest)
        assert asked.name == "camera"


def test_an_ingress_is_changed_and_deleted(shell: Shell, server: StandIn) -> None:
    server.answers.append(INGRESS)
    shell.succeed("ingress", "update", '{"ingressId": "IN_1", "name": "x"}')
    assert server.request("Ingress/UpdateIngress", api.UpdateIngressRequest).name == "x"
    server.answers.append(INGRESS)
    assert shell.succeed("ingress", "delete", "IN_1").out == "IN_1 is deleted\n"
    assert server.request("Ingress/DeleteIngress", api.DeleteIngressRequest).ingress_id == "IN_1"


# SIP


@each_case(
    "kind, answer, row",
    [
        (
            "inbound",
            api.ListSIPInboundTrunkResponse(
                items=[
                    api.SIPInboundTrunkInfo(
                        sip_trunk_id="ST_1", numbers=["+1", "+2"], auth_password="do-not-show"
                    )
                ]
            ),
            ["ST_1", "+1", "+2", "***"],
        ),
        (
            "outbound",
            api.ListSIPOutboundTrunkResponse(
                items=[
                    api.SIPOutboundTrunkInfo(
                        sip_trunk_id="ST_2", address="sip.example", auth_password="do-not-show"
                    )
                ]
            ),
            ["ST_2", "sip.example", "auto", "***"],
        ),
        (
            "dispatch",
            api.ListSIPDispatchRuleResponse(
                items=[
                    api.SIPDispatchRuleInfo(
                        sip_dispatch_rule_id="SDR_1",
                        rule=api.SIPDispatchRule(
                            dispatch_rule_direct=api.SIPDispatchRuleDirect(
                                room_name="demo", pin="do-not-show"
                            )
                        ),
                    )
                ]
            ),
            ["SDR_1", "any", "into", "the", "room", "demo"],
        ),
    ],
)
def test_trunks_and_rules_are_listed(
    shell: Shell, server: StandIn, kind: str, answer: Message, row: list[str]
) -> None:
    server.answers += [answer, answer]
    assert shell.succeed("sip", kind, "list").lines[1].split() == row
    listed = shell.succeed("sip", kind, "list", "--json")
    assert "do-not-show" not in listed.out
    assert len(listed.json["items"]) == 1


@each_case(
    "rule, text",
    [
        (
            api.SIPDispatchRule(
                dispatch_rule_individual=api.SIPDispatchRuleIndividual(room_prefix="call-")
            ),
            "a room for each caller: call-...",
        ),
        (
            api.SIPDispatchRule(dispatch_rule_callee=api.SIPDispatchRuleCallee(room_prefix="to-")),
            "a room for each number called: to-...",
        ),
        (None, "any"),
    ],
)
def test_a_rule_is_told_in_words(
    shell: Shell, server: StandIn, rule: api.SIPDispatchRule | None, text: str
) -> None:
    info = api.SIPDispatchRuleInfo(sip_dispatch_rule_id="SDR_1", rule=rule)
    server.answers.append(api.ListSIPDispatchRuleResponse(items=[info]))
    assert shell.succeed("sip", "dispatch", "list").lines[1].endswith(text)


@each_case(
    "words, method, cls, answer",
    [
        (
            ("inbound", "create", TRUNK),
            "CreateSIPInboundTrunk",
            api.CreateSIPInboundTrunkRequest,
            api.SIPInboundTrunkInfo(sip_trunk_id="X_1"),
        ),
        (
            ("outbound", "create", TRUNK),
            "CreateSIPOutboundTrunk",
            api.CreateSIPOutboundTrunkRequest,
            api.SIPOutboundTrunkInfo(sip_trunk_id="X_1"),
        ),
        (
            ("dispatch", "create", '{"name": "t"}'),
            "CreateSIPDispatchRule",
            api.CreateSIPDispatchRuleRequest,
            api.SIPDispatchRuleInfo(sip_dispatch_rule_id="X_1"),
        ),
    ],
)
def test_trunks_and_rules_are_created(
    shell: Shell,
    server: StandIn,
    words: tuple[str, ...],
    method: str,
    cls: type[Message],
    answer: Message,
) -> None:
    server.answers.append(answer)
    assert shell.succeed("sip", *words).out == "X_1 is created\n"
    asked = server.request(f"SIP/{method}", cls)
    assert getattr(asked, "trunk", asked).name == "t"


@each_case(
    "kind, method, cls, answer",
    [
        ("inbound", "DeleteSIPTrunk", api.DeleteSIPTrunkRequest, api.SIPTrunkInfo()),
        ("outbound", "DeleteSIPTrunk", api.DeleteSIPTrunkRequest, api.SIPTrunkInfo()),
        (
            "dispatch",
            "DeleteSIPDispatchRule",
            api.DeleteSIPDispatchRuleRequest,
            api.SIPDispatchRuleInfo(),
        ),
    ],
)
def test_trunks_and_rules_are_deleted(
    shell: Shell, server: StandIn, kind: str, method: str, cls: type[Message], answer: Message
) -> None:
    server.answers.append(answer)
    assert shell.succeed("sip", kind, "delete", "X_1").out == "X_1 is deleted\n"
    asked = server.request(f"SIP/{method}", cls)
    assert "X_1" in vars(asked).values()


@each_case(
    "kind, method, cls, answer",
    [
        (
            "inbound-trunk",
            "UpdateSIPInboundTrunk",
            api.UpdateSIPInboundTrunkRequest,
            api.SIPInboundTrunkInfo(sip_trunk_id="X_1"),
        ),
        (
            "outbound-trunk",
            "UpdateSIPOutboundTrunk",
            api.UpdateSIPOutboundTrunkRequest,
            api.SIPOutboundTrunkInfo(sip_trunk_id="X_1"),
        ),
        (
            "dispatch-rule",
            "UpdateSIPDispatchRule",
            api.UpdateSIPDispatchRuleRequest,
            api.SIPDispatchRuleInfo(sip_dispatch_rule_id="X_1"),
        ),
    ],
)
def test_trunks_and_rules_are_changed(
    shell: Shell, server: StandIn, kind: str, method: str, cls: type[Message], answer: Message
) -> None:
    server.answers.append(answer)
    words = ("sip", kind, "update", "--id", "X_1", '{"update": {"name": "new"}}')
    assert shell.succeed(*words).out == "X_1 is updated\n"
    asked = server.request(f"SIP/{method}", cls)
    assert asked.update.name == "new"
    assert "X_1" in vars(asked).values()


def test_a_call_is_made_from_options_over_a_request(shell: Shell, server: StandIn) -> None:
    server.answers.append(api.SIPParticipantInfo(participant_identity="caller", room_name="demo"))
    request = '{"sipTrunkId": "ST_0", "sipCallTo": "+1", "displayName": "Bot"}'
    words = ["--trunk", "ST_1", "--room", "demo", "--identity", "caller", "--wait"]
    words += ["--header", "X-Account: 4:2", "--timeout", "45s"]
    result = shell.succeed("sip", "participant", "create", request, *words)
    assert result.out == "caller is called into demo\n"
    asked = server.request("SIP/CreateSIPParticipant", api.CreateSIPParticipantRequest)
    assert (asked.sip_trunk_id, asked.sip_call_to, asked.room_name) == ("ST_1", "+1", "demo")
    assert (asked.display_name, asked.wait_until_answered) == ("Bot", True)
    assert (asked.headers, asked.ringing_timeout) == ({"X-Account": "4:2"}, timedelta(seconds=45))


def test_a_call_needs_a_trunk_and_a_room(shell: Shell, server: StandIn) -> None:
    result = shell("sip", "participant", "create", "--call", "+1")
    assert result.code == 2
    assert "--trunk" in result.complaint
    assert not server.calls


def test_a_call_is_transferred(shell: Shell, server: StandIn) -> None:
    server.answers.append(api.TransferSIPParticipantResponse())
    words = ("--room", "demo", "--identity", "caller", "--to", "tel:+1", "--play-dialtone")
    result = shell.succeed("sip", "participant", "transfer", *words)
    assert result.out == "caller is transferred to tel:+1\n"
    asked = server.request("SIP/TransferSIPParticipant", api.TransferSIPParticipantRequest)
    assert (asked.transfer_to, asked.play_dialtone) == ("tel:+1", True)


# Dispatch, which the embedded server keeps


def test_an_agent_is_sent_to_a_room_and_called_back(connected: Shell) -> None:
    connected.succeed("room", "create", "work")
    words = ("--room", "work", "--agent-name", "helper", "--metadata", "m")
    made = connected.succeed("dispatch", "create", *words, "--json").json
    assert (made["agentName"], made["room"], made["metadata"]) == ("helper", "work", "m")
    row = [made["id"], "work", "helper", "0", "m"]
    listed = connected.succeed("dispatch", "list", "work").lines[1:]
    assert row in [line.split() for line in listed]
    assert connected.succeed("dispatch", "get", "work", made["id"]).lines[1].split() == row
    deleted = connected.succeed("dispatch", "delete", "work", made["id"])
    assert deleted.out == f"{made['id']} is deleted\n"
    assert made["id"] not in connected.succeed("dispatch", "list", "work").out


def test_sending_an_agent_says_where_it_went(shell: Shell, server: StandIn) -> None:
    server.answers.append(api.AgentDispatch(id="AD_1", agent_name="helper", room="work"))
    result = shell.succeed("dispatch", "create", "-r", "work", "--agent-name", "helper")
    assert result.out == "helper is sent to work: AD_1\n"


def test_an_agent_can_get_a_room_of_its_own(shell: Shell, server: StandIn) -> None:
    server.answers.append(api.AgentDispatch(id="AD_1"))
    shell.succeed("dispatch", "create", "--new-room", "--agent-name", "helper", "-d", "staging")
    asked = server.request("AgentDispatchService/CreateDispatch", api.CreateAgentDispatchRequest)
    assert asked.room.startswith("room-")
    assert asked.deployment == "staging"
    result = shell("dispatch", "create", "--agent-name", "helper")
    assert result.code == 2
    assert "--new-room" in result.complaint


def test_a_room_starts_egress_and_agents_by_itself(
    shell: Shell, server: StandIn, tmp_path: Path
) -> None:
    server.answers.append(api.Room(name="demo", sid="RM_1"))
    agents = tmp_path / "agents.json"
    agents.write_text('{"dispatches": [{"agentName": "helper"}]}')
    words = ["--agents-file", str(agents), "--track-egress-file", '{"filepath": "x"}']
    words += ["--room-egress-file", '{"layout": "grid"}']
    shell.succeed("room", "create", "demo", *words)
    asked = server.request("RoomService/CreateRoom", api.CreateRoomRequest)
    assert [agent.agent_name for agent in asked.agents] == ["helper"]
    assert asked.egress == api.RoomEgress(
        room=api.RoomCompositeEgressRequest(layout="grid"), tracks=api.AutoTrackEgress(filepath="x")
    )


@each_case("words", [("egress", "list"), ("ingress", "list"), ("sip", "inbound", "list")])
def test_what_the_embedded_server_lacks_is_an_error(
    connected: Shell, words: tuple[str, ...]
) -> None:
    result = connected(*words, "--json")
    assert result.code == 1
    assert f"lktrio {' '.join(words)}: unimplemented: " in result.complaint


def test_json_of_an_empty_list_has_the_list(shell: Shell, server: StandIn) -> None:
    server.answers.append(api.ListIngressResponse())
    assert json.loads(shell.succeed("ingress", "list", "-j").out)["items"] == []
