"""Posts of an event loop that wait for room in the queue."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

from enos_sdk._errors import EnosError, ErrorKind, ResourceError

if TYPE_CHECKING:
    import asyncio

    from enos_sdk._native import Bridge, ClientCore
    from enos_sdk._types import Points, Time


class _Waiting(NamedTuple):
    points: Points
    time: Time | None
    end: float
    timer: asyncio.TimerHandle


class Line:
    """Posts that wait for room, first come, first served.

    The native side is asked for room once for all of them, so a line costs neither a thread nor a timer that looks. Who
    waits holds their own points: the line is as long as the program makes it. A future that is cancelled leaves it.
    """

    def __init__(self, core: ClientCore, inbox: Bridge) -> None:
        self._core = core
        self._inbox = inbox
        self._waiting: OrderedDict[asyncio.Future[Any], _Waiting] = OrderedDict()
        self._asked = False

    def post(self, future: asyncio.Future[Any], points: Points, time: Time | None, timeout: float | None) -> None:
        """Posts now, or as soon as there is room; the future gets the fate. Raises what is wrong with the points."""
        patience = self._core.patience(timeout)
        if not self._waiting:
            try:
                self._core.post_async(points, time, timeout, self._inbox, future)
                return
            except ResourceError as error:
                if error.kind is not ErrorKind.QUEUE_FULL:
                    raise
        loop = future.get_loop()
        end = loop.time() + patience
        timer = loop.call_at(end, self._give_up, future)
        self._waiting[future] = _Waiting(points, time, end, timer)
        future.add_done_callback(self._forget)
        self._ask()

    def _ask(self) -> None:
        """Asks for room, unless that was done and not answered yet."""
        if self._asked:
            return
        room = next(iter(self._waiting)).get_loop().create_future()
        room.add_done_callback(self._go_on)
        try:
            self._core.room_async(self._inbox, room)
        except EnosError as error:
            room.cancel()
            for future in list(self._waiting):
                self._end(future, error)
        else:
            self._asked = True

    def _go_on(self, room: asyncio.Future[Any]) -> None:
        """There may be room."""
        if room.cancelled():
            return
        self._asked = False
        # If the client has ended, each post is told so below.
        room.exception()
        while self._waiting:
            future, waiting = next(iter(self._waiting.items()))
            if future.done():
                self._forget(future)
                continue
            left = max(0.0, waiting.end - future.get_loop().time())
            try:
                self._core.post_async(waiting.points, waiting.time, left, self._inbox, future)
            except EnosError as error:
                if error.kind is ErrorKind.QUEUE_FULL:
                    self._ask()
                    return
                self._end(future, error)
            except Exception as error:
                # What Python code among the points has raised.
                self._end(future, error)
            else:
                self._forget(future)

    def _give_up(self, future: asyncio.Future[Any]) -> None:
        text = "there was no room for the post in its time. Wait until open posts have settled, or raise the limit."
        kind = ErrorKind.QUEUE_FULL
        self._end(future, ResourceError(kind, text, retryable=kind.retryable))

    def _end(self, future: asyncio.Future[Any], error: Exception) -> None:
        self._forget(future)
        if not future.done():
            future.set_exception(error)

    def _forget(self, future: asyncio.Future[Any]) -> None:
        waiting = self._waiting.pop(future, None)
        if waiting is not None:
            waiting.timer.cancel()
