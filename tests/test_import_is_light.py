"""What each name of the package loads: a program pays for the parts it uses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import lktrio
from lktrio import errors

CORE = Path(__file__).parent.parent / "lktrio" / "rtc"
HEAVY = ("httpx", "cryptography", "trio", "betterproto2", "lktrio.proto", "lktrio.rtc")
API_MESSAGES = ("lktrio.proto.livekit.livekit_egress", "lktrio.proto.livekit.livekit_sip")


def loaded_by(program: str) -> set[str]:
    """The modules that are loaded when a fresh interpreter has run the program."""
    report = f"{program}\nimport sys\nprint(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", report], check=True, capture_output=True, text=True
    )
    return set(done.stdout.split())


def of_packages(modules: set[str], packages: tuple[str, ...]) -> set[str]:
    prefixes = tuple(f"{package}." for package in packages)
    return {name for name in modules if name in packages or name.startswith(prefixes)}


def test_importing_the_package_loads_nothing_heavy() -> None:
    modules = loaded_by("import lktrio")

    assert "lktrio" in modules
    assert not of_packages(modules, HEAVY)


def test_naming_what_the_package_has_loads_nothing_heavy() -> None:
    assert not of_packages(loaded_by("import lktrio\ndir(lktrio)\nlktrio.__all__"), HEAVY)


def test_signing_tokens_loads_neither_the_http_client_nor_the_webrtc_stack() -> None:
    modules = loaded_by("import lktrio\nlktrio.AccessToken().to_jwt('key', 's' * 32)")

    assert "lktrio.auth" in modules
    assert not of_packages(modules, ("httpx", "lktrio.rtc", "lktrio.room", "lktrio.proto.livekit"))


@pytest.mark.parametrize("name", ["open_room", "connect_room", "Room"])
def test_rooms_load_neither_the_http_client_nor_the_messages_of_the_apis(name: str) -> None:
    modules = loaded_by(f"import lktrio\nlktrio.{name}")

    assert "lktrio.room" in modules
    needless = ("httpx", "lktrio.api", "socksio", "urllib.request", *API_MESSAGES)
    assert not of_packages(modules, needless)


def test_the_client_of_the_apis_loads_no_webrtc_stack_and_no_service_before_its_use() -> None:
    modules = loaded_by("import lktrio\nlktrio.LiveKitAPI")

    assert "lktrio.api" in modules
    assert not of_packages(modules, ("lktrio.rtc", "lktrio.room", *API_MESSAGES))


def test_the_protocol_core_loads_no_trio_and_nothing_that_waits() -> None:
    """Whatever ``cryptography`` brings with it is not our choice: it is loaded before."""
    files = sorted(path.relative_to(CORE.parents[1]) for path in CORE.rglob("*.py"))
    names = [".".join(path.with_suffix("").parts).removesuffix(".__init__") for path in files]
    loaded_before = loaded_by("import cryptography.x509")
    loaded = loaded_by("import cryptography.x509\n" + "\n".join(f"import {name}" for name in names))

    assert {"lktrio.rtc.peer", "lktrio.rtc.ice.agent"} <= loaded
    waiting = ("trio", "socket", "select", "logging", "asyncio", "threading", "subprocess", "ssl")
    above = ("lktrio.errors", "lktrio.proto", "lktrio.auth", "lktrio.net", "lktrio.media")
    assert not of_packages(loaded - loaded_before, (*waiting, *above))


def test_every_error_has_one_name_wherever_it_is_imported_from() -> None:
    for name in errors.__all__:
        assert name in lktrio.__all__, name
        assert getattr(lktrio, name) is getattr(errors, name), name
        assert getattr(errors, name).__module__ == "lktrio.errors", name
