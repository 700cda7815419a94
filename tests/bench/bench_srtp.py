"""SRTP against libsrtp, in one run: ``python -m tests.bench.bench_srtp``.

Both sides use fresh packets in sequence, so replay windows and indices do their work. The exit
status is 1 if lktrio takes longer than libsrtp (pylibsrtp) for a packet of 1,200 bytes with
AES-GCM.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pylibsrtp

from lktrio.rtc.rtp import HEADER
from lktrio.rtc.srtp import SrtpProfile, SrtpReceiver, SrtpSender
from tests.bench.comparing import judge

SSRC = 0x11223344
BATCH = 200
ROUNDS = 150
GATED_SIZE = 1200
LIMIT = 1.0

Timed: TypeAlias = tuple[float, list[Any]]
Pairs: TypeAlias = list[tuple[float, float]]

LIBSRTP = {
    SrtpProfile.AEAD_AES_128_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    SrtpProfile.AEAD_AES_256_GCM: pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
    SrtpProfile.AES128_CM_HMAC_SHA1_80: pylibsrtp.Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
}


def session(profile: SrtpProfile, material: bytes, kind: int) -> pylibsrtp.Session:
    policy = pylibsrtp.Policy(key=material, ssrc_type=kind, srtp_profile=LIBSRTP[profile])
    policy.window_size = 1024
    return pylibsrtp.Session(policy)


def each(call: Callable[..., bytes | tuple[int, int, bytes] | None], *columns: list[Any]) -> Timed:
    """Call once per row; return nanoseconds per call and the results."""
    start = time.process_time_ns()
    results = list(map(call, *columns))
    return (time.process_time_ns() - start) / len(results), results


def compare(profile: SrtpProfile, size: int) -> dict[str, Pairs]:
    """Pairs of (libsrtp, ours) in ns per packet, for protect and unprotect."""
    material = bytes(range(profile.key_length + profile.salt_length))
    key, salt = material[: profile.key_length], material[profile.key_length :]
    theirs_out = session(profile, material, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    theirs_in = session(profile, material, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    ours_out = SrtpSender(profile, key, salt).stream(SSRC)
    ours_in = SrtpReceiver(profile, key, salt)
    payload = bytes(size)
    results: dict[str, Pairs] = {"protect": [], "unprotect": []}
    for start in range(0, ROUNDS * BATCH, BATCH):
        numbers = list(range(start, start + BATCH))
        headers = [HEADER.pack(0x80, 96, n & 0xFFFF, n, SSRC) for n in numbers]
        theirs, _ = each(theirs_out.protect, [header + payload for header in headers])
        ours, sealed = each(ours_out.protect, headers, [payload] * BATCH, numbers)
        results["protect"].append((theirs, ours))
        theirs, _ = each(theirs_in.unprotect, sealed)
        ours, _ = each(ours_in.unprotect, sealed)
        results["unprotect"].append((theirs, ours))
    assert not ours_in.dropped.total
    return results


def main() -> int:
    missed = False
    for profile in LIBSRTP:
        for size in (GATED_SIZE, 100):
            gated = profile is not SrtpProfile.AES128_CM_HMAC_SHA1_80 and size == GATED_SIZE
            for name, pairs in compare(profile, size).items():
                theirs, ours = zip(*pairs, strict=True)
                what = f"SRTP {name}, {profile.name}, {size} bytes"
                limit = LIMIT if gated else None
                missed |= judge("crypto", what, "ns", ours, "libsrtp", theirs, at_most=limit)
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
