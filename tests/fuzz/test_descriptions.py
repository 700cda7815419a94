"""Damaged session descriptions are taken or refused, and the connection is usable either way."""

from __future__ import annotations

import random

from lktrio.errors import RemoteProtocolError
from tests.fuzz import seeds
from tests.support.cases import each_case
from tests.support.peer_call import Call

WORDS = ("0", "-1", "65536", "4294967296", "9" * 30, "", "x", "ü", "\u0661", "127", "128", "1.5")


class Editor:
    """Damages descriptions line by line.

    Args:
        seed: The same seed gives the same damage.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self._lines = [line for data in seeds.sdp() for line in data.decode().splitlines() if line]

    def damage(self, text: str) -> str:
        lines = text.splitlines()
        for _ in range(self.random.choice((1, 1, 2, 4))):
            self._damage_once(lines)
        return "".join(f"{line}\r\n" for line in lines)

    def _damage_once(self, lines: list[str]) -> None:
        order = self.random
        at = order.randrange(len(lines))
        line, other = lines[at], order.choice(self._lines)
        words = line.split(" ")
        words[order.randrange(len(words))] = order.choice(WORDS)
        name, value = line.partition(":")[0], other.partition(":")[2]
        lines[at : at + 1] = order.choice(
            (
                [],
                [line, line],
                [line, other],
                [other],
                [line[: order.randrange(len(line) + 1)]],
                [" ".join(words)],
                [f"{name}:{value}"],
                lines[at : at + 20] * 2,
            )
        )


@each_case("seed", range(60))
def test_a_damaged_offer_is_taken_or_refused_whole(seed: int) -> None:
    call = Call(seed=seed)
    call.publish("video")
    call.publish("audio")
    call.offerer.peer.create_data_channel("x")
    offer = call.offerer.peer.create_offer(0.0)
    editor = Editor(seed)
    for _ in range(8):
        bad = editor.damage(offer)
        answerer = Call(seed=seed).answerer
        try:
            answerer.peer.set_offer(bad, 0.0)
        except RemoteProtocolError:
            answerer.peer.set_offer(offer, 0.0)
        answer = answerer.peer.create_answer(0.0)
        assert answer.startswith("v=0")
        answerer.push()


@each_case("seed", range(40))
def test_a_damaged_answer_is_taken_or_refused_whole(seed: int) -> None:
    call = Call(seed=seed)
    call.publish("video")
    call.publish("audio")
    now = call.network.now
    offer = call.offerer.peer.create_offer(now)
    call.answerer.peer.set_offer(offer, now)
    answer = call.answerer.peer.create_answer(now)
    editor = Editor(seed)
    for _ in range(8):
        try:
            call.offerer.peer.set_answer(editor.damage(answer), now)
        except RemoteProtocolError:
            continue
        call.offerer.push()
        call.network.run(2)
        return
    call.offerer.peer.set_answer(answer, now)
    call.offerer.push()
    call.answerer.push()
    assert call.network.run(10, until=call.is_connected)
