"""The same verbs for asyncio, and what only asyncio has: cancellation, time-outs, `async for`, other loops."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from enos_mock_hub import Hub, HubError
from enos_sdk import (
    AsyncClient,
    Closed,
    ClosedError,
    Delivery,
    DeviceSecret,
    ErrorKind,
    InvalidArgumentError,
    InvalidStateError,
    Invocation,
    LifecycleSteps,
    Limits,
    LinkError,
    Online,
    ResourceError,
)
from enos_sdk import HubError as Refused


@pytest_asyncio.fixture
async def online(enos_hub: Hub, login: DeviceSecret) -> AsyncIterator[AsyncClient]:
    async with AsyncClient(enos_hub.url, login) as client:
        await client.connect(timeout=60)
        yield client


async def test_posts_and_refusals(online: AsyncClient, enos_hub: Hub) -> None:
    assert await online.post_measurepoints({"temp": 21.5}) is Delivery.ACKNOWLEDGED
    assert await asyncio.to_thread(enos_hub.latest, "t-1") == {"temp": 21.5}
    with pytest.raises(Refused, match="1204"):
        await online.post_measurepoints({"nowhere": 1})
    await online.connect()


async def test_more_posts_than_the_queue_holds(enos_hub: Hub, login: DeviceSecret) -> None:
    threads = threading.active_count()
    async with AsyncClient(enos_hub.url, login, limits=Limits(requests=16)) as client:
        await client.connect(timeout=60)
        fates = await asyncio.gather(*(client.post_measurepoints({"temp": 1.0}, timeout=60) for _ in range(500)))
        assert set(fates) == {Delivery.ACKNOWLEDGED} and client.stats().acknowledged == 500
        assert threading.active_count() <= threads + 2, "no thread for a call"


class Counting:
    """The native client, and how often posts were tried."""

    def __init__(self, core: Any) -> None:
        self.core = core
        self.tried = 0

    def post_async(self, *words: Any) -> None:
        self.tried += 1
        self.core.post_async(*words)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.core, name)


async def test_a_full_queue_is_waited_for_without_a_look_each_moment(login: DeviceSecret) -> None:
    loop = asyncio.get_running_loop()
    async with AsyncClient("tcp://127.0.0.1:9", login, limits=Limits(requests=1)) as client:
        assert client._core.patience(None) == 10.0, "the limit of a post that names none is the core's"
        counting = client._line._core = Counting(client._core)  # type: ignore[assignment]
        opened = client.post_measurepoints({"temp": 1.0}, timeout=60)
        begun = loop.time()
        waiting = [client.post_measurepoints({"temp": 2.0}, timeout=0.4) for _ in range(3)]
        for fate in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(fate, ResourceError) and fate.kind is ErrorKind.QUEUE_FULL and fate.retryable, fate
        assert 0.39 <= loop.time() - begun < 5
        assert counting.tried == 2, "the open one and the first that found no room; the others stood behind it"
        assert not client._line._waiting and not opened.done()
        last = client.post_measurepoints({"temp": 3.0}, timeout=60)
        assert not last.done()
    for post in (opened, last):
        with pytest.raises(ClosedError):
            await post


async def test_room_goes_to_who_came_first_and_not_to_who_left(enos_hub: Hub, login: DeviceSecret) -> None:
    async with AsyncClient(enos_hub.url, login, limits=Limits(requests=1)) as client:
        settled: list[int] = []

        def post(number: int) -> asyncio.Future[Delivery]:
            future = asyncio.ensure_future(client.post_measurepoints({"temp": float(number)}, timeout=60))
            future.add_done_callback(lambda _: settled.append(number))
            return future

        posts = [post(number) for number in range(8)]
        posts[3].cancel()
        await asyncio.sleep(0)
        assert len(client._line._waiting) == 6
        wrong = client.post_measurepoints({"temp": object()}, timeout=60)  # type: ignore[dict-item]
        await client.connect(timeout=60)
        fates = await asyncio.gather(*posts, return_exceptions=True)
        assert isinstance(fates.pop(3), asyncio.CancelledError) and set(fates) == {Delivery.ACKNOWLEDGED}
        assert settled == [3, 0, 1, 2, 4, 5, 6, 7] and client.stats().acknowledged == 7
        with pytest.raises(InvalidArgumentError):
            await wrong
        assert await asyncio.to_thread(enos_hub.latest, "t-1") == {"temp": 7.0}


async def test_a_wait_that_is_cancelled_is_left(enos_hub: Hub, login: DeviceSecret) -> None:
    async with AsyncClient("tcp://127.0.0.1:9", login) as client:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.post_measurepoints({"temp": 1.0}, timeout=60), 0.05)
        task = asyncio.ensure_future(client.post_measurepoints({"temp": 1.0}, timeout=60))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(LinkError) as lost:
            await client.post_measurepoints({"temp": 1.0}, timeout=0.05)
        assert lost.value.kind is ErrorKind.LINK_LOST
        open_post = client.post_measurepoints({"temp": 1.0}, timeout=60)
    with pytest.raises(ClosedError):
        await open_post
    with pytest.raises(ClosedError):
        await client.connect()


async def test_handlers_run_in_the_loop(online: AsyncClient, enos_hub: Hub) -> None:
    loop, seen = asyncio.get_running_loop(), []

    @online.on_service("reboot")
    async def reboot(call: Invocation) -> dict[str, bool]:
        seen.append(asyncio.get_running_loop())
        await asyncio.sleep(0.01)
        if call.args["delay"] == 2:
            raise RuntimeError("planted")
        await online.post_measurepoints({"temp": 4.5})
        return {"accepted": True}

    @online.on_measurepoint_set
    def set_points(call: Invocation) -> None:
        seen.append(asyncio.get_running_loop())

    def ask(delay: int) -> Any:
        return enos_hub.invoke("t-1", "reboot", {"delay": delay})

    answers = await asyncio.gather(*(asyncio.to_thread(ask, 1) for _ in range(5)))
    assert answers == [{"accepted": True}] * 5
    with pytest.raises(HubError, match="1102"):
        await asyncio.to_thread(ask, 2)
    await asyncio.to_thread(enos_hub.set, "t-1", "setpoint", 1500)
    assert seen == [loop] * 7


class Registered:
    """Where an iterator registers, in a test."""

    closed = 0

    def register(self, handler: Any) -> Any:
        self.handler = handler
        return self

    def close(self) -> None:
        self.closed += 1


async def test_lifecycle_is_an_iterator(enos_hub: Hub, login: DeviceSecret) -> None:
    client = AsyncClient(enos_hub.url, login)

    async def watch(steps: LifecycleSteps) -> list[str]:
        return [type(step).__name__ async for step in steps]

    steps = client.lifecycle()
    given_up = client.lifecycle()
    watching = asyncio.create_task(watch(steps))
    waiting = asyncio.create_task(watch(given_up))
    await asyncio.sleep(0)
    await given_up.aclose()
    assert await asyncio.wait_for(waiting, 60) == []
    await client.connect(timeout=60)
    await client.close()
    assert await asyncio.wait_for(watching, 60) == ["Connecting", "Online", "Offline", "Closed"]
    assert [step async for step in steps] == [] and steps.dropped == 0


async def test_steps_that_nobody_takes_are_dropped_and_counted() -> None:
    registration = Registered()
    steps = LifecycleSteps(registration.register)
    for _ in range(1010):
        registration.handler(Online())
    registration.handler(Closed())
    assert steps.dropped == 11
    assert [type(step).__name__ async for step in steps] == ["Online"] * 999 + ["Closed"]
    assert registration.closed == 1
    left = LifecycleSteps(registration.register)
    del left
    gc.collect()
    assert registration.closed == 2, "who is forgotten is taken away"


async def test_close_within_a_handler(online: AsyncClient, enos_hub: Hub) -> None:
    closed = asyncio.Event()

    @online.on_service("reboot")
    async def reboot(call: Invocation) -> None:
        call.defer().ok({"accepted": True})
        await online.close()
        closed.set()

    await asyncio.to_thread(enos_hub.invoke, "t-1", "reboot", {"delay": 1})
    await asyncio.wait_for(closed.wait(), 60)
    await online.close()


def test_a_client_belongs_to_one_loop(enos_hub: Hub, login: DeviceSecret) -> None:
    client = AsyncClient(enos_hub.url, login)

    async def use() -> None:
        await client.connect(timeout=60)
        await client.post_measurepoints({"temp": 1.0})

    asyncio.run(use())
    with pytest.raises(InvalidStateError, match="another event loop"):
        asyncio.run(use())


def test_a_loop_that_is_gone_keeps_nobody(enos_hub: Hub, login: DeviceSecret) -> None:
    client = AsyncClient(enos_hub.url, login)
    client.on_service("reboot")(lambda call: {"accepted": True})

    async def use() -> None:
        await client.connect(timeout=60)

    asyncio.run(use())
    with pytest.raises(HubError, match="1102"):
        enos_hub.invoke("t-1", "reboot", {"delay": 1})
