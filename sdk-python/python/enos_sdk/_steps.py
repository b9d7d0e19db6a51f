"""The steps of a connection's life as an async iterator."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING

from enos_sdk._errors import EnosError
from enos_sdk._types import Closed, Lifecycle

if TYPE_CHECKING:
    from collections.abc import Callable

    from enos_sdk._native import Registration

MOST = 1000


class LifecycleSteps:
    """Steps since this was made, for `async for`; ends behind `Closed`, or with `aclose`.

    What is not taken waits: up to 1,000 steps, then the oldest is dropped and counted. One task takes them.
    """

    def __init__(self, register: Callable[[Callable[[Lifecycle], None]], Registration]) -> None:
        self._queue = queue = _Queue()
        self._ended = False
        # The handler must not hold this object, which takes it away when nobody refers to it any more.
        self._registration = register(queue.put)

    @property
    def dropped(self) -> int:
        """How many steps were dropped, because they were not taken in time."""
        return self._queue.dropped

    def __aiter__(self) -> LifecycleSteps:
        return self

    async def __anext__(self) -> Lifecycle:
        if self._ended:
            raise StopAsyncIteration
        step = await self._queue.take()
        if step is None or isinstance(step, Closed):
            self._end()
        if step is None:
            raise StopAsyncIteration
        return step

    async def aclose(self) -> None:
        """Takes no more steps; who waits for one is told that there is none."""
        self._end()
        self._queue.end()

    def _end(self) -> None:
        self._ended = True
        with contextlib.suppress(EnosError):
            self._registration.close()

    def __del__(self) -> None:
        if not getattr(self, "_ended", True) and hasattr(self, "_registration"):
            self._end()


class _Queue:
    def __init__(self) -> None:
        self._steps: deque[Lifecycle] = deque()
        self._came = asyncio.Event()
        self._over = False
        self.dropped = 0

    def put(self, step: Lifecycle) -> None:
        if len(self._steps) == MOST:
            self._steps.popleft()
            self.dropped += 1
        self._steps.append(step)
        self._came.set()

    def end(self) -> None:
        self._over = True
        self._came.set()

    async def take(self) -> Lifecycle | None:
        while not self._steps:
            if self._over:
                return None
            self._came.clear()
            await self._came.wait()
        return self._steps.popleft()
