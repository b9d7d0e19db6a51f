"""Takes commands: a service, and measurepoints that the cloud sets. Ends after three commands or a minute."""

import queue

import flags
from enos_sdk import Invocation, ServiceError

commands: queue.Queue[None] = queue.Queue()

with flags.client() as client:
    # Handlers come before connect, so that no early command is lost.
    @client.on_service("reboot")
    def reboot(call: Invocation) -> dict[str, bool]:
        print("reboot", call.params, flush=True)
        commands.put(None)
        if call.args.get("delay", 0) > 60:
            raise ServiceError(2001, "delay too long")  # a device's own codes start at 2000
        return {"accepted": True}

    @client.on_measurepoint_set
    def set_points(call: Invocation) -> None:
        print("set", call.params, flush=True)
        commands.put(None)

    client.connect()
    print("waiting for commands", flush=True)
    try:
        for _ in range(3):
            commands.get(timeout=60)
    except queue.Empty:
        pass
