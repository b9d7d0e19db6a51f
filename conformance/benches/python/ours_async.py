"""Ours on asyncio: what a program in Python gets, through the package's public names only."""
import asyncio
import os

import bench
from enos_sdk import AsyncClient, DeviceSecret

TIME = 1782000000.0
PATIENCE = 30.0


def points():
    """Made anew for each post, as a program does that has measured them."""
    return {"temp": 21.5, "speed": 1234, "power": 1530.25, "state": "running"}


async def main():
    order = bench.Order()
    meter = bench.Meter(order)
    finished = asyncio.Event()
    client = AsyncClient(order.url, DeviceSecret(order.product_key, order.device_key, "jJAC3QvmCKxx"))
    left = order.count

    @client.on_service("reboot")
    def reboot(call):
        if meter.add():
            finished.set()

    async def post():
        await client.post_measurepoints(points(), time=TIME, timeout=PATIENCE)

    async def post_again_and_again():
        nonlocal left
        while left:
            left -= 1
            await post()
            meter.add()

    async def posts():
        await asyncio.gather(*(post_again_and_again() for _ in range(order.window)))

    await client.connect(timeout=PATIENCE)
    if order.task == "posts":
        await posts()
    elif order.task == "commands":
        await finished.wait()
    elif order.task == "memory":
        await posts()
        bench.wait_for_release()
        stats = client.stats()
        held = stats.open_requests + stats.queued_bytes
        await client.close()
        # Once it is closed, no thread of it is left.
        print(f'figures {{"handles":{held + len(os.listdir("/proc/self/task")) - 1}}}', flush=True)
    elif order.task == "single":
        await bench.one_at_a_time_async(order, post)
    elif order.task == "idle":
        bench.mark("idle")
    elif order.task == "start":
        await post()
        bench.mark("first")
    bench.leave()


asyncio.run(main())
