"""Prefetch: ask the model ahead of the test that needs the answer.

One daemon thread owns one event loop, the models' clients and all tasks. The pytest thread plans
asks and later blocks on the one it needs; nothing else crosses between the two threads.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextvars
import itertools
import os
import select
import selectors
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_modeleval.core.predictions import Failure, Prediction
from pytest_modeleval.errors import EngineError
from pytest_modeleval.models.base import time_out

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterable, Sequence

    from pytest_modeleval.core.asked import Asked
    from pytest_modeleval.core.keys import AnswerKey
    from pytest_modeleval.engine.engine import Engine
    from pytest_modeleval.engine.limits import Limit
    from pytest_modeleval.models.base import Model

__all__ = ["Ask", "Prefetcher", "Progress"]

Answer = Prediction | Failure
_T = TypeVar("_T")

_POLL_S = 1.0  # how often a waiting thread looks up, so that Ctrl-C works on every platform
_BACKLOG = 7  # calls that wait at a model which queues itself, so that it need not wait for us
_BLOCKED_S = 3.0  # how long beyond the time-out of an attempt the loop may stand still
_GIVE_WAY_S = 0.05  # how long a test lets a loop go first that has something to do
_WAKING_S = 0.00005  # how long a loop takes to wake up
_CANCEL_S = 3.0  # how long cancelled calls may take to end
_CLOSE_S = 2.0  # how long a client may take to close


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One case to be asked.

    Attributes:
        key: What the answer is fetched by; unique in a run.
        model: The model to ask.
        input: The case's input.
        stored_as: What the answer is found by in another run; None where nobody keeps it.
        then: What is done with the answer at once, on the engine's event loop: a coroutine
            function of the answer and of ``Prefetcher.ask_beside``. None for nothing.
    """

    key: str
    model: Model
    input: Any
    stored_as: AnswerKey | None = None
    then: Callable[[Answer, Callable[[Model, Any], Awaitable[Answer]]], Awaitable[Any]] | None = (
        None
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far the engine is.

    Attributes:
        n_in_flight: Calls under way.
        n_done: Answers so far.
        n_planned: Cases planned so far.
        n_handed_in: Those of the answers that were there already.
    """

    n_in_flight: int
    n_done: int
    n_planned: int
    n_handed_in: int = 0


@dataclass(slots=True, eq=False)  # two slots are never the same, whatever they hold
class _Slot:
    """One ask and the answer to come.

    Attributes:
        ask: The ask.
        planned_s: The clock when it was planned.
        turn: Its place in the order of the plan; below 0 where somebody waits for it already.
        is_issued: It counts as ahead of who fetches it: it is under way, or answered.
        is_settled: It is answered or given up, and takes no room any more.
        attempt_s: The clock when its latest attempt began; None where none is under way.
        answer: The answer once it is kept and there; a future tells no more, but behind a lock.
        future: The answer, for who waits.
        after: What came of what is done with the answer; None where nothing is.
        is_beside: It is asked about an answer, and is no case's own.
    """

    ask: Ask
    planned_s: float
    turn: int
    is_beside: bool = False
    is_issued: bool = False
    is_settled: bool = False
    attempt_s: float | None = None
    answer: Answer | None = None
    future: concurrent.futures.Future[Answer] = field(default_factory=concurrent.futures.Future)
    after: concurrent.futures.Future[Any] | None = None

    def __post_init__(self) -> None:
        if self.ask.then is not None:
            self.after = concurrent.futures.Future()


@dataclass(slots=True)
class _Lane:
    """The asks under one limit that wait for their turn, in order, and how many are under way.

    Attributes:
        limit: What says how many may be under way.
        n_more: Asks beyond that which wait at a model that queues them itself.
        beside: Asks about answers, which go before those that wait.
    """

    limit: Limit
    n_more: int
    waiting: deque[_Slot] = field(default_factory=deque)
    beside: deque[_Slot] = field(default_factory=deque)
    n_in_flight: int = 0

    @property
    def is_full(self) -> bool:
        """Whether there is no room for another ask."""
        return self.n_in_flight >= self.limit.size + self.n_more

    @property
    def queue(self) -> deque[_Slot]:
        """What the next ask is taken from."""
        return self.beside or self.waiting


class _Selector(selectors.DefaultSelector):
    """Says while the loop sleeps in it.

    Two busy threads of Python hand the interpreter to and fro at every system call, which slows
    both down. The thread that runs tests looks here and waits, once an item, until the loop
    sleeps: then questions leave on time, and latencies are the model's and not ours.

    Args:
        is_idle: Set while the loop sleeps.
    """

    def __init__(self, is_idle: threading.Event) -> None:
        super().__init__()
        self._is_idle = is_idle
        self._poll: select.poll | None = None
        if hasattr(select, "epoll"):
            self._poll = select.poll()
            self._poll.register(self.fileno(), select.POLLIN)

    def is_overdue(self) -> bool:
        """Whether something has come in since the loop fell asleep, so that it is to wake up.

        It can't before the thread that runs tests lets go of the interpreter, which that one does
        for too short a while to be noticed.
        """
        return self._poll is not None and self._is_idle.is_set() and bool(self._poll.poll(0))

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for events; see ``selectors``."""
        if timeout is not None and timeout <= 0:
            return super().select(timeout)
        if ready := super().select(0):
            return ready
        self._is_idle.set()
        try:
            return super().select(timeout)
        finally:
            self._is_idle.clear()


class Prefetcher:
    """Runs an ``Engine`` in a thread of its own, ahead of whoever needs the answers.

    Args:
        engine: Asks one case.
        concurrency: Calls in flight at once, over all models.
        look_ahead: Answers that may lie ready or be under way beyond those fetched; None for the
            whole plan, which is what hides slow calls behind quick ones.
        on_answers: Called on the engine's thread with the answers that have arrived since its
            last turn, before anyone can fetch them.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        concurrency: int,
        look_ahead: int | None = None,
        on_answers: Callable[[Sequence[tuple[Ask, Answer]]], None] | None = None,
    ) -> None:
        self.concurrency = concurrency
        self._engine = engine
        self._look_ahead = look_ahead
        self._on_answers = on_answers
        self._arrived: list[tuple[_Slot, Answer | Exception]] = []
        self._lock = threading.Lock()
        self._slots: dict[str, _Slot] = {}
        self._lanes: dict[Hashable, _Lane] = {}
        self._models: dict[int, Model] = {}
        self._followers: set[asyncio.Task[None]] = set()
        self._next_beside = itertools.count(1)
        self._next_turn = itertools.count()
        self._next_turn_now = itertools.count(-1, -1)
        self._n_in_flight = self._n_done = self._n_planned = self._n_ahead = 0
        self._n_handed_in = 0
        self._pid = os.getpid()
        self._alive_s = 0.0  # the clock when the loop last showed that nothing blocks it
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._context = contextvars.Context()
        self._tasks: dict[asyncio.Task[None], _Slot] = {}
        self._ready = threading.Event()
        self._is_idle = threading.Event()  # the loop has nothing to do but wait for its sockets
        self._selector: _Selector | None = None
        self._has_ended = threading.Event()
        self._is_stuck = False
        self._is_closing = False
        self._is_waking = False
        self._crash: BaseException | None = None
        self._thread = threading.Thread(target=self._main, name="modeleval-engine", daemon=True)

    # Of the thread that wants the answers:

    def start(self) -> None:
        """Start the thread; it waits for asks."""
        self._alive_s = time.perf_counter()
        self._thread.start()
        self._ready.wait()

    def plan(self, asks: Iterable[Ask]) -> None:
        """Ask these cases in this order, as soon as there is room; known keys are passed over."""
        now = time.perf_counter()
        with self._lock:
            for ask in asks:
                if ask.key not in self._slots:
                    slot = self._slots[ask.key] = _Slot(ask, now, next(self._next_turn))
                    self._lane(ask.model).waiting.append(slot)
                    self._n_planned += 1
                    if self._is_closing:
                        _call_off(slot.future)
        self._wake()

    def put(self, ask: Ask, answer: Answer) -> None:
        """Hand in an answer that is there already, so that it is not asked for again."""
        with self._lock:
            slot = _Slot(ask, time.perf_counter(), next(self._next_turn))
            self._slots[ask.key] = slot
            self._n_planned += 1
            self._n_done += 1
            self._n_handed_in += 1
        slot.future.set_result(answer)
        if slot.after is not None and self._loop is not None:
            self._loop.call_soon_threadsafe(self._follow, slot, answer)
        slot.answer = answer

    def is_planned(self, key: str) -> bool:
        """Whether an ask of that key is planned, under way, or answered and not fetched yet."""
        return key in self._slots

    def wait(self, key: str, *, on_poll: Callable[[], None] | None = None) -> None:
        """Block until the answer to a planned ask is there, and what is done with it at once.

        Returns at once where none is planned.

        Args:
            key: The ask's key.
            on_poll: Called about once a second while there is no answer.
        """
        # Tests that run while answers come in keep the next questions from leaving.
        if self._selector is not None and self._selector.is_overdue():
            time.sleep(_WAKING_S)
        self._is_idle.wait(_GIVE_WAY_S)
        slot = self._slots.get(key)
        if slot is None or (slot.answer is not None and slot.after is None):
            return
        self._put_first(slot)
        with suppress(Exception):  # it is raised again where the answer is fetched
            if not slot.future.done():
                self.block_on(slot.future, on_poll=on_poll)
            if slot.after is not None and not slot.after.done():
                self.block_on(slot.after, on_poll=on_poll)

    def result(self, ask: Ask) -> Answer:
        """The answer to an ask, blocking until it is there; an unplanned one is asked next.

        The answer is handed out once: the same key asked for again is asked anew.

        Raises:
            EngineError: The engine was closed or died.
        """
        return self.result_and_after(ask)[0]

    def result_and_after(self, ask: Ask) -> tuple[Answer, Any]:
        """The same, and what came of what is done with the answer; None where nothing is.

        Raises:
            EngineError: The engine was closed or died.
        """
        future = self.ask(ask)
        after = self._slots[ask.key].after
        try:
            answer = self.block_on(future)
            return answer, None if after is None else self.block_on(after)
        finally:
            self.discard(ask.key)

    def ready(self, key: str) -> Answer | None:
        """The answer of that key, where it is there and is all that is awaited; it is handed out."""
        slot = self._slots.get(key)
        if slot is None or slot.answer is None or slot.after is not None:
            return None
        if os.getpid() != self._pid:
            return None
        self.discard(key)
        return slot.answer

    def run(self, function: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
        """Run a coroutine on the engine's event loop and wait for it.

        Raises:
            EngineError: The engine was closed or died.
        """
        if self._loop is None or self._is_closing:
            raise EngineError("the run was stopped before the model had answered")
        return self.block_on(asyncio.run_coroutine_threadsafe(function(), self._loop))

    def ask(self, ask: Ask) -> concurrent.futures.Future[Answer]:
        """The answer to come of an ask; one that is not under way yet is asked next.

        Raises:
            EngineError: This is a forked process, which the engine does not live in.
        """
        if os.getpid() != self._pid:
            raise EngineError("the engine does not work in a forked process")
        with self._lock:
            slot = self._slots.get(ask.key)
            if slot is None:
                turn = next(self._next_turn_now)
                slot = self._slots[ask.key] = _Slot(ask, time.perf_counter(), turn)
                self._lane(ask.model).waiting.appendleft(slot)
                self._n_planned += 1
            if self._is_closing and not slot.is_issued:
                _call_off(slot.future)
        if slot.future.done():
            return slot.future  # the loop sleeps, and waking it once for each item is not free
        self._put_first(slot)
        self._wake()
        return slot.future

    def ask_inside(self, ask: Ask) -> concurrent.futures.Future[Answer]:
        """The answer to an ask that is part of another one, which holds its place already.

        Raises:
            EngineError: The engine was closed.
        """
        if self._loop is None or self._is_closing:
            raise EngineError("the run was stopped before the model had answered")
        with self._lock:
            self._lane(ask.model)  # so that it is closed with the others
        return asyncio.run_coroutine_threadsafe(
            self._engine.predict(ask.model, ask.input, is_budgeted=False), self._loop
        )

    def block_on(
        self,
        future: concurrent.futures.Future[_T],
        *,
        on_poll: Callable[[], None] | None = None,
    ) -> _T:
        """Wait for an answer in this thread.

        Raises:
            EngineError: The engine was closed or died, or a model blocks its event loop.
        """
        if threading.current_thread() is self._thread and not future.done():
            raise EngineError(
                "model.ask() blocks the event loop that would answer it; "
                "write await model.predict()"
            )
        n_stale = 0
        while not future.done():
            blocked_s = time.perf_counter() - self._alive_s
            is_stale = blocked_s > self._engine.timeout_s + _BLOCKED_S
            n_stale = n_stale + 1 if is_stale else 0
            if n_stale > 1:  # once may be a machine that stood still, this thread with it
                raise EngineError(
                    f"an async model has blocked the event loop for {blocked_s:.0f} s; "
                    "let it await what it waits for, or make it a plain function"
                )
            # On Python 3.11 a model's time-out and this poll's are the same class, so the state
            # of the future is asked and no exception is read.
            concurrent.futures.wait([future], timeout=_POLL_S)
            if future.done():
                break
            if not self._thread.is_alive():
                raise EngineError(f"the engine's thread died: {self._crash!r}")
            if on_poll is not None:
                on_poll()
        if future.cancelled():
            raise EngineError("the run was stopped before the model had answered")
        return future.result()

    def peek(self, key: str) -> Answer | None:
        """The answer to an ask, where it is there; it can still be fetched."""
        slot = self._slots.get(key)
        if slot is None or not slot.future.done() or slot.future.cancelled():
            return None
        return None if slot.future.exception() is not None else slot.future.result()

    def peek_after(self, key: str) -> Any:
        """What came of what is done with an answer, where that is there."""
        slot = self._slots.get(key)
        after = None if slot is None else slot.after
        if after is None or not after.done() or after.cancelled():
            return None
        return None if after.exception() is not None else after.result()

    def discard(self, key: str) -> None:
        """Forget an ask that nobody will fetch any more; one that waits is not asked."""
        if key not in self._slots:
            return
        with self._lock:
            slot = self._slots.pop(key, None)
            if slot is None:
                return
            if slot.is_issued:
                self._n_ahead -= 1
        if self._look_ahead is not None:
            self._wake()

    def release(self, model: Model) -> None:
        """Close a model that will not be asked again, and forget it."""
        if self._loop is not None and not self._is_closing:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._release, model)

    def progress(self) -> Progress:
        """How far the engine is."""
        return Progress(
            n_in_flight=self._n_in_flight,
            n_done=self._n_done,
            n_planned=self._n_planned,
            n_handed_in=self._n_handed_in,
        )

    def asked(self) -> list[Asked]:
        """How each model was asked so far."""
        return self._engine.asked()

    def cancel(self) -> None:
        """Stop asking and cancel what is in flight, without waiting; safe from any thread."""
        self._is_closing = True
        if self._loop is not None and self._stop is not None:
            with suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._stop.set)

    def close(self) -> None:
        """Stop asking, cancel what is in flight, close the models and end the thread.

        A call that does not heed its cancellation keeps the thread, but not the caller.
        """
        if os.getpid() != self._pid or not self._thread.is_alive():
            return
        self.cancel()
        self._has_ended.wait(_CANCEL_S + _CLOSE_S + 1)
        if not self._is_stuck:
            self._thread.join(_CLOSE_S)

    def _put_first(self, slot: _Slot) -> None:
        """Give an ask that is needed now the first turn, if it is not under way yet."""
        if slot.future.done() or slot.is_issued or slot.turn < 0:
            return
        with self._lock:
            waiting = self._lane(slot.ask.model).waiting
            if not slot.is_issued and slot in waiting:
                waiting.remove(slot)
                slot.turn = next(self._next_turn_now)
                waiting.appendleft(slot)
        self._wake()

    def _lane(self, model: Model) -> _Lane:
        lane = self._lanes.get(model.limit_key)
        if lane is None:
            n_more = _BACKLOG if model.queues_itself else 0
            lane = self._lanes[model.limit_key] = _Lane(self._engine.limit_of(model), n_more)
        if id(model) not in self._models:
            self._models[id(model)] = model  # to be closed, and so that its id stays its own
            model.resize(lane.limit.size)
        return lane

    def _wake(self) -> None:
        """Let the loop look for work; calls that come while one is pending are one."""
        if self._loop is None or self._is_waking or self._is_closing:
            return
        self._is_waking = True
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._pump)

    # Of the engine's own thread:

    async def ask_beside(self, model: Model, model_input: Any) -> Answer:
        """The answer to a question about an answer: it has a place of its own, before the plan.

        A case's own questions wait until those about cases that were paid for are answered.
        """
        key = f"#{next(self._next_beside)}"
        ask = Ask(key=key, model=model, input=model_input)
        with self._lock:
            slot = self._slots[key] = _Slot(ask, time.perf_counter(), -1, is_beside=True)
            self._lane(model).beside.append(slot)
        self._pump()
        try:
            return await asyncio.wrap_future(slot.future)
        finally:
            self.discard(key)

    def _follow(self, slot: _Slot, answer: Answer) -> None:
        """Begin what is to be done with an answer."""
        assert self._loop is not None
        if self._is_closing:
            return
        task = self._loop.create_task(self._do(slot, answer), context=self._context.copy())
        self._followers.add(task)
        task.add_done_callback(self._followers.discard)

    async def _do(self, slot: _Slot, answer: Answer) -> None:
        assert slot.ask.then is not None
        assert slot.after is not None
        try:
            found = await slot.ask.then(answer, self.ask_beside)
        except asyncio.CancelledError:
            _call_off(slot.after)
            raise
        except Exception as error:  # noqa: BLE001  (it belongs to whoever waits)
            slot.after.set_exception(error)
        else:
            slot.after.set_result(found)

    def _main(self) -> None:
        try:
            with asyncio.Runner(loop_factory=self._new_loop) as runner:
                runner.run(self._run())
        except BaseException as error:  # noqa: BLE001  (raised where someone waits for an answer)
            self._crash = error
        finally:
            self._is_closing = True
            self._is_idle.set()
            self._ready.set()
            self._cancel_futures()
            self._has_ended.set()

    def _new_loop(self) -> asyncio.AbstractEventLoop:
        if sys.platform == "win32":  # whose loop has no selector
            self._is_idle.set()
            return asyncio.new_event_loop()
        self._selector = _Selector(self._is_idle)
        return asyncio.SelectorEventLoop(self._selector)

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()
        self._stop = asyncio.Event()
        self._ready.set()
        if self._is_closing:
            return
        self._pump()
        self._loop.call_later(_POLL_S, self._give_up_hung)
        try:
            await self._stop.wait()
        finally:
            await self._wind_down()

    async def _wind_down(self) -> None:
        """Cancel what is in flight and close the models; what was given up is not waited for."""
        for task in (*self._followers, *self._tasks):
            task.cancel()
        heeding = [task for task, slot in self._tasks.items() if not slot.is_settled]
        heeding += self._followers
        if heeding:
            await asyncio.wait(heeding, timeout=_CANCEL_S)
        for model in self._models.values():
            with suppress(Exception):
                await asyncio.wait_for(model.close(), _CLOSE_S)
        self._hand_over()
        self._cancel_futures()
        # asyncio waits for all tasks before it lets the loop end, which may be never.
        tasks = (*self._tasks, *self._followers)
        self._is_stuck = any(not task.done() for task in tasks)
        self._has_ended.set()

    def _cancel_futures(self) -> None:
        """Let everybody know who still waits."""
        with self._lock:
            for slot in self._slots.values():
                _call_off(slot.future)
                if slot.after is not None:
                    _call_off(slot.after)

    def _pump(self) -> None:
        """Start as many asks as there is room for."""
        self._is_waking = False
        assert self._loop is not None
        while not self._is_closing:
            slot = self._next()
            if slot is None:
                return
            self._engine.lag.resume()
            # Not in the context of the case that has just ended, which may have left things there.
            task = self._loop.create_task(self._work(slot), context=self._context.copy())
            self._tasks[task] = slot
            task.add_done_callback(self._tasks.pop)

    async def _work(self, slot: _Slot) -> None:
        """Ask this and then whatever is next, as long as nothing of one case is left to another.

        A task for each would do. But answers come in bunches, and the questions after them would
        then all be sent at the end of the bunch, which keeps the bunch together: the server has
        nothing to do, and then we have nothing to do.
        """
        task = asyncio.current_task()
        assert task is not None
        while True:
            self._tasks[task] = slot
            await self._ask(slot)
            if not slot.ask.model.is_contained or task.cancelling() or self._is_closing:
                break
            following = self._next(only_contained=True)
            if following is None:
                break
            slot = following
            self._pump()  # the limit may have grown
        self._pump()

    def _next(self, *, only_contained: bool = False) -> _Slot | None:
        """The next ask that has room, counted as under way; None where there is none.

        What is needed now goes before the plan, and past a look-ahead that is used up.

        Args:
            only_contained: None too where the next one needs a task of its own.
        """
        with self._lock:
            if self._n_in_flight >= self.concurrency:
                return None
            is_full = self._look_ahead is not None and self._n_ahead >= self._look_ahead
            best: _Lane | None = None
            for lane in self._lanes.values():
                for waiting in (lane.beside, lane.waiting):
                    while waiting and self._slots.get(waiting[0].ask.key) is not waiting[0]:
                        waiting.popleft()  # it was discarded
                if not lane.queue or lane.is_full:
                    continue
                if best is None or lane.queue[0].turn < best.queue[0].turn:
                    best = lane
            if best is None or (is_full and best.queue[0].turn >= 0):
                return None
            if only_contained and not best.queue[0].ask.model.is_contained:
                return None
            slot = best.queue.popleft()
            slot.is_issued = True
            best.n_in_flight += 1
            self._n_in_flight += 1
            self._n_ahead += 1
            return slot

    async def _ask(self, slot: _Slot) -> None:
        ask = slot.ask

        def on_attempt(began_s: float | None) -> None:
            slot.attempt_s = began_s

        try:
            answer = await self._engine.predict(
                ask.model,
                ask.input,
                handed_over_s=slot.planned_s,
                on_attempt=on_attempt,
                is_judge=slot.is_beside,
            )
        except asyncio.CancelledError:
            if self._is_closing:
                _call_off(slot.future)
                raise
            self._settle(slot, Failure(kind="raised", message="the model cancelled its own task"))
        except Exception as error:  # noqa: BLE001  (a fault of ours: it belongs to whoever waits)
            self._settle(slot, error)
        else:
            self._settle(slot, answer)

    def _settle(self, slot: _Slot, answer: Answer | Exception) -> None:
        """Give the room of an answer free, and hand it over; a second one to an ask is late."""
        if slot.is_settled:
            return
        slot.is_settled = True
        assert self._loop is not None
        if not self._arrived:
            self._loop.call_soon(self._hand_over)
        self._arrived.append((slot, answer))
        with self._lock:
            self._lane(slot.ask.model).n_in_flight -= 1
            self._n_in_flight -= 1
            if not self._n_in_flight:
                self._engine.lag.pause()

    def _hand_over(self) -> None:
        """Keep the answers that have arrived, all at once, and let them be fetched."""
        arrived, self._arrived = self._arrived, []
        answers = [
            (slot.ask, answer)
            for slot, answer in arrived
            if not isinstance(answer, Exception) and not slot.is_beside
        ]
        trouble: Exception | None = None
        if answers and self._on_answers is not None:
            try:
                self._on_answers(answers)
            except Exception as error:  # noqa: BLE001  (it belongs to who waits for these answers)
                trouble = error
        for slot, answer in arrived:
            found = answer if trouble is None else trouble
            try:  # not suppress(), which costs more than all the rest
                if isinstance(found, Exception):
                    slot.future.set_exception(found)
                else:
                    slot.future.set_result(found)
                    slot.answer = found
            except concurrent.futures.InvalidStateError:
                continue  # who waited for it has cancelled it
            if slot.after is not None:
                if isinstance(found, Exception):
                    _call_off(slot.after)
                else:
                    self._follow(slot, found)
        self._n_done += sum(not slot.is_beside for slot, _ in arrived)

    def _release(self, model: Model) -> None:
        """Until it is closed a model stays among those that the end of the loop closes."""
        with self._lock:
            self._lanes.pop(model.limit_key, None)
        task = asyncio.ensure_future(model.close())
        task.add_done_callback(lambda _: self._forget(model))

    def _forget(self, model: Model) -> None:
        self._models.pop(id(model), None)

    def _give_up_hung(self) -> None:
        """Time out the attempts that did not end when they were cancelled for being late."""
        if self._is_closing or self._loop is None:
            return
        now = self._alive_s = time.perf_counter()
        timeout_s = self._engine.timeout_s
        for slot in list(self._tasks.values()):
            began_s = slot.attempt_s
            if slot.is_settled or began_s is None or slot.ask.model.queues_itself:
                continue
            if now - began_s > timeout_s + _POLL_S:
                self._settle(slot, time_out(timeout_s).failure)
        self._pump()
        self._loop.call_later(_POLL_S, self._give_up_hung)


def _call_off(future: concurrent.futures.Future[Any]) -> None:
    """Cancel an answer to come, and wake up at once who waits for it."""
    if not future.done():
        future.cancel()
        future.set_running_or_notify_cancel()
