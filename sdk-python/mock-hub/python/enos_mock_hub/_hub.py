"""The hub's process, and what tests ask of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Union

Seed = Union[Mapping[str, Any], str, "os.PathLike[str]"]
"""A seed: the object itself, or the path of its file."""

_START = 30.0
_LOCAL = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class HubError(Exception):
    """The hub did not start, or answered a call with an error."""


class Device(NamedTuple):
    """Who a device of the seed is; in the order that `DeviceSecret` takes."""

    product_key: str
    device_key: str
    device_secret: str


def program() -> str:
    """The hub's program: `ENOS_MOCK_HUB`, that of this package, or one on the path."""
    given = os.environ.get("ENOS_MOCK_HUB")
    beside = Path(sysconfig.get_path("scripts")) / "mock-hub"
    found = given or (str(beside) if beside.exists() else shutil.which("mock-hub"))
    if found is None:
        raise HubError("the program mock-hub is not here. Install the wheel enos-mock-hub, or name it in ENOS_MOCK_HUB.")
    return found


class Hub:
    """A hub that runs until it is closed; `with Hub() as hub: …`."""

    url: str
    """Where devices go in clear: `tcp://127.0.0.1:…`."""
    tls_url: str
    """Where they go with TLS: `ssl://127.0.0.1:…`; the certificate is of `ca`."""
    coap_url: str
    """Where small devices go in clear: `coap://127.0.0.1:…`."""
    http: str
    """Where applications go: `http://127.0.0.1:…`."""
    ca: bytes
    """The hub's CA, PEM."""

    def __init__(self, seed: Seed | None = None, *, arguments: tuple[str, ...] = ()) -> None:
        """Starts it and waits until it takes connections. Without a seed it is the hub's example one."""
        command = program()
        self._folder = tempfile.TemporaryDirectory(prefix="enos-hub-")
        try:
            path = self._seed_file(command, seed)
            ports = [word for port in ("mqtt", "mqtts", "coap", "http", "https") for word in (f"--{port}", "127.0.0.1:0")]
            with (Path(self._folder.name) / "errors").open("wb") as errors:
                self._process = subprocess.Popen(
                    [command, "serve", *ports, "--seed", str(path), *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                )
        except BaseException:
            self._folder.cleanup()
            raise
        try:
            self._ready()
        except BaseException:
            self.close()
            raise

    def _seed_file(self, command: str, seed: Seed | None) -> Path:
        if isinstance(seed, (str, os.PathLike)):
            path = Path(seed)
            text = path.read_text("utf-8")
        else:
            if seed is None:
                text = subprocess.run([command, "seed", "--example"], check=True, stdout=subprocess.PIPE).stdout.decode()
            else:
                text = json.dumps(seed)
            path = Path(self._folder.name) / "seed.json"
            path.write_text(text, "utf-8")
        self.seed: dict[str, Any] = json.loads(text)
        return path

    def _ready(self) -> None:
        output = self._process.stdout
        assert output is not None
        # A hub that never gets ready is ended; then the line is empty.
        timer = threading.Timer(_START, self._process.kill)
        timer.start()
        try:
            line = output.readline()
        finally:
            timer.cancel()
        if not line:
            self._process.wait()
            raise HubError(f"the hub did not start: {self._errors()}")
        ready = json.loads(line)
        self.url = f"tcp://{ready['mqtt']}"
        self.tls_url = f"ssl://{ready['mqtts']}"
        self.coap_url = f"coap://{ready['coap']}"
        self.http = ready["http"]
        self.ca = ready["ca_pem"].encode()

    def _errors(self) -> str:
        return (Path(self._folder.name) / "errors").read_text("utf-8", "replace").strip()

    def device(self, device_key: str) -> Device:
        """Who a device of the seed is. Raises `KeyError` for one that is not there, or has no secret there."""
        for device in self.seed.get("devices", ()):
            if device["deviceKey"] == device_key:
                return Device(device["productKey"], device_key, device["deviceSecret"])
        raise KeyError(device_key)

    def rest(self, method: str, path: str, body: Any = None) -> Any:
        """Calls the hub's REST interface; the answer as objects. What HTTP calls an error is answered, too."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.http + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with _LOCAL.open(request, timeout=60) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        try:
            return json.loads(text)
        except ValueError:
            raise HubError(f"{method} {path}: {text[:200]!r}") from None

    def _asked(self, method: str, service: str, device_key: str, words: Mapping[str, object], body: Any) -> Any:
        device = self.device(device_key)
        keys = {"orgId": self.seed.get("orgId", ""), "productKey": device.product_key, "deviceKey": device_key}
        query = urllib.parse.urlencode({**words, **{name: key for name, key in keys.items() if key}})
        answer = self.rest(method, f"/connect-service/v2.1/{service}?{query}", body)
        if answer.get("code") != 0:
            raise HubError(f"{words.get('action')} of {device_key}: {answer.get('code')} {answer.get('msg')}")
        return answer.get("data")

    def latest(self, device_key: str) -> dict[str, Any]:
        """The last value of each measurepoint that the hub has of a device."""
        rows = self._asked("POST", "measurepoints", device_key, {"action": "queryLatest"}, {})
        return {row["id"]: row["value"] for row in rows}

    def invoke(
        self, device_key: str, service: str, args: Mapping[str, Any] | None = None, *, timeout: int = 30
    ) -> Any:
        """Invokes a service and waits; its outputs. Raises `HubError` for any code but the good one."""
        words = {"action": "invokeService", "serviceId": service, "pendingTtl": 0, "timeout": timeout}
        data: dict[str, Any] | None = self._asked(
            "POST", "commands", device_key, words, {"inputData": dict(args or {})}
        )
        return data.get("outputData") if data else None

    def set(self, device_key: str, point: str, value: Any, *, timeout: int = 30) -> None:
        """Sets a measurepoint and waits for the device's answer."""
        words = {"action": "setMeasurepoint", "measurepointId": point, "pendingTtl": 0, "timeout": timeout}
        self._asked("POST", "commands", device_key, words, {"value": value})

    def journal(self, limit: int = 200) -> list[dict[str, Any]]:
        """What came in and went out, and what the hub made of it, oldest first."""
        lines: list[dict[str, Any]] = self.rest("GET", f"/hub/v1/journal?limit={limit}")["entries"]
        return lines

    def close(self) -> None:
        """Ends it. A second close does nothing."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._folder.cleanup()

    def __enter__(self) -> Hub:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
