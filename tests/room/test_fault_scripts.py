"""Whatever happens to the links of a call, everybody ends up with the same room; see `Script`."""

from __future__ import annotations

import os

import pytest

from tests.support.fault_scripts import Script
from tests.support.servers import open_server

pytestmark = pytest.mark.virtual_time
DEADLINE = 100_000.0

_SEEDS = range(int(os.environ.get("LKTRIO_FAULT_SCRIPTS", "3")))


async def test_every_script_ends_with_one_room_for_all() -> None:
    """Set LKTRIO_FAULT_SCRIPTS to the number of scripts for more of them."""
    for seed in _SEEDS:
        async with open_server("embedded") as server:
            script = Script(server, seed)
            try:
                await script.play()
            except BaseException as error:
                error.add_note("\n".join((f"script {seed}:", *script.log)))
                raise
