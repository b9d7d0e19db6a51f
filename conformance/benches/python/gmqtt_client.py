"""gmqtt on asyncio: the id pasted into ready text, the reply parsed for its id."""
import asyncio
import json

import bench
from gmqtt import Client
from gmqtt.mqtt.constants import MQTTv311


async def main():
    order = bench.Order()
    meter = bench.Meter(order)
    posting = order.task == "posts"
    finished = asyncio.Event()
    loop = asyncio.get_running_loop()
    waiting = None
    sent = 0

    def post():
        nonlocal sent
        client.publish(order.topic, f'{{"id":"{sent}{order.post_rest}', qos=1)
        sent += 1

    def heard(client, topic, payload, qos, properties):
        id = json.loads(payload)["id"]
        if "/thing/service/" in topic:
            client.publish(f"{topic}_reply", f'{{"id":"{id}","code":200,"data":""}}', qos=1)
            if meter.add():
                finished.set()
        elif posting:
            if sent < order.count:
                post()
            if meter.add():
                finished.set()
        else:
            waiting.set_result(None)
        return 0

    async def post_and_wait():
        nonlocal waiting
        waiting = loop.create_future()
        post()
        await waiting

    client = Client(order.device_key)
    client.set_auth_credentials(order.user, "x")
    client.on_message = heard
    await client.connect(order.host, order.port, keepalive=60, version=MQTTv311)
    if order.task == "posts":
        for _ in range(order.window):
            post()
        await finished.wait()
    elif order.task == "commands":
        await finished.wait()
    elif order.task == "single":
        await bench.one_at_a_time_async(order, post_and_wait)
    elif order.task == "idle":
        bench.mark("idle")
    elif order.task == "start":
        await post_and_wait()
        bench.mark("first")
    # The loop must turn until the last answers are written: who waits is a thread.
    await loop.run_in_executor(None, bench.leave)


asyncio.run(main())
