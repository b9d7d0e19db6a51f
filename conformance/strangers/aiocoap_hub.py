"""A hub's part played by an aiocoap server, with the resources of EnOS: one JSON object a line, both ways.

usage: aiocoap_hub.py PRODUCT_KEY DEVICE_KEY SECRET
"""
import asyncio
import hashlib
import json
import socket
import sys

import aiocoap
from aiocoap.numbers.codes import Code
from aiocoap.numbers.optionnumbers import OptionNumber
from aiocoap.optiontypes import OpaqueOption
from aiocoap.resource import PathCapable, Resource, Site

JSON = 50
HINT, COMMAND = OptionNumber(2100), OptionNumber(2102)


def tell(event, **fields):
    print(json.dumps({"event": event, **fields}), flush=True)


class Hub:
    def __init__(self, product_key, device_key, secret):
        self.product_key, self.device_key, self.secret = product_key, device_key, secret
        self.sessions, self.commands = set(), []

    def sign(self, lifetime):
        content = f"deviceKey{self.device_key}lifetime{lifetime}productKey{self.product_key}secureMode2{self.secret}"
        return hashlib.sha256(content.encode()).hexdigest().upper()

    def hinted(self, message):
        if self.commands:
            path, body, inline = self.commands[0]
            message.opt.add_option(OpaqueOption(HINT, path.encode()))
            if inline:
                message.opt.add_option(OpaqueOption(COMMAND, body.encode()))
                self.commands.pop(0)
        return message


class Auth(Resource, PathCapable):
    def __init__(self, hub):
        super().__init__()
        self.hub = hub

    async def render_post(self, request):
        body = json.loads(request.payload)
        right = (
            request.opt.uri_path == (self.hub.product_key, self.hub.device_key)
            and body == {"secureMode": 2, "lifetime": body["lifetime"], "sign": self.hub.sign(body["lifetime"])}
            and request.opt.content_format == JSON
        )
        tell("auth", right=right, lifetime=body["lifetime"])
        if not right:
            return aiocoap.Message(code=Code.UNAUTHORIZED)
        self.hub.sessions.add(request.remote.hostinfo)
        return self.hub.hinted(aiocoap.Message(code=Code.CHANGED))


class Topic(Resource, PathCapable):
    def __init__(self, hub):
        super().__init__()
        self.hub = hub

    async def render_post(self, request):
        if request.remote.hostinfo not in self.hub.sessions:
            return aiocoap.Message(code=Code.UNAUTHORIZED)
        body = json.loads(request.payload)
        path = "/".join(request.opt.uri_path)
        tell("posted", path=path, body=body)
        if path.endswith("_reply"):
            return self.hub.hinted(aiocoap.Message(code=Code.CHANGED))
        # A long message makes aiocoap answer in blocks.
        message = "long " * 400 if "log" in body["params"]["measurepoints"] else ""
        reply = json.dumps({"id": body["id"], "code": 200, "data": "", "message": message})
        return self.hub.hinted(aiocoap.Message(code=Code.CHANGED, content_format=JSON, payload=reply.encode()))

    async def render_get(self, request):
        path = "/topic/" + "/".join(request.opt.uri_path)
        tell("fetched", path=path)
        if not self.hub.commands or self.hub.commands[0][0] != path:
            return aiocoap.Message(code=Code.NOT_FOUND)
        # It goes when `done` says so: each block of it is asked for anew.
        _, body, _ = self.hub.commands[0]
        return aiocoap.Message(code=Code.CONTENT, content_format=JSON, payload=body.encode())


async def main():
    hub = Hub(*sys.argv[1:])
    site = Site()
    site.add_resource(["auth"], Auth(hub))
    site.add_resource(["topic"], Topic(hub))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # It cannot pick a free port itself.
    context = await aiocoap.Context.create_server_context(site, bind=("127.0.0.1", port), transports=["udp6"])
    tell("ready", port=port)
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        order = json.loads(line)
        if order["do"] == "command":
            hub.commands.append((order["path"], json.dumps(order["body"]), order["inline"]))
        elif order["do"] == "done":
            hub.commands.pop(0)
        elif order["do"] == "forget":
            hub.sessions.clear()
        else:
            break
        tell("taken")
    await context.shutdown()
    tell("closed")


asyncio.run(main())
