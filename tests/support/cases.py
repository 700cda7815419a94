"""One test for all cases of a table."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import pytest

_PARAMETERS = type(pytest.param())


def each_case(
    names: str, table: Iterable[Any]
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
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

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            for label, values in rows:
                with _named(f"{names} = {label:.200}"):
                    test(*args, **kwargs, **dict(zip(wanted, values, strict=True)))

        @functools.wraps(test)
        async def run_async(*args: Any, **kwargs: Any) -> None:
            for label, values in rows:
                with _named(f"{names} = {label:.200}"):
                    await test(*args, **kwargs, **dict(zip(wanted, values, strict=True)))

        chosen: Any = run_async if inspect.iscoroutinefunction(test) else run
        signature = inspect.signature(test)
        kept = [each for each in signature.parameters.values() if each.name not in wanted]
        chosen.__signature__ = signature.replace(parameters=kept)  # read by pytest
        return cast("Callable[..., Any]", chosen)

    return decorate


@contextmanager
def _named(case: str) -> Iterator[None]:
    try:
        yield
    except BaseException as error:
        error.add_note(f"case: {case}")
        raise


def _row(row: Any, *, single: bool) -> tuple[str, tuple[Any, ...]]:
    """The name of a case and its values."""
    if isinstance(row, _PARAMETERS):
        return str(row.id), tuple(row.values)
    return repr(row), (row,) if single else tuple(row)
