"""The same verbs for asyncio, and what only asyncio has: cancellation, time-outs, `async for`, other loops."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from enos_mock_hub import Hub, HubError
from enos_sdk import (
    AsyncClient,
    ClosedError,
    Delivery,
    DeviceSecret,
    ErrorKind,
    InvalidStateError,
    Invocation,
    Limits,
    LinkError,
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


async def test_lifecycle_is_an_iterator(enos_hub: Hub, login: DeviceSecret) -> None:
    client = AsyncClient(enos_hub.url, login)

    async def watch() -> list[str]:
        return [type(step).__name__ async for step in client.lifecycle()]

    watching = asyncio.create_task(watch())
    await asyncio.sleep(0)
    await client.connect(timeout=60)
    await client.close()
    assert await asyncio.wait_for(watching, 60) == ["Connecting", "Online", "Offline", "Closed"]


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
