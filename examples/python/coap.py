"""A meter on NB-IoT that sleeps: it wakes, posts a reading, takes the commands that wait for it, and sleeps again.

Its `--hub` is `coaps://host:5684`, or `coap://host:5683` in clear, where everybody on the way can read along.
"""

import time

import flags
from enos_sdk import Invocation

NAP = 1.0  # seconds here, hours in a meter

commands: list[str] = []

# Nothing is sent between the posts, and the hub keeps the session for an hour of silence.
with flags.client(sleepy=True, coap_lifetime=3600) as client:
    @client.on_service("reboot")
    def reboot(call: Invocation) -> dict[str, bool]:
        commands.append(call.params)
        return {"accepted": True}

    client.connect()
    for reading in (1834.5, 1835.25):
        client.post_measurepoints({"power": reading})
        print("posted", reading, flush=True)
        report = client.sleep()
        while commands:
            print("reboot", commands.pop(0), flush=True)
        print(
            f"asleep after {report.datagrams_sent} datagrams ({report.bytes_sent} bytes) sent, "
            f"{report.datagrams_received} ({report.bytes_received} bytes) received, "
            f"radio on for {report.radio_on_ms} ms",
            flush=True,
        )
        time.sleep(NAP)
