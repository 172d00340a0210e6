"""Virtual time: an event loop whose clock jumps to the next timer, and processes that die or stall between two steps.

No thread, no socket, no real sleep: two runs of the same program do the same steps in the same order.
"""

import asyncio
import contextlib
import heapq
import warnings
from asyncio import events
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from datetime import UTC, datetime, timedelta
from typing import Any, Final

BEGINNING: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEPS_MAX: Final = 2_000_000
"""Callbacks of one run: beyond it something goes round in circles."""


class StuckError(Exception):
    """Nothing will ever happen again, or the same thing for ever."""


class Process:
    """One operating system process. What dies with it is memory; what it has sent is sent."""

    def __init__(self, loop: "VirtualLoop", name: str) -> None:
        self.name = name
        self.alive = True
        self.stalled_until = 0.0
        self.deaths: list[Callable[[], None]] = []
        """Called when it dies, by what notices that: a broker, whoever starts it again."""
        self.stalls: list[Callable[[float], None]] = []
        """Called with the seconds when it stalls."""
        self._loop = loop
        self._context = copy_context()
        self._context.run(PROCESS.set, self)

    def spawn[T](self, coroutine: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine in this process; what it starts is of this process as well."""
        return self._loop.create_task(coroutine, context=self._context)

    def later(self, seconds: float, callback: Callable[[], object]) -> None:
        """Let the world do something later, whether or not this process still lives."""
        self._loop.call_later(seconds, callback, context=OUTSIDE)

    def kill(self) -> None:
        """Take no further step of it, not even to clean up."""
        if self.alive:
            self.alive = False
            for notice in self.deaths:
                notice()

    def stall(self, seconds: float) -> None:
        """Take no step of it for so long, as when its machine stands still."""
        self.stalled_until = max(self.stalled_until, self._loop.time() + seconds)
        for notice in self.stalls:
            notice(seconds)


PROCESS: ContextVar[Process | None] = ContextVar("process", default=None)
"""Whose step it is; None for the world outside."""

OUTSIDE: Final = copy_context()
"""In which the world's own callbacks run: they outlive the process that caused them."""


class Call:
    """A callback on its way. asyncio's own handles serve its debugging as well, and take three times as long."""

    __slots__ = ("_when", "args", "callback", "context", "dropped")

    def __init__(self, callback: Any, args: tuple[Any, ...], context: Context, when: float) -> None:  # noqa: ANN401 - as asyncio has it
        self.callback = callback
        self.args = args
        self.context = context
        self.dropped = False
        self._when = when

    def cancel(self) -> None:
        """Do not run it."""
        self.dropped = True

    def cancelled(self) -> bool:
        """Tell whether it will not run."""
        return self.dropped

    def when(self) -> float:
        """Return its time."""
        return self._when


type Entry = Call | asyncio.Future[None]


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop in virtual seconds since `BEGINNING`."""

    _ready: Any  # of BaseEventLoop: what runs next

    def __init__(self) -> None:
        super().__init__()
        self._clock = 0.0
        self._queue: list[tuple[float, int, Entry]] = []
        self._serial = 0
        self.steps = 0
        self._started: list[asyncio.Task[Any]] = []
        self.unseen: list[BaseException] = []
        """With what tasks ended that nobody asked, known after `discard`."""

    def time(self) -> float:
        """Return virtual seconds."""
        return self._clock

    def now(self) -> datetime:
        """Return the virtual time of day."""
        return BEGINNING + timedelta(seconds=self._clock)

    def pause(self, seconds: float) -> asyncio.Future[None]:
        """Return what is done after so many virtual seconds."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        self._push(self._clock + seconds, future)
        return future

    def call_soon(self, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override] # noqa: ANN401 - as asyncio has it, untyped
        """Run a callback in this instant, after what is to run already."""
        call = Call(callback, args, copy_context() if context is None else context, self._clock)
        self._ready.append(call)
        return call

    def call_later(self, delay: float, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override] # noqa: ANN401 - as asyncio has it, untyped
        """Run a callback after a delay."""
        return self.call_at(self._clock + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Any, *args: Any, context: Context | None = None) -> Any:  # type: ignore[override] # noqa: ANN401 - as asyncio has it, untyped
        """Run a callback at a time."""
        call = Call(callback, args, copy_context() if context is None else context, when)
        self._push(when, call)
        return call

    def create_task(self, coro: Any, *, name: Any = None, context: Context | None = None) -> asyncio.Task[Any]:  # noqa: ANN401 - as asyncio has it
        """Start a task and remember it, to end it with the run."""
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name, context=context)
        self._started.append(task)
        return task

    def discard(self) -> None:
        """Drop every task that has not ended. Their clean-up meets a world that is over and has no effect on it."""
        events._set_running_loop(self)  # noqa: SLF001 - clean-up may start tasks, which are dropped in turn
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # what it does not await any more
            self._drop_tasks()
        events._set_running_loop(None)  # noqa: SLF001 - as above
        self._ready.clear()
        self._queue.clear()
        self.close()

    def _drop_tasks(self) -> None:
        while self._started:
            task = self._started.pop()
            if task.done():
                unseen = task._log_traceback  # noqa: SLF001 - that it was never looked at
                error = None if task.cancelled() else task.exception()
                if error is not None and unseen:
                    self.unseen.append(error)
                continue
            task._log_destroy_pending = False  # type: ignore[attr-defined] # noqa: SLF001 - it is dropped on purpose
            coroutine: Any = task.get_coro()
            for _ in range(20):
                # Each turn ends one more await of its clean-up.
                with contextlib.suppress(BaseException):
                    coroutine.close()
                    break

    def _push(self, when: float, entry: Entry) -> None:
        self._serial += 1
        heapq.heappush(self._queue, (when, self._serial, entry))

    def _run_once(self) -> None:
        ready = self._ready
        if not ready:
            self._advance()
        while ready:
            call = ready.popleft()
            if call.dropped:
                continue
            process = call.context.get(PROCESS)
            if process is not None:
                if not process.alive:
                    continue
                if process.stalled_until > self._clock:
                    self._push(process.stalled_until, call)
                    continue
            self.steps += 1
            call.context.run(call.callback, *call.args)
            if self._stopping:  # type: ignore[attr-defined] # of BaseEventLoop
                return
        if self.steps > STEPS_MAX:
            message = f"more than {STEPS_MAX} steps"
            raise StuckError(message)

    def _advance(self) -> None:
        if not self._queue:
            message = "nothing will ever happen again"
            raise StuckError(message)
        when, _, entry = heapq.heappop(self._queue)
        self._clock = max(self._clock, when)
        if isinstance(entry, Call):
            self._ready.append(entry)
        elif not entry.done():
            entry.set_result(None)

    def _asyncgen_finalizer_hook(self, agen: object) -> None:
        """Leave a generator that was dropped as it is: when that is noticed depends on the collector of garbage."""

    def _process_events(self, event_list: Any) -> None:  # noqa: ANN401 - as BaseEventLoop has it
        """Nothing comes from outside."""

    def _write_to_self(self) -> None:
        """Nobody waits in another thread."""
