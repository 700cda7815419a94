"""Minting and verifying tokens against PyJWT: ``python -m tests.bench.bench_tokens``.

Both do the same work in turns within one run. The exit status is 1 if lktrio takes longer than
PyJWT for either.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from functools import partial

import jwt

from lktrio.auth import AccessToken, VideoGrants, verify_token
from tests.bench.comparing import in_turns, judge

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
ROUNDS, PER_ROUND = 41, 300
LIMIT = 1.0


def ours_mint() -> None:
    video = VideoGrants(room_join=True, room="demo", can_publish=True)
    AccessToken(identity="bot", name="Bot", video=video).to_jwt(KEY, SECRET)


def theirs_mint() -> None:
    now = int(time.time())
    video = {"roomJoin": True, "room": "demo", "canPublish": True}
    claims: dict[str, object] = {"iss": KEY, "sub": "bot", "name": "Bot", "video": video}
    claims |= {"iat": now, "nbf": now, "exp": now + 6 * 3600}
    jwt.encode(claims, SECRET, algorithm="HS256")


TOKEN = AccessToken(
    identity="bot", name="Bot", video=VideoGrants(room_join=True, room="demo")
).to_jwt(KEY, SECRET)


def ours_verify() -> None:
    verify_token(TOKEN, (KEY, SECRET))


def theirs_verify() -> None:
    jwt.decode(
        TOKEN, SECRET, algorithms=["HS256"], issuer=KEY, leeway=60, options={"require": ["exp"]}
    )


def seconds(work: Callable[[], None]) -> float:
    start = time.process_time()
    for _ in range(PER_ROUND):
        work()
    return (time.process_time() - start) / PER_ROUND


def main() -> int:
    missed = False
    pairs = {"mint": (ours_mint, theirs_mint), "verify": (ours_verify, theirs_verify)}
    for name, (ours, theirs) in pairs.items():
        sides = {"lktrio": partial(seconds, ours), "PyJWT": partial(seconds, theirs)}
        found = in_turns(sides, ROUNDS)
        mine, other = ([each * 1e6 for each in times] for times in found.values())
        missed |= judge(
            "messages",
            f"{name} a token",
            "us of CPU",
            mine,
            "PyJWT",
            other,
            at_most=LIMIT,
        )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
