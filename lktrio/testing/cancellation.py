"""Cancelling an operation at every point where it can be cancelled.

Theory of operation: the operation is run again and again, and its n-th run is cancelled at the end
of the n-th step that it, or a task it started, takes between two checkpoints. So the cancellation
meets it in every state in which it can wait. The first run that is over before its turn ends the
sweep. After each run nothing may be left: no task, no socket, and nothing that Python warns of
(objects that were not closed, coroutines that were not awaited).

::

    async def operation():
        async with open_signal(url, token) as connection:
            await connection.responses.receive()

    runs = await cancel_at_every_checkpoint(operation)

The steps are counted by an instrument of trio, which sees the end of each step of each task, and
cancels then and there. Nothing in the operation has to know.
"""

from __future__ import annotations

import gc
import socket
import warnings
from collections.abc import Awaitable, Callable
from pathlib import Path

import trio
import trio.testing

__all__ = ["cancel_at_every_checkpoint"]

_DESCRIPTORS = Path("/proc/self/fd")
_WARM_UP = 0.1  # seconds in which what was started before may take its place
_POLL = 0.002  # seconds between two looks at what is still open


async def cancel_at_every_checkpoint(
    operation: Callable[[], Awaitable[object]],
    *,
    after_each: Callable[[], Awaitable[object]] | None = None,
    since: Callable[[], object] | None = None,
    raises: tuple[type[Exception], ...] = (),
    part: tuple[int, int] = (1, 1),
    settle: float = 2.0,
    patience: float = 10.0,
    limit: int = 10_000,
) -> int:
    """Run an operation until it completes, each time cancelling it one checkpoint later.

    Args:
        operation: What to run; called anew for each run.
        after_each: Called after each run, also the last; raises if something is wrong.
        since: What has to hold for a checkpoint to count; it is called at each step until it
            returns something true, in every run anew. Of use for operations that begin with what
            another test already sweeps over.
        raises: Exceptions that the operation may raise; others than these are a failure.
        part: Which part of the sweep this is, and of how many: ``(2, 3)`` cancels at the second
            checkpoint, the fifth, the eighth and so on. Of use to divide a long sweep among
            several processes, machines or Pythons, which together do all of it.
        settle: Seconds in which others (a server in this process) may finish with a run.
        patience: Seconds that one run may take, its cleanup after cancellation included.
        limit: Runs after which the operation is thought never to complete.

    Returns:
        How many checkpoints the operation has, as the run showed that was not cancelled: with
        ``part`` left out, how many runs were cancelled.

    Raises:
        AssertionError: A run left something behind, hung, or answered cancellation with an
            exception. The message tells the number of the checkpoint.
        ValueError: There is no such part.
    """
    first, parts = part
    if not 1 <= first <= parts:
        raise ValueError(f"there is no part {first} of {parts}")
    with trio.move_on_after(_WARM_UP):
        await trio.testing.wait_all_tasks_blocked(_POLL)
    tasks, sockets = _living_tasks(), _open_sockets()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for checkpoint in range(first, first + limit * parts, parts):
            left = await _run(operation, checkpoint, since, raises, patience)
            await _check_left(checkpoint, tasks, sockets, settle)
            if after_each is not None:
                await after_each()
            if left:
                break
        else:
            raise AssertionError(f"it did not complete in {limit} runs")
        gc.collect()
    if caught:
        texts = "; ".join(dict.fromkeys(str(warning.message) for warning in caught))
        raise AssertionError(f"Python warned: {texts}")
    return checkpoint - left


class _CancelAtStep(trio.abc.Instrument):
    """Cancels a scope at the end of a step of the tasks below a root task."""

    def __init__(
        self,
        root: trio.lowlevel.Task,
        scope: trio.CancelScope,
        step: int,
        since: Callable[[], object] | None,
    ) -> None:
        self.left = step
        self._since = since
        self._root = root
        self._outside = list(root.child_nurseries)
        self._scope = scope

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        if self.left and self._belongs(task) and self._counts():
            self.left -= 1
            if not self.left:
                self._scope.cancel()

    def _counts(self) -> bool:
        if self._since is not None and self._since():
            self._since = None
        return self._since is None

    def _belongs(self, task: trio.lowlevel.Task) -> bool:
        """Whether a task is the root or was started below it since we are here."""
        while task is not self._root:
            nursery = task.parent_nursery
            if nursery is None or nursery in self._outside:
                return False
            task = nursery.parent_task
        return True


async def _run(
    operation: Callable[[], Awaitable[object]],
    checkpoint: int,
    since: Callable[[], object] | None,
    raises: tuple[type[Exception], ...],
    patience: float,
) -> int:
    """Run it once; how many checkpoints were left to its turn when it was over."""
    started = trio.current_time()
    patient, scope = trio.CancelScope(deadline=started + patience), trio.CancelScope()
    instrument = _CancelAtStep(trio.lowlevel.current_task(), scope, checkpoint, since)
    trio.lowlevel.add_instrument(instrument)
    try:
        with patient, scope:
            await operation()
    except raises:
        await trio.lowlevel.checkpoint()
    except Exception as error:
        raise AssertionError(
            f"cancelled at checkpoint {checkpoint}, it raised {error!r}"
        ) from error
    finally:
        trio.lowlevel.remove_instrument(instrument)
    took = trio.current_time() - started
    if patient.cancelled_caught or took > patience:
        raise AssertionError(f"cancelled at checkpoint {checkpoint}, it took {took:.1f} s")
    return instrument.left


async def _check_left(checkpoint: int, tasks: int, sockets: set[str], settle: float) -> None:
    await trio.lowlevel.checkpoint()
    with trio.move_on_after(settle):
        # Nothing tells when a socket is closed.
        while _living_tasks() > tasks or _open_sockets() - sockets:  # noqa: ASYNC110
            await trio.sleep(_POLL)
    more, opened = _living_tasks() - tasks, _open_sockets() - sockets
    if more > 0 or opened:
        raise AssertionError(
            f"cancelled at checkpoint {checkpoint}, it left {max(more, 0)} tasks "
            f"and {len(opened)} sockets"
        )


def _living_tasks() -> int:
    return trio.lowlevel.current_statistics().tasks_living


def _open_sockets() -> set[str]:
    """Something that stands for each open socket of this process."""
    if not _DESCRIPTORS.is_dir():  # not Linux
        sockets = [one for one in gc.get_objects() if isinstance(one, socket.socket)]
        return {str(id(one)) for one in sockets if one.fileno() >= 0}
    names: set[str] = set()
    for link in _DESCRIPTORS.iterdir():
        try:
            target = str(link.readlink())
        except OSError:  # the descriptor of this listing itself
            continue
        if target.startswith("socket:"):
            names.add(target)
    return names
