"""The vendor's own Python SDK, unchanged, as a device: one JSON object a line, both ways.

usage: vendor.py tcp://HOST:PORT PRODUCT_KEY DEVICE_KEY (device|product) SECRET
"""
import json
import os
import sys
import threading

from enos.core.MqttClient import MqttClient
from enos.core.internal.Profile import Profile
from enos.core.login.DynamicActivationLogin import DynamicActivationLogin
from enos.core.login.NormalDeviceLogin import NormalDeviceLogin
from enos.core.message.IConnectCallback import IConnectCallback
from enos.message.downstream.tsl.MeasurepointGetCommand import MeasurepointGetCommand
from enos.message.downstream.tsl.MeasurepointGetReply import MeasurepointGetReply
from enos.message.downstream.tsl.MeasurepointSetCommand import MeasurepointSetCommand
from enos.message.downstream.tsl.MeasurepointSetReply import MeasurepointSetReply
from enos.message.downstream.tsl.ServiceInvocationCommand import ServiceInvocationCommand
from enos.message.downstream.tsl.ServiceInvocationReply import ServiceInvocationReply
from enos.message.upstream.tsl.MeasurepointPostRequest import MeasurepointPostRequest

whole_lines = threading.Lock()


def tell(event, **fields):
    with whole_lines:
        print(json.dumps({"event": event, **fields}), flush=True)


class Connection(IConnectCallback):
    def on_connect(self):
        tell("connected")

    def on_disconnect(self):
        tell("disconnected")

    def on_connect_failed(self):
        tell("connect failed")


def service(command, arguments):
    tell("service", identifier=arguments[2], params=command.get_params())
    if arguments[2] == "reboot":
        return ServiceInvocationReply.builder().add_output_data("accepted", True).set_code(200).build()
    return ServiceInvocationReply.builder().set_code(2001).set_message("not that one").build()


def set_points(command, arguments):
    tell("set", params=command.get_params())
    return MeasurepointSetReply.builder().set_code(200).build()


def get_points(command, arguments):
    tell("get", params=command.get_params())
    return MeasurepointGetReply.builder().add_measureponit("temp", 21.5).set_code(200).build()


def main():
    url, product_key, device_key, mode, secret = sys.argv[1:]
    if mode == "product":
        login = DynamicActivationLogin(url, product_key, secret, device_key)
    else:
        login = NormalDeviceLogin(url, product_key, device_key, secret)
    client = MqttClient(profile=Profile.create_instance(login))
    client.get_profile().set_operation_timeout(10)
    client.on_device_dynamic_active = lambda device_secret: tell("activated", secret=device_secret)
    client.register_arrived_message_handler(ServiceInvocationCommand.get_class(), service)
    client.register_arrived_message_handler(MeasurepointSetCommand.get_class(), set_points)
    client.register_arrived_message_handler(MeasurepointGetCommand.get_class(), get_points)
    client.connect(Connection())
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "post":
            request = MeasurepointPostRequest.builder().add_measurepoints(order["points"]).build()
            response = client.publish(request)
            tell("replied", code=response.get_code())
        elif order["do"] == "look":
            tell("state", connected=client.is_connected())
        else:
            break
    client.close()
    tell("closed")
    # The SDK leaves threads behind that would keep the process alive.
    sys.stdout.flush()
    os._exit(0)


main()
