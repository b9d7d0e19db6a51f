"""The client for asyncio: the same verbs with `await`, handlers in the event loop, no thread for a call."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TYPE_CHECKING, Any

from enos_sdk import _native
from enos_sdk._common import Base
from enos_sdk._errors import ErrorKind, InvalidStateError
from enos_sdk._line import Line
from enos_sdk._steps import LifecycleSteps
from enos_sdk._types import WakeReport

if TYPE_CHECKING:
    from types import TracebackType

    from enos_sdk._doctor import DoctorReport
    from enos_sdk._native import Invocation
    from enos_sdk._types import Delivery, Lifecycle, Outputs, Points, Time


class AsyncClient(
    Base["Callable[[Invocation], Outputs | None | Awaitable[Outputs | None]]", "Callable[[Lifecycle], object]"]
):
    """A device's connection to the hub, for one event loop: the one that first awaits something of it.

    Handlers run in that loop, and may be `async def`. A wait that is cancelled is left at once; what was handed over
    by then may still reach the hub. Entering `async with` does not connect: handlers come first.
    """

    def _prepare(self) -> None:
        self._inbox = self._bridge = _native.Bridge()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Future[None]] = set()

    def _made(self) -> None:
        self._line = Line(self._core, self._inbox)

    def _future(self) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._open(loop)
        return loop.create_future()

    def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._loop is not None:
            text = "the client belongs to another event loop. Make one in each loop."
            raise InvalidStateError(ErrorKind.INVALID_STATE, text)
        self._loop = loop
        self._inbox.open(loop.call_soon_threadsafe, self._run)

    def _run(self, handler: Callable[[Invocation], Any], call: Invocation) -> None:
        """Runs a handler for a command, in the loop."""
        try:
            result = handler(call)
        except Exception as error:
            call._fail(error)
            return
        if not isawaitable(result):
            call._finish(result)
            return
        task = asyncio.ensure_future(self._await(result, call))
        # The loop itself holds tasks weakly.
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @staticmethod
    async def _await(result: Awaitable[Any], call: Invocation) -> None:
        try:
            outputs = await result
        except Exception as error:
            call._fail(error)
        else:
            call._finish(outputs)

    async def connect(self, *, timeout: float | None = None) -> None:
        """Connects and signs in; from then on every loss is healed in the background. As `Client.connect`.

        Cancelled, it goes on in the background until its time is over: close the client to stop it.
        """
        future = self._future()
        self._core.connect_async(timeout, self._inbox, future)
        await future

    async def close(self, *, timeout: float | None = None) -> None:
        """Takes nothing new, lets open posts settle within the time (2 s), and signs off. As `Client.close`.

        Handlers that still run are cancelled: the hub hears no answer any more.
        """
        future = self._future()
        self._core.close_async(timeout, self._inbox, future)
        await future
        current = asyncio.current_task()
        tasks = [task for task in self._tasks if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # Nothing is left but the SDK's threads, which end now.
        self._core.close(0)

    async def sleep(self, *, timeout: float | None = None) -> WakeReport:
        """Finishes what is open, so that the device may sleep. As `Client.sleep`."""
        future = self._future()
        self._core.sleep_async(timeout, self._inbox, future)
        return WakeReport(*await future)

    async def doctor(self, *, timeout: float | None = None) -> DoctorReport:
        """Walks the client's own way, and says which step fails, why, and what to do. As `Client.doctor`."""
        from enos_sdk._doctor import report

        future = self._future()
        self._core.doctor_async(timeout, self._inbox, future)
        return report(await future)

    def post_measurepoints(
        self, points: Points, *, time: Time | None = None, timeout: float | None = None
    ) -> asyncio.Future[Delivery]:
        """Posts points of one moment; awaited, it gives the fate. As `Client.post_measurepoints`.

        The post is under way when this returns, so many can be open at once. While the queue is full it stands in line
        for room, within its time; then it fails with `ResourceError`. Cancelled in the line, it is not posted.
        """
        future = self._future()
        self._line.post(future, points, time, timeout)
        return future

    def lifecycle(self) -> LifecycleSteps:
        """The steps of the connection's life from now on, for `async for`; ends behind `Closed`.

        What is not taken waits: up to 1,000 steps, then the oldest is dropped and counted.
        """
        self._future()
        return LifecycleSteps(self.add_lifecycle_handler)

    async def __aenter__(self) -> AsyncClient:
        self._future()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
