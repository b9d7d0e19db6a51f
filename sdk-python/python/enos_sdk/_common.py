"""What `Client` and `AsyncClient` share: how they are made, their handlers, the end of the program."""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from enos_sdk import _native
from enos_sdk._errors import EnosError
from enos_sdk._types import DeviceSecret, DynamicActivation, Stats

if TYPE_CHECKING:
    from enos_sdk._native import Bridge, ClientCore, Registration, Runtime
    from enos_sdk._types import Limits, Login, PathOrPem, Proxy, Tls

    CoreArguments = tuple[
        str,
        tuple[str, str, str],
        object | None,
        tuple[bytes | str | None, bytes | str | None, bytes | str | None] | None,
        tuple[str, int, str | None, str | None] | None,
        dict[str, object] | None,
        Runtime | None,
        Mapping[str, object],
    ]

_live: WeakSet[Base[Any, Any]] = WeakSet()

CommandHandler = TypeVar("CommandHandler", bound=Callable[..., Any])
LifecycleHandler = TypeVar("LifecycleHandler", bound=Callable[..., Any])


def set_log_level(level: int) -> None:
    """Lets lines of this level of `logging` and above through to the logger `enos_sdk`.

    Without it the level of that logger counts, as it is when a client is made. Until `logging` is imported only
    warnings and errors are written.
    """
    global _level_is_set
    _level_is_set = True
    _native.log_level(level)


_level_is_set = False


def _follow_logger() -> None:
    if _level_is_set:
        return
    level = 30
    if "logging" in sys.modules:
        # Another thread may be importing it; this waits for that.
        import logging

        level = logging.getLogger("enos_sdk").getEffectiveLevel()
    _native.log_level(level)


def _pem(given: PathOrPem | None) -> bytes | str | None:
    return given if given is None or isinstance(given, bytes) else os.fspath(given)


def _given(fields: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value is not None}


def core_arguments(
    hub: str,
    login: Login,
    tls: Tls | None,
    proxy: Proxy | None,
    limits: Limits | None,
    runtime: Runtime | None,
    options: Mapping[str, object],
) -> CoreArguments:
    """Settings as the native side takes them."""
    if isinstance(login, DynamicActivation):
        words = (login.product_key, login.device_key, login.product_secret)
        store: object | None = login.store
    elif isinstance(login, DeviceSecret):  # pyright: ignore[reportUnnecessaryIsInstance]
        words, store = (login.product_key, login.device_key, login.secret), None
    else:
        raise TypeError(f"login is a {type(login).__name__}. Give a DeviceSecret or a DynamicActivation.")
    return (
        hub,
        words,
        store,
        (_pem(tls.ca), _pem(tls.cert), _pem(tls.key)) if tls else None,
        (proxy.host, proxy.port, proxy.user, proxy.password) if proxy else None,
        _given(vars(limits)) if limits else None,
        runtime,
        options,
    )


class Base(Generic[CommandHandler, LifecycleHandler]):
    """A device's connection to the hub, without the verbs that wait."""

    _core: ClientCore
    _bridge: Bridge | None = None

    def __init__(
        self,
        hub: str,
        login: Login,
        *,
        tls: Tls | None = None,
        proxy: Proxy | None = None,
        limits: Limits | None = None,
        runtime: Runtime | None = None,
        keep_alive: float | None = None,
        clean_session: bool | None = None,
        in_flight: int | None = None,
        dial_budget: tuple[int, float] | None = None,
        backoff: tuple[float, float] | None = None,
        sign_in_timeout: float | None = None,
        activation_timeout: float | None = None,
        pong_timeout: float | None = None,
        coap_lifetime: float | None = None,
        sleepy: bool | None = None,
        coap_rate_limit: int | None = None,
        address_timeout: float | None = None,
        handshake_timeout: float | None = None,
        dial_timeout: float | None = None,
    ) -> None:
        """Makes a client; it does not connect yet. Reads files and the secret store.

        hub: `ssl://host:18883`, or `tcp://host:11883` in clear; `coaps://host:5684`, or `coap://host:5683` in clear.
        login: who the device is.
        tls: whom to trust and what to show. Default: the system's CAs, no certificate.
        proxy: an HTTP proxy to go through.
        limits: what the client may use at the most.
        runtime: threads to share with other clients.
        keep_alive: MQTT keep alive in whole seconds; 0 switches it off. Default 60.
        clean_session: MQTT clean session. Default True.
        in_flight: QoS 1 messages sent and not yet acknowledged, at the most. Default 256.
        dial_budget: so many dials (1 to 8) in so many seconds. Default (4, 120): EnOS blocks who dials more.
        backoff: first and largest pause between dials in seconds. Default (1, 64).
        sign_in_timeout: seconds for CONNACK. Default 10.
        activation_timeout: seconds for the activation message. Default 30.
        pong_timeout: seconds for the answer to a keep-alive ping. Default 10.
        coap_lifetime: CoAP: seconds of silence after which the hub takes the device as gone, 30 to 86400. Default 3600.
        sleepy: CoAP: the device sleeps between its posts, so nothing is sent by itself. Default False.
        coap_rate_limit: CoAP: bytes sent per second, on average; 0: no limit. Default 10240: what EnOS takes.
        address_timeout: seconds for one address to accept. Default 5.
        handshake_timeout: seconds for proxy and TLS together. Default 10.
        dial_timeout: seconds for one dial as a whole. Default 30.
        """
        _follow_logger()
        self._prepare()
        self._handlers: dict[int, Callable[..., Any]] = {}
        self._last_handler = 0
        options = _given(
            {
                "keep_alive": keep_alive,
                "clean_session": clean_session,
                "in_flight": in_flight,
                "dial_budget": dial_budget,
                "backoff": backoff,
                "sign_in_timeout": sign_in_timeout,
                "activation_timeout": activation_timeout,
                "pong_timeout": pong_timeout,
                "coap_lifetime": coap_lifetime,
                "sleepy": sleepy,
                "coap_rate_limit": coap_rate_limit,
                "address_timeout": address_timeout,
                "handshake_timeout": handshake_timeout,
                "dial_timeout": dial_timeout,
            }
        )
        self._core = _native.ClientCore(*core_arguments(hub, login, tls, proxy, limits, runtime, options))
        self._made()
        _live.add(self)

    def _prepare(self) -> None:
        """What a kind of client needs before anything else."""

    def _made(self) -> None:
        """What a kind of client is made of besides, once the native client is there."""

    @property
    def product_key(self) -> str:
        """The product's key."""
        return self._core.product_key

    @property
    def device_key(self) -> str:
        """The device's key."""
        return self._core.device_key

    def stats(self) -> Stats:
        """Counters since the client was made."""
        return Stats(**self._core.stats())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.product_key}/{self.device_key}>"

    def on_service(self, identifier: str) -> Callable[[CommandHandler], CommandHandler]:
        """A decorator: calls the function for each invocation of this service, in place of an earlier one.

        It is given an `Invocation`. What it returns, a mapping or None, is the outputs (code 200); a `ServiceError`
        is the device's own code; any other exception is logged and answered with 1102. Without a handler the client
        answers 1101.
        """

        def register(handler: CommandHandler) -> CommandHandler:
            self.add_service_handler(identifier, handler)
            return handler

        return register

    def on_measurepoint_set(self, handler: CommandHandler) -> CommandHandler:
        """A decorator: calls the function when the hub sets measurepoints; as `on_service`."""
        self.add_measurepoint_set_handler(handler)
        return handler

    def on_measurepoint_get(self, handler: CommandHandler) -> CommandHandler:
        """A decorator: calls the function when the hub reads measurepoints; as `on_service`."""
        self.add_measurepoint_get_handler(handler)
        return handler

    def on_lifecycle(self, handler: LifecycleHandler) -> LifecycleHandler:
        """A decorator: calls the function with each step in the connection's life, in order."""
        self.add_lifecycle_handler(handler)
        return handler

    def add_service_handler(self, identifier: str, handler: CommandHandler) -> Registration:
        """As `on_service`; the registration takes the handler away again."""
        return self._core.on_service(identifier, self, self._kept(handler), self._bridge)

    def add_measurepoint_set_handler(self, handler: CommandHandler) -> Registration:
        """As `on_measurepoint_set`; the registration takes the handler away again."""
        return self._core.on_measurepoint_set(self, self._kept(handler), self._bridge)

    def add_measurepoint_get_handler(self, handler: CommandHandler) -> Registration:
        """As `on_measurepoint_get`; the registration takes the handler away again."""
        return self._core.on_measurepoint_get(self, self._kept(handler), self._bridge)

    def add_lifecycle_handler(self, handler: LifecycleHandler) -> Registration:
        """As `on_lifecycle`; the registration takes the handler away again."""
        return self._core.on_lifecycle(self, self._kept(handler), self._bridge)

    def _kept(self, handler: Callable[..., Any]) -> int:
        """Keeps a handler here, where Python's collector sees it; the native side knows its number."""
        if not callable(handler):
            raise TypeError(f"a handler must be callable, not a {type(handler).__name__}")
        self._last_handler += 1
        self._handlers[self._last_handler] = handler
        return self._last_handler


def _close_all() -> None:
    """At the program's end: the connections go before the interpreter does."""
    clients = list(_live)
    for closing in ("start_close", "close"):
        for client in clients:
            try:
                getattr(client._core, closing)(1.0)
            except EnosError:
                # Closed already, or another process's.
                pass
    _native.log_end()


atexit.register(_close_all)
