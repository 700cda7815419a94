"""Stub."""

from __future__ import annotations


class TwirpServer:
    def __init__(self, core):
        pass

    async def respond(self, request, claims):
        return None
