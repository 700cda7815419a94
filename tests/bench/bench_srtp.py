"""SRTP against libsrtp, in one run: ``python -m tests.bench.bench_srtp``.

Prints medians of nanoseconds per packet and the ratio to libsrtp (pylibsrtp), and exits with
status 1 if an AES-GCM ratio exceeds the limit given as first argument (default: no limit).
Both sides use fresh packets in sequence, so replay windows and indices do their work.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, TypeAlias

import pylibsrtp

from lktrio.rtc.rtp import HEADER
from lktrio.rtc.srtp import SrtpProfile, SrtpReceiver, SrtpSender

SSRC = 0x11223344
BATCH = 200
ROUNDS = 150

Timed: TypeAlias = tuple[float, list[Any]]

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


def compare(profile: SrtpProfile, size: int) -> dict[str, tuple[float, float]]:
    """Medians of (libsrtp, ours) in ns per packet, for protect and unprotect."""
    material = bytes(range(profile.key_length + profile.salt_length))
    key, salt = material[: profile.key_length], material[profile.key_length :]
    theirs_out = session(profile, material, pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    theirs_in = session(profile, material, pylibsrtp.Policy.SSRC_ANY_INBOUND)
    ours_out = SrtpSender(profile, key, salt).stream(SSRC)
    ours_in = SrtpReceiver(profile, key, salt)
    payload = bytes(size)
    results: dict[str, list[tuple[float, float]]] = {"protect": [], "unprotect": []}
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
    return {
        name: (statistics.median(t for t, _ in times), statistics.median(o for _, o in times))
        for name, times in results.items()
    }


def main(limit: float | None) -> int:
    failed = False
    print(f"{'profile':24}{'payload':>8} {'operation':10}{'libsrtp':>9}{'lktrio':>9}{'ratio':>7}")
    for profile in LIBSRTP:
        for size in (1200, 100):
            for name, (theirs, ours) in compare(profile, size).items():
                ratio = ours / theirs
                print(f"{profile.name:24}{size:8} {name:10}{theirs:9.0f}{ours:9.0f}{ratio:7.2f}")
                gated = profile is not SrtpProfile.AES128_CM_HMAC_SHA1_80 and size == 1200
                failed |= gated and limit is not None and ratio > limit
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else None))
