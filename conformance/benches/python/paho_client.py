"""paho-mqtt 2 with its network thread: the id pasted into ready text, the reply parsed for its id."""
import json
import queue

import bench
import paho.mqtt.client as mqtt

order = bench.Order()
meter = bench.Meter(order)
# What the main thread waits for.
events = queue.SimpleQueue()
posting = order.task == "posts"
sent = 0


def connected(client, user, flags, reason, properties):
    if reason.is_failure:
        bench.fail(reason)
    events.put("connected")


def post():
    global sent
    client.publish(order.topic, f'{{"id":"{sent}{order.post_rest}', 1)
    sent += 1


def heard(client, user, message):
    id = json.loads(message.payload)["id"]
    if "/thing/service/" in message.topic:
        client.publish(f"{message.topic}_reply", f'{{"id":"{id}","code":200,"data":""}}', 1)
        if meter.add():
            events.put("done")
    elif posting:
        if sent < order.count:
            post()
        if meter.add():
            events.put("done")
    else:
        events.put("reply")


def post_and_wait():
    post()
    events.get()


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, order.device_key)
client.username_pw_set(order.user, "x")
client.max_inflight_messages_set(max(order.window, 20))
client.on_connect = connected
client.on_message = heard
client.connect(order.host, order.port)
client.loop_start()
if events.get() != "connected":
    bench.fail("something before CONNACK")
if order.task == "posts":
    for _ in range(order.window):
        post()
    events.get()
elif order.task == "commands":
    events.get()
elif order.task == "single":
    bench.one_at_a_time(order, post_and_wait)
elif order.task == "idle":
    bench.mark("idle")
elif order.task == "start":
    post_and_wait()
    bench.mark("first")
bench.leave()
