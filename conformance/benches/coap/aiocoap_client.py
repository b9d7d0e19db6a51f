"""aiocoap's client, one post at a time: PORT AUTH_PATH AUTH_PAYLOAD POST_PATH POST_PAYLOAD COUNT WARM_UP.

Prints CPU microseconds of a post and posts per second.
"""
import asyncio
import resource
import sys
import time

import aiocoap


def cpu_us():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return (usage.ru_utime + usage.ru_stime) * 1e6


async def main(port, auth_path, auth, path, payload, count, warm_up):
    context = await aiocoap.Context.create_client_context(transports=["simple6"])

    async def ask(path, payload):
        message = aiocoap.Message(
            code=aiocoap.POST, uri=f"coap://127.0.0.1:{port}{path}", content_format=50, payload=payload.encode()
        )
        response = await context.request(message).response
        if response.code != aiocoap.CHANGED:
            sys.exit(f"aiocoap: {path} was answered with {response.code}")

    await ask(auth_path, auth)
    for number in range(int(count) + int(warm_up)):
        if number == int(warm_up):
            cpu, wall = cpu_us(), time.monotonic()
        await ask(path, payload)
    print(f"{(cpu_us() - cpu) / int(count):.2f} {int(count) / (time.monotonic() - wall):.0f}")
    await context.shutdown()


asyncio.run(main(*sys.argv[1:]))
