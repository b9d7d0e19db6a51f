"""A stock MQTT client (paho-mqtt 2) that plays a device by hand: one JSON object a line, both ways.

usage: stock_client.py HOST PORT PRODUCT_KEY DEVICE_KEY SECRET [CA_FILE TLS_VERSION CIPHERS]
"""
import hashlib
import json
import ssl
import sys
import threading
import time

import paho.mqtt.client as mqtt

whole_lines = threading.Lock()


def tell(event, **fields):
    with whole_lines:
        print(json.dumps({"event": event, **fields}), flush=True)


def on_connect(client, userdata, flags, reason, properties):
    cipher = client.socket().cipher()[0] if isinstance(client.socket(), ssl.SSLSocket) else None
    tell("connack", refused=reason.is_failure, text=str(reason), cipher=cipher)


def on_disconnect(client, userdata, flags, reason, properties):
    tell("disconnected", text=str(reason))


def on_message(client, userdata, message):
    payload = json.loads(message.payload)
    tell("message", topic=message.topic, qos=message.qos, payload=payload)
    if "/thing/service/" in message.topic:
        reply = {"id": payload["id"], "code": 200, "data": {"accepted": True}}
        client.publish(message.topic + "_reply", json.dumps(reply), 1)


def main():
    host, port, product_key, device_key, secret, *tls = sys.argv[1:]
    timestamp = str(int(time.time() * 1000))
    content = f"clientId{device_key}deviceKey{device_key}productKey{product_key}timestamp{timestamp}{secret}"
    client = mqtt.Client(
        mqtt.CallbackAPIVersion.VERSION2,
        client_id=f"{device_key}|securemode=2,signmethod=sha256,timestamp={timestamp}|",
        reconnect_on_failure=False,
    )
    client.username_pw_set(f"{device_key}&{product_key}", hashlib.sha256(content.encode()).hexdigest())
    if tls:
        context = ssl.create_default_context(cafile=tls[0])
        version = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}[tls[1]]
        context.minimum_version = context.maximum_version = version
        if tls[2] != "-":
            context.set_ciphers(tls[2])
        client.tls_set_context(context)
    client.on_connect, client.on_disconnect, client.on_message = on_connect, on_disconnect, on_message
    client.connect(host, int(port), 60)
    client.loop_start()
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "publish":
            client.publish(order["topic"], json.dumps(order["payload"]), order["qos"]).wait_for_publish(10)
            tell("published")
        elif order["do"] == "subscribe":
            client.subscribe(order["topic"], order["qos"])
        else:
            break
    client.disconnect()
    client.loop_stop()
    tell("closed")


main()
