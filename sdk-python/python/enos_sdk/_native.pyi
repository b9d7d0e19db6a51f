"""The native part of the SDK. Users import `enos_sdk`."""

import os
from collections.abc import Callable, Mapping
from typing import Any, Literal, final

from enos_sdk._types import Delivery, Outputs, Points, Time, Value

__version__: str

@final
class Point:
    """A value with its quality (0 to 9), where the model has one."""

    __match_args__: tuple[Literal["value"], Literal["quality"]]

    def __new__(cls, value: Value, quality: int | None = None) -> Point: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __reduce__(self) -> tuple[type[Point], tuple[Value, int | None]]: ...
    @property
    def value(self) -> Value:
        """The value."""

    @property
    def quality(self) -> int | None:
        """Its quality; None where the model has none."""

@final
class Pending:
    """A post whose fate is not known yet. Letting it go leaves the post alone."""

    def result(self, timeout: float | None = None) -> Delivery:
        """Waits for the fate, and raises what the post failed with; `RequestTimeoutError` if it is still open then."""

    def done(self) -> bool:
        """Whether the fate is known."""

@final
class Invocation:
    """A command of the hub."""

    @property
    def kind(self) -> Literal["service", "measurepoint_set", "measurepoint_get"]:
        """What is asked for."""

    @property
    def identifier(self) -> str:
        """The service's identifier; empty for measurepoints."""

    @property
    def args(self) -> Any:
        """The arguments as objects: a dictionary for a service and for points that are set."""

    @property
    def params(self) -> str:
        """The arguments as JSON text."""

    @property
    def device(self) -> Any:
        """Who is meant: the client."""

    def defer(self) -> Responder:
        """Takes the answer into the handler's own hands: what it returns then counts for nothing."""

    def _finish(self, outputs: Outputs | None) -> None: ...
    def _fail(self, error: BaseException) -> None: ...

@final
class Responder:
    """Answers a command: now or later, from any thread, once. Let go without an answer, it answers 1102.

    Each answer waits for room while the queue is full, 10 s at the most. Raises `LinkError` if there is no connection to
    carry it: the hub has given the command up then.
    """

    def ok(self, outputs: Outputs | None = None) -> None:
        """Done (200), with these outputs."""

    def fail(self, code: int, message: str) -> None:
        """Not done: a code of the device (from 2000 on), and a text for people."""

    def answer(self, code: int, outputs: Outputs | None = None, message: str = "") -> None:
        """Any answer: code, outputs, and a text for people."""

    def answer_json(self, code: int, outputs: str, message: str = "") -> None:
        """Any answer, with outputs as the text of a JSON object."""

@final
class Registration:
    """A handler that was registered. Letting this go leaves the handler in place."""

    def close(self) -> None:
        """Takes the handler away, unless another has taken its place. A call that runs goes on."""

@final
class Runtime:
    """Threads for many clients: give it to them as `runtime=`."""

    def __new__(cls) -> Runtime: ...

@final
class MemorySecretStore:
    """Keeps secrets while the process lives: for tests, and where something else makes them last."""

    def __new__(cls) -> MemorySecretStore: ...
    def load(self, product_key: str, device_key: str) -> str | None:
        """The secret stored for this device; None if there is none yet."""

    def store(self, product_key: str, device_key: str, secret: str) -> None:
        """Keeps the secret, in place of an earlier one."""

@final
class FileSecretStore:
    """Keeps secrets in files that only their owner can read, `<folder>/<product key>/<device key>.secret`."""

    def __new__(cls, folder: str | os.PathLike[str]) -> FileSecretStore: ...
    def load(self, product_key: str, device_key: str) -> str | None:
        """The secret stored for this device; None if there is none yet."""

    def store(self, product_key: str, device_key: str, secret: str) -> None:
        """Keeps the secret, in place of an earlier one; returns when it would survive a power cut."""

@final
class Bridge:
    def __new__(cls) -> Bridge: ...
    def open(self, wake: Callable[..., object], run: Callable[..., object]) -> None: ...
    def drain(self) -> None: ...

@final
class ClientCore:
    def __new__(
        cls,
        hub: str,
        login: tuple[str, str, str],
        store: object | None,
        tls: tuple[bytes | str | None, bytes | str | None, bytes | str | None] | None,
        proxy: tuple[str, int, str | None, str | None] | None,
        limits: Mapping[str, object] | None,
        runtime: Runtime | None,
        options: Mapping[str, object],
    ) -> ClientCore: ...
    @property
    def product_key(self) -> str: ...
    @property
    def device_key(self) -> str: ...
    def connect(self, timeout: float | None) -> None: ...
    def connect_async(self, timeout: float | None, bridge: Bridge, future: object) -> None: ...
    def close(self, timeout: float | None) -> None: ...
    def close_async(self, timeout: float | None, bridge: Bridge, future: object) -> None: ...
    def sleep(self, timeout: float | None) -> tuple[int, int, int, int, int]: ...
    def sleep_async(self, timeout: float | None, bridge: Bridge, future: object) -> None: ...
    def start_close(self, timeout: float | None) -> None: ...
    def post(self, points: Points, time: Time | None, timeout: float | None, wait: bool) -> Delivery: ...
    def begin(self, points: Points, time: Time | None, timeout: float | None) -> Pending: ...
    def submit(
        self, points: Points, done: Callable[..., object], time: Time | None, timeout: float | None
    ) -> None: ...
    def post_async(
        self, points: Points, time: Time | None, timeout: float | None, bridge: Bridge, future: object
    ) -> None: ...
    def patience(self, timeout: float | None) -> float: ...
    def room_async(self, bridge: Bridge, future: object) -> None: ...
    def on_service(self, identifier: str, owner: object, name: object, bridge: Bridge | None) -> Registration: ...
    def on_measurepoint_set(self, owner: object, name: object, bridge: Bridge | None) -> Registration: ...
    def on_measurepoint_get(self, owner: object, name: object, bridge: Bridge | None) -> Registration: ...
    def on_lifecycle(self, owner: object, name: object, bridge: Bridge | None) -> Registration: ...
    def doctor(self, timeout: float | None) -> tuple[str, str]: ...
    def doctor_async(self, timeout: float | None, bridge: Bridge, future: object) -> None: ...
    def stats(self) -> dict[str, int]: ...

def examine(
    hub: str,
    login: tuple[str, str, str],
    store: object | None,
    tls: tuple[bytes | str | None, bytes | str | None, bytes | str | None] | None,
    proxy: tuple[str, int, str | None, str | None] | None,
    limits: Mapping[str, object] | None,
    runtime: Runtime | None,
    options: Mapping[str, object],
    timeout: float | None,
) -> tuple[str, str]:
    """Asks the doctor of settings of which no client was made."""

def error_table() -> list[tuple[int, str, str, bool, str]]: ...
def kind_of_hub_code(code: int) -> int:
    """The number of the kind that a hub's code maps to."""

def sign(method: str, secret: str, parameters: list[tuple[str, str]]) -> str:
    """The sign of named parameters."""

def mqtt_client_id(client: str, secure_mode: int, timestamp_ms: int) -> str:
    """The MQTT client identifier."""

def mqtt_username(device_key: str, product_key: str) -> str:
    """The MQTT user name."""

def mqtt_password(client: str, device_key: str, product_key: str, timestamp_ms: int, secret: str) -> str:
    """The MQTT password."""

def coap_sign(product_key: str, device_key: str, lifetime_s: int, device_secret: str) -> str:
    """The sign of CoAP's sign-in in clear, in upper-case hexadecimal digits."""

def coap_psk_identity(product_key: str, device_key: str, secure_mode: int, lifetime_s: int) -> str:
    """Who a device is in a DTLS handshake with a pre-shared key."""

def coap_psk_key(secret: str) -> str:
    """The pre-shared key of a secret, in hexadecimal digits: keep it out of logs."""

def topic(kind: str, argument: str, product_key: str, device_key: str) -> tuple[str, str, str]:
    """Topic, reply topic and method of a kind of message."""

def topic_kinds() -> list[str]:
    """The kinds that `topic` knows."""

def parse_topic(topic: str) -> tuple[str, str, str, bool] | None:
    """Product key, device key, method and whether it is a reply's; None for what is no topic of EnOS."""

def value_json(value: Value) -> str:
    """The JSON text of a value."""

def hub_url(url: str) -> tuple[str, str, int]:
    """Scheme, host and port of a hub's URL."""

def log_level(level: int) -> None: ...
def log_end() -> None: ...
