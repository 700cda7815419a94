"""Chat, telephone tones, transcriptions and metrics, between participants of a room."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from lktrio import proto
from lktrio.errors import NotPermitted, RoomClosed
from lktrio.events import (
    ChatReceived,
    DataReceived,
    Disconnected,
    DtmfReceived,
    MetricsReceived,
    Reconnected,
    TranscriptionReceived,
)
from lktrio.room import (
    AgentAttributes,
    AgentState,
    ChatMessage,
    MessageForm,
    Room,
    RoomOptions,
    TranscriptionSegment,
)
from lktrio.testing import LinkProfile
from lktrio.testing.cancellation import cancel_at_every_checkpoint
from tests.support.servers import VERSIONS, RoomServer, open_server, until

pytestmark = pytest.mark.virtual_time


async def both(first: Room, second: Room) -> None:
    await until(lambda: bool(first.remote_participants and second.remote_participants))


@VERSIONS
async def test_a_chat_bot(server: RoomServer, options: RoomOptions) -> None:
    """It answers what it is told, and mends its answer when the question changes."""

    async def answer(bot: Room) -> None:
        answers: dict[str, ChatMessage] = {}
        async for event in bot.events(ChatReceived):
            question, me = event.message, bot.local_participant
            text = f"you said {question.text}"
            if (former := answers.get(question.id)) is not None:
                answers[question.id] = await me.edit_chat_message(text, former)
            else:
                answers[question.id] = await me.send_chat_message(text, reply_to_id=question.id)

    async with server.join("bot", options) as bot, server.join("alice", options) as alice:
        await both(bot, alice)
        news = alice.events(ChatReceived)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(answer, bot)
            question = await alice.local_participant.send_chat_message("grüß dich")
            first = await news.receive()
            assert first.participant is alice.remote_participants["bot"]
            assert first.message.text == "you said grüß dich"
            assert first.message.reply_to_id == question.id
            assert first.message.edited_at is None
            question = await alice.local_participant.edit_chat_message("x" * 50_000, question)
            second = await news.receive()
            assert second.message.text == f"you said {question.text}"
            assert second.message.id == first.message.id
            assert second.message.edited_at is not None
            assert second.message.timestamp == first.message.timestamp
            assert (question.version, second.message.version) == (1, 1)
            nursery.cancel_scope.cancel()


async def test_both_forms_of_a_message_are_told_once(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        me = alice.local_participant
        news = bob.events(ChatReceived)
        for form in MessageForm:
            message = await me.send_chat_message(form, form=form)
            message = await me.edit_chat_message(f"{form} changed", message, form=form)
            await me.edit_chat_message(f"{form} changed again", message, form=form)
        got = [(await news.receive()).message for _ in range(9)]
        for number, form in enumerate(MessageForm):
            first, second, third = got[3 * number : 3 * number + 3]
            assert [one.text for one in (first, second, third)] == [
                form,
                f"{form} changed",
                f"{form} changed again",
            ]
            assert first.id == second.id == third.id, form
            assert first.timestamp == second.timestamp == third.timestamp, form
            assert first.edited_at is None, form
            assert second.edited_at is not None, form
            assert [first.version, second.version, third.version] == [0, 1, 2], form
        await me.publish_data(b"the end")
        await bob.wait_for(DataReceived)
        assert bob.data_stats.messages_repeated == 3
        assert bob.data_stats.messages_malformed == 0
        assert not bob.unhandled


async def test_what_a_program_serves_is_the_programs(server: RoomServer) -> None:
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        me = alice.local_participant
        news = bob.events(ChatReceived)
        with bob.text_streams("lk.chat") as streams:
            await me.send_chat_message("for the program")
            assert await (await streams.receive()).read_all() == "for the program"
        # Also with files and attributes, which are those of any stream.
        stream_id = await me.send_text(
            "look", topic="lk.chat", attachments=[__file__], attributes={"a": "b"}
        )
        message = (await news.receive()).message
        assert (message.id, message.text) == (stream_id, "look")
        assert message.attributes == {"a": "b"}
        assert len(message.attached_stream_ids) == 1


async def test_a_telephone_bot(server: RoomServer) -> None:
    """It collects keys until the hash key, from those who may and may not wait for it."""
    async with server.join("phone") as phone, server.join("bot") as bot:
        await both(phone, bot)
        me = phone.local_participant
        for digit in "0123456789*#":
            await me.publish_dtmf(digit)
        await me.publish_dtmf("d", destination_identities=["bot"])
        await me.publish_dtmf(code=10)
        await me.publish_dtmf("5", code=5)
        tones = bot.events(DtmfReceived)
        got = [await tones.receive() for _ in range(15)]
        assert "".join(tone.digit for tone in got) == "0123456789*#D*5"
        assert [tone.code for tone in got] == [*range(12), 15, 10, 5]
        assert {tone.participant for tone in got} == {bot.remote_participants["phone"]}
        for digit, code in (("", None), ("12", None), ("x", None), ("", 16), ("", -1), ("5", 6)):
            with pytest.raises(ValueError, match=r"key|code"):
                await me.publish_dtmf(digit, code=code)


async def test_a_captioner(server: RoomServer) -> None:
    """Interim results take each other's place, until one is final; an agent names who speaks."""
    async with (
        server.join("alice") as alice,
        server.join("bob") as bob,
        server.join("captioner", agent=True, can_update_own_metadata=True) as captioner,
    ):
        await until(lambda: len(alice.remote_participants) == len(bob.remote_participants) == 2)
        await until(lambda: len(captioner.remote_participants) == 2)
        me = captioner.local_participant
        seen, hers = bob.events(TranscriptionReceived), alice.events(TranscriptionReceived)
        states = [
            TranscriptionSegment("s1", "hel", final=False, language="en", start_time=1.5),
            TranscriptionSegment("s1", "hello wor", final=False, language="en", start_time=1.5),
            TranscriptionSegment("s1", "hello world", language="en", start_time=1.5, end_time=2.25),
        ]
        agent = bob.remote_participants["captioner"]
        for form in (MessageForm.STREAM, MessageForm.PACKET):
            for state in states:
                await me.publish_transcription(
                    state, participant_identity="alice", track_sid="TR_x", form=form
                )
            for expected in states:
                if form is MessageForm.STREAM:  # which does not say
                    expected = TranscriptionSegment("s1", expected.text, expected.final)
                event, own = await seen.receive(), await hers.receive()
                assert event.segments == own.segments == (expected,), form
                assert event.participant is bob.remote_participants["alice"], form
                assert own.participant is alice.local_participant, form
                assert event.track_sid == "TR_x"
                assert event.sender is agent, form
        # Speech of its own, piece by piece, as agents do.
        async with me.stream_text(
            topic="lk.transcription",
            attributes={"lk.segment_id": "s2", "lk.transcription_final": "false"},
        ) as out:
            await out.send("good ")
            first = await seen.receive()
            await out.send("morning")
            second = await seen.receive()
            out.attributes["lk.transcription_final"] = "true"
        third = await seen.receive()
        assert [event.segments[0].text for event in (first, second, third)] == [
            "good ",
            "good morning",
            "good morning",
        ]
        assert [event.segments[0].final for event in (first, second, third)] == [0, 0, 1]
        assert {event.segments[0].id for event in (first, second, third)} == {"s2"}
        assert third.participant is third.sender is agent
        with pytest.raises(ValueError, match="no segment"):
            await me.publish_transcription([])
        for wrong in (-1.0, float("nan"), 1e300):
            with pytest.raises(ValueError, match="time"):
                await me.publish_transcription(TranscriptionSegment("x", "y", start_time=wrong))


async def test_an_agent_speaks_for_somebody(server: RoomServer) -> None:
    """In a chat, also at length, where only the beginning says for whom."""
    text = "0123456789" * 5000
    async with (
        server.join("alice") as alice,
        server.join("bob") as bob,
        server.join("robot", kind="agent") as robot,
    ):
        await until(lambda: len(alice.remote_participants) == len(bob.remote_participants) == 2)
        await until(lambda: len(robot.remote_participants) == 2)
        seen, hers = bob.events(ChatReceived), alice.events(ChatReceived)
        for form in (MessageForm.STREAM, MessageForm.PACKET):
            await robot.local_participant.send_chat_message(
                text, form=form, sender_identity="alice"
            )
            event, own = await seen.receive(), await hers.receive()
            assert event.message.text == own.message.text == text, form
            assert event.message.generated, form
            assert event.participant is bob.remote_participants["alice"], form
            assert own.participant is alice.local_participant, form
        with bob.text_streams("lk.chat") as streams:
            await robot.local_participant.send_chat_message(text, sender_identity="alice")
            stream = await streams.receive()
            assert stream.info.participant is bob.remote_participants["alice"]
            assert await stream.read_all() == text


async def test_waiting_for_an_agent(server: RoomServer) -> None:
    async with server.join("alice") as alice, trio.open_nursery() as nursery:
        found: list[AgentAttributes | None] = []

        async def wait(state: AgentState | str) -> None:
            found.append((await alice.wait_for_agent(state=state)).agent)

        async with server.join("bob") as bob:  # no agent, whatever it says
            assert bob.local_participant.agent is None
            nursery.start_soon(wait, "")
            nursery.start_soon(wait, AgentState.SPEAKING)
            await trio.testing.wait_all_tasks_blocked()
            grants: dict[str, Any] = {"kind": "agent", "can_update_own_metadata": True}
            shown = {
                "lk.agent.inputs": '["audio", "text"]',
                "lk.agent.outputs": "transcription, audio",
            }
            async with (
                server.join("avatar", attributes={"lk.publish_on_behalf": "bot"}, **grants),
                server.join("bot", attributes=shown, **grants) as bot,
            ):
                await until(lambda: len(found) == 1)
                assert found[0] == AgentAttributes(
                    AgentState.UNKNOWN, ("audio", "text"), ("transcription", "audio")
                )
                await bot.local_participant.set_agent_state("speaking")
                await until(lambda: len(found) == 2)
                assert found[1] is not None
                assert found[1].state is AgentState.SPEAKING
                here = await alice.wait_for_agent(identity="bot", state="speaking")
                assert here is alice.remote_participants["bot"]
                with pytest.raises(ValueError, match="dancing"):
                    await alice.wait_for_agent(state="dancing")
                with pytest.raises(ValueError, match="dancing"):
                    await bot.local_participant.set_agent_state("dancing")
        await alice.leave()
        with pytest.raises(RoomClosed):
            await alice.wait_for_agent()


async def test_metrics_are_the_servers(server: RoomServer) -> None:
    """It takes them, and passes them on only to those who may see them."""
    batch = proto.MetricsBatch(timestamp_ms=5, str_data=["alice"])
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        news = bob.events(MetricsReceived, DataReceived)
        await alice.local_participant.publish_metrics(batch)
        await alice.local_participant.publish_data(b"behind them")
        assert isinstance(await news.receive(), DataReceived)


async def test_who_may_not_send_cannot(server: RoomServer) -> None:
    async with server.join("alice", can_publish_data=False) as alice:
        me = alice.local_participant
        message = ChatMessage("1", "x", 0.0)
        for send in (
            lambda: me.send_chat_message("x"),
            lambda: me.edit_chat_message("x", message),
            lambda: me.publish_dtmf("1"),
            lambda: me.publish_transcription(TranscriptionSegment("1", "x")),
            lambda: me.publish_metrics(proto.MetricsBatch()),
        ):
            with pytest.raises(NotPermitted, match="data"):
                await send()


async def test_messages_wait_for_whoever_asks_first(server: RoomServer) -> None:
    async with server.join("bob") as bob:
        async with server.join("alice") as alice:
            await both(alice, bob)
            await alice.local_participant.send_chat_message("early")
            await alice.local_participant.publish_dtmf("1")
            await alice.local_participant.publish_data(b"behind")
            await bob.wait_for(DataReceived)
        events = bob.events(ChatReceived, DtmfReceived, Disconnected)
        assert isinstance(await events.receive(), ChatReceived)
        assert isinstance(await events.receive(), DtmfReceived)


async def test_cancelled_nothing_is_sent_in_part(server: RoomServer) -> None:
    """A tone was sent or not; of a long text nobody sees a part; the next ones arrive."""
    text = "0123456789" * 6000  # several packets
    async with server.join("bob") as bob, server.join("alice") as alice:
        await both(alice, bob)
        me = alice.local_participant
        news = bob.events(ChatReceived, DtmfReceived, TranscriptionReceived)
        sent: list[str] = []

        async def press() -> None:
            await me.publish_dtmf("5")
            sent.append("5")

        async def chat() -> None:
            await me.send_chat_message(text, form="both")

        async def transcribe() -> None:
            await me.publish_transcription(TranscriptionSegment("s", text))

        for operation in (press, chat, transcribe):
            assert await cancel_at_every_checkpoint(operation) >= 1
        await me.publish_dtmf("#")
        tones = ""
        while True:
            event = await news.receive()
            if isinstance(event, ChatReceived):
                assert event.message.text == text
            elif isinstance(event, TranscriptionReceived):
                assert event.segments == (TranscriptionSegment("s", text),)
            elif event.digit == "#":
                break
            else:
                tones += event.digit
        assert len(tones) == len(sent)


async def test_messages_arrive_once_through_losses_and_a_resume() -> None:
    """Also over a bad path, and while the signalling is lost and comes back."""
    async with open_server("embedded", "room") as server:
        assert server.network is not None
        async with server.join("bob") as bob, server.join("alice") as alice:
            await both(alice, bob)
            server.network.profile = LinkProfile(latency=0.03, jitter=0.02, loss=0.05)
            news, state = bob.events(ChatReceived), alice.events(Reconnected)
            me = alice.local_participant
            for number in range(40):
                if number == 20:
                    await alice.simulate("signal_reconnect")
                form = list(MessageForm)[number % 3]
                await me.send_chat_message(f"{number} " * 3000, form=form)
            got = [(await news.receive()).message.text for _ in range(40)]
            assert got == [f"{number} " * 3000 for number in range(40)]
            await state.receive()
            await me.publish_data(b"the end")
            await bob.wait_for(DataReceived)
            assert bob.data_stats.messages_repeated == 13  # those in both forms


async def test_who_does_not_read_loses_messages_and_nothing_else() -> None:
    async with (
        open_server("embedded", "room") as server,
        server.join("bob") as bob,
        server.join("alice") as alice,
    ):
        await both(alice, bob)
        stalled, reading = bob.events(ChatReceived), bob.events(ChatReceived)
        text = "x" * 200_000
        for number in range(30):
            await alice.local_participant.send_chat_message(f"{number}{text}")
            assert (await reading.receive()).message.text == f"{number}{text}"
        assert stalled.dropped == 10
        assert reading.dropped == 0
        for number in range(20):
            assert (await stalled.receive()).message.text == f"{number}{text}"
