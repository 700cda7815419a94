"""One test for all cases of a table."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import pytest

_PARAMETERS = type(pytest.param())


def each_case(
    names: str, table: Iterable[Any]
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Run a test once for each entry of a table, and name the entry that fails.

    It takes the place of ``pytest.mark.parametrize`` where a test of its own for every case would
    cost more than the case itself; decorators may be stacked.

    Args:
        names: The argument of the test, or several with commas between them.
        table: Values, or tuples of values, for the arguments, or ``pytest.param(..., id=...)``; a
            mapping gives its keys.
    """
    wanted = [name.strip() for name in names.split(",")]
    rows = [_row(row, single=len(wanted) == 1) for row in table]
    assert rows, "the table is empty"

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            for label, values in rows:
                try:
                    test(*args, **kwargs, **dict(zip(wanted, values, strict=True)))
                except BaseException as error:
                    error.add_note(f"case: {names} = {label:.200}")
                    raise

        signature = inspect.signature(test)
        kept = [each for each in signature.parameters.values() if each.name not in wanted]
        run.__signature__ = signature.replace(parameters=kept)  # type: ignore[attr-defined]  # read by pytest
        return run

    return decorate


def _row(row: Any, *, single: bool) -> tuple[str, tuple[Any, ...]]:
    """The name of a case and its values."""
    if isinstance(row, _PARAMETERS):
        return str(row.id), tuple(row.values)
    return repr(row), (row,) if single else tuple(row)
