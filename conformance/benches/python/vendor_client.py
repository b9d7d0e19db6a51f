"""The vendor's own SDK, unchanged but for the limit of its queue, which would lose messages without a word.

Its `publish` waits for the reply, so many open posts need as many threads.
"""
import threading

import bench
from enos.core.MqttClient import MqttClient
from enos.core.internal.Profile import Profile
from enos.core.login.NormalDeviceLogin import NormalDeviceLogin
from enos.core.message.IConnectCallback import IConnectCallback
from enos.message.downstream.tsl.ServiceInvocationCommand import ServiceInvocationCommand
from enos.message.downstream.tsl.ServiceInvocationReply import ServiceInvocationReply
from enos.message.upstream.tsl.MeasurepointPostRequest import MeasurepointPostRequest

order = bench.Order()
meter = bench.Meter(order)
lock = threading.Lock()
finished = threading.Event()
left = order.count


def post():
    points = {"temp": 21.5, "speed": 1234, "power": 1530.25, "state": "running"}
    request = MeasurepointPostRequest.builder().add_measurepoints(points).set_timestamp(1782000000000).build()
    if not client.publish(request).is_success():
        bench.fail("a post failed")


def post_again_and_again():
    try:
        post_until_all_are_made()
    except Exception as why:
        bench.fail(why)


def post_until_all_are_made():
    global left
    while True:
        with lock:
            if left == 0:
                return
            left -= 1
        post()
        with lock:
            if meter.add():
                finished.set()


def answer(command, arguments):
    with lock:
        if meter.add():
            finished.set()
    return ServiceInvocationReply.builder().set_code(200).build()


profile = Profile.create_instance(
    NormalDeviceLogin(order.url, order.product_key, order.device_key, "jJAC3QvmCKxx"))
profile.set_max_inflight_message(max(order.window, 20))
profile.set_max_queued_message(0)
client = MqttClient(profile=profile)
client.register_arrived_message_handler(ServiceInvocationCommand.get_class(), answer)
# Without a callback it may wait for 10 s although it is connected: CONNACK can come before it listens.
connected = threading.Event()
callback = IConnectCallback()
callback.on_connect = connected.set
callback.on_disconnect = callback.on_connect_failed = lambda: bench.fail("not connected")
client.connect(callback)
connected.wait()
if order.task == "posts":
    for _ in range(order.window):
        threading.Thread(target=post_again_and_again, daemon=True).start()
    finished.wait()
elif order.task == "commands":
    finished.wait()
elif order.task == "single":
    bench.one_at_a_time(order, post)
elif order.task == "idle":
    bench.mark("idle")
elif order.task == "start":
    post()
    bench.mark("first")
bench.leave()
