"""Ours, the client whose verbs wait: what a program in Python gets, through the package's public names only."""
import os
import threading
from collections import deque

import bench
from enos_sdk import Client, DeviceSecret

TIME = 1782000000.0
PATIENCE = 30.0

order = bench.Order()
meter = bench.Meter(order)
finished = threading.Event()
client = Client(order.url, DeviceSecret(order.product_key, order.device_key, "jJAC3QvmCKxx"))


@client.on_service("reboot")
def reboot(call):
    if meter.add():
        finished.set()


def points():
    """Made anew for each post, as a program does that has measured them."""
    return {"temp": 21.5, "speed": 1234, "power": 1530.25, "state": "running"}


def posts():
    """Keeps a window of posts open, and hears of each."""
    under_way = deque()
    for _ in range(order.count):
        if len(under_way) == order.window:
            under_way.popleft().result()
            meter.add()
        under_way.append(client.begin_measurepoints(points(), time=TIME, timeout=PATIENCE))
    for pending in under_way:
        pending.result()
        meter.add()


def left_behind():
    """What the SDK still holds: open requests, bytes that wait; and once it is closed, threads."""
    stats = client.stats()
    held = stats.open_requests + stats.queued_bytes
    client.close()
    return held + len(os.listdir("/proc/self/task")) - 1


client.connect(timeout=PATIENCE)
if order.task == "posts":
    posts()
elif order.task == "commands":
    finished.wait()
elif order.task == "memory":
    posts()
    bench.wait_for_release()
    print(f'figures {{"handles":{left_behind()}}}', flush=True)
elif order.task == "single":
    bench.one_at_a_time(order, lambda: client.post_measurepoints(points(), time=TIME, timeout=PATIENCE))
elif order.task == "idle":
    bench.mark("idle")
elif order.task == "start":
    client.post_measurepoints(points(), time=TIME, timeout=PATIENCE)
    bench.mark("first")
bench.leave()
