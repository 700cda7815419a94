"""Minting and verifying tokens against PyJWT: ``python tests/bench/bench_tokens.py``.

Both do the same work in turns within one run; what is printed are medians and their ratio, which
should be at most 1.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import jwt

from lktrio.auth import AccessToken, VideoGrants, verify_token

KEY, SECRET = "devkey", "secretsecretsecretsecretsecretsecret"
ROUNDS, PER_ROUND = 41, 300


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
    start = time.perf_counter()
    for _ in range(PER_ROUND):
        work()
    return (time.perf_counter() - start) / PER_ROUND


def main() -> None:
    pairs = {"mint": (ours_mint, theirs_mint), "verify": (ours_verify, theirs_verify)}
    for name, (ours, theirs) in pairs.items():
        measured = [(seconds(ours), seconds(theirs)) for _ in range(ROUNDS)]
        mine, other = (statistics.median(column) for column in zip(*measured, strict=True))
        ratio = statistics.median(a / b for a, b in measured)
        print(f"{name}: lktrio {mine * 1e6:.1f} us, PyJWT {other * 1e6:.1f} us, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
