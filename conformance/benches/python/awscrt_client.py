"""AWS CRT with its event loop thread: the id pasted into ready text, the reply parsed for its id."""
import json
import queue

import bench
from awscrt import io, mqtt

order = bench.Order()
meter = bench.Meter(order)
events = queue.SimpleQueue()
posting = order.task == "posts"
sent = 0


def post():
    global sent
    connection.publish(order.topic, f'{{"id":"{sent}{order.post_rest}', mqtt.QoS.AT_LEAST_ONCE)
    sent += 1


def heard(topic, payload, **others):
    id = json.loads(payload)["id"]
    if "/thing/service/" in topic:
        connection.publish(f"{topic}_reply", f'{{"id":"{id}","code":200,"data":""}}', mqtt.QoS.AT_LEAST_ONCE)
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


group = io.EventLoopGroup(1)
bootstrap = io.ClientBootstrap(group, io.DefaultHostResolver(group))
connection = mqtt.Connection(
    mqtt.Client(bootstrap), host_name=order.host, port=order.port, client_id=order.device_key, clean_session=True,
    keep_alive_secs=60, username=order.user, password="x")
connection.on_message(heard)
connection.connect().result(30)
if order.task == "posts":
    # The event loop's thread posts too, from the first reply on.
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
