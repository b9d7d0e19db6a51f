"""A device played by an aiocoap client: one JSON object a line, both ways.

usage: aiocoap_device.py HOST PORT PRODUCT_KEY DEVICE_KEY SECRET
"""
import asyncio
import hashlib
import json
import sys

import aiocoap
from aiocoap.numbers.codes import Code
from aiocoap.numbers.optionnumbers import OptionNumber

JSON = 50


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


def text(message, number):
    found = message.opt.get_option(OptionNumber(number))
    return found[0].value.decode() if found else None


async def main():
    host, port, product_key, device_key, secret = sys.argv[1:]
    context = await aiocoap.Context.create_client_context()

    async def ask(code, path, payload=b"", **options):
        message = aiocoap.Message(code=code, uri=f"coap://{host}:{port}", payload=payload, **options)
        message.opt.uri_path = tuple(path.strip("/").split("/"))
        response = await context.request(message).response
        tell(
            "response",
            code=response.code.dotted,
            payload=response.payload.decode(),
            hint=text(response, 2100),
            command=text(response, 2102),
        )

    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        if order["do"] == "auth":
            lifetime = order["lifetime"]
            content = f"deviceKey{device_key}lifetime{lifetime}productKey{product_key}secureMode2{secret}"
            sign = hashlib.sha256(content.encode()).hexdigest().upper()
            body = json.dumps({"secureMode": 2, "lifetime": lifetime, "sign": sign}).encode()
            await ask(Code.POST, f"/auth/{product_key}/{device_key}", body, content_format=JSON)
        elif order["do"] == "post":
            body = json.dumps(order["payload"]).encode()
            await ask(Code.POST, f"/topic{order['topic']}", body, content_format=JSON)
        elif order["do"] == "get":
            await ask(Code.GET, order["path"])
        else:
            break
    await context.shutdown()
    tell("closed")


asyncio.run(main())
