"""The tasks of a room: the link to a server, and what is published and received over it.

The parts know each other through what they are given at construction, narrow Protocols and
callables; none of them knows the session that puts them together, or what programs hold.
"""

from __future__ import annotations
