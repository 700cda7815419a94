"""Arithmetic on sorted lists of disjoint integer ranges: what gap blocks acknowledge."""

from __future__ import annotations

from typing import TypeAlias

__all__ = ["Ranges", "merge_ranges"]

Ranges: TypeAlias = list[tuple[int, int]]
"""First and last member of each range, ascending and disjoint."""


def merge_ranges(known: Ranges, blocks: Ranges) -> tuple[Ranges, Ranges]:
    """Unite two sorted lists of disjoint ranges.

    Returns:
        The union, and the part of ``blocks`` that is not in ``known``; both sorted, in time
        linear in the two lists.
    """
    fresh: Ranges = []
    index: int = 0
    count = len(known)
    for low, high in blocks:
        while index < count and known[index][1] < low:
            index += 1
        at = index
        while at < count and known[at][0] <= high:
            if known[at][0] > low:
                fresh.append((low, known[at][0] - 1))
            low = known[at][1] + 1
            at += 1
        index = max(index, at - 1)
        if low <= high:
            fresh.append((low, high))
    union: Ranges = []
    for low, high in sorted(known + fresh):  # two sorted runs: linear
        if union and union[-1][1] + 1 >= low:
            union[-1] = (union[-1][0], max(high, union[-1][1]))
        else:
            union.append((low, high))
    return union, fresh
