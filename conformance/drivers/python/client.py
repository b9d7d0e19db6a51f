"""Verbs of clients: each is one call of the SDK."""

import itertools
from collections.abc import Callable
from typing import Any

import enos_sdk
import values
from enos_sdk import Client, EnosError, Invocation, Registration, Responder
from lines import Misuse, event, failed

_clients: dict[str, Client] = {}
_registrations: dict[tuple[str, ...], Registration] = {}
_open: dict[str, Responder] = {}
_numbers = itertools.count()
_KINDS = {"service": "service", "measurepoint_set": "set", "measurepoint_get": "get"}


class RefusingStore:
    def load(self, product_key: str, device_key: str) -> str | None:
        return None

    def store(self, product_key: str, device_key: str, secret: str) -> None:
        raise OSError("this store never stores")


def _store(how: str) -> Any:
    kind, _, folder = how.partition(":")
    if kind == "memory":
        return enos_sdk.MemorySecretStore()
    if kind == "file":
        return enos_sdk.FileSecretStore(folder)
    return RefusingStore()


def _proxy(text: str) -> enos_sdk.Proxy:
    login, _, address = text.rpartition("@")
    host, _, port = address.rpartition(":")
    if not login:
        return enos_sdk.Proxy(host, int(port))
    user, _, password = login.partition(":")
    return enos_sdk.Proxy(host, int(port), user, password)


def _seconds(text: str) -> float:
    return int(text) / 1000


def _pair(text: str) -> tuple[int, int]:
    first, _, second = text.partition("/")
    return int(first), int(second)


def _backoff(text: str) -> tuple[float, float]:
    first, largest = _pair(text)
    return first / 1000, largest / 1000


_OPTIONS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "proxy": ("proxy", _proxy),
    "keep_alive_s": ("keep_alive", int),
    "clean_session": ("clean_session", lambda text: text == "true"),
    "in_flight": ("in_flight", int),
    "backoff_ms": ("backoff", _backoff),
    "dial_budget": ("dial_budget", _pair),
    "sign_in_timeout_ms": ("sign_in_timeout", _seconds),
    "activation_timeout_ms": ("activation_timeout", _seconds),
    "handshake_timeout_ms": ("handshake_timeout", _seconds),
    "pong_timeout_ms": ("pong_timeout", _seconds),
    "coap_lifetime_s": ("coap_lifetime", int),
    "sleepy": ("sleepy", lambda text: text == "true"),
    "coap_rate_limit": ("coap_rate_limit", int),
}


def new(name: str, *settings: str) -> list[str]:
    given = dict(setting.split("=", 1) for setting in settings)
    url, login = given.pop("url", ""), given.pop("login", "")
    words = (given.pop("product_key", ""), given.pop("device_key", ""), given.pop("secret", ""))
    store = given.pop("store", "memory")
    who: enos_sdk.Login
    if login == "device_secret":
        who = enos_sdk.DeviceSecret(*words)
    elif login == "dynamic_activation":
        who = enos_sdk.DynamicActivation(*words, store=_store(store))
    else:
        raise Misuse(f"no login is called {login}")
    options: dict[str, Any] = {}
    tls = {part: given.pop(part) for part in ("ca", "cert", "key") if part in given}
    if tls:
        options["tls"] = enos_sdk.Tls(**tls)
    limits = {name[6:]: int(given.pop(name)) for name in list(given) if name.startswith("limit_")}
    if limits:
        options["limits"] = enos_sdk.Limits(**limits)
    for setting, text in given.items():
        if setting not in _OPTIONS:
            raise Misuse(f"setting {setting}={text}")
        option, read = _OPTIONS[setting]
        options[option] = read(text)
    _clients[name] = Client(url, who, **options)
    return []


def _client(name: str) -> Client:
    if name not in _clients:
        raise Misuse(f"there is no client {name}")
    return _clients[name]


def connect(name: str, ms: str) -> list[str]:
    _client(name).connect(timeout=_seconds(ms))
    return []


def close(name: str, ms: str) -> list[str]:
    _client(name).close(timeout=_seconds(ms))
    return []


def sleep(name: str, ms: str) -> list[str]:
    report = _client(name).sleep(timeout=_seconds(ms))
    counts = (report.datagrams_sent, report.datagrams_received, report.bytes_sent, report.bytes_received)
    return [str(count) for count in (*counts, report.radio_on_ms)]


def drop(name: str) -> list[str]:
    # The last reference goes here; a thread that waits in it holds its own.
    _clients.pop(name)
    return []


def clear() -> None:
    _clients.clear()


def _when(time: str) -> float | None:
    return None if time == "now" else _seconds(time)


def post(name: str, ms: str, time: str, *points: str) -> list[str]:
    _client(name).post_measurepoints(values.points(points), time=_when(time), timeout=_seconds(ms))
    return []


def submit(name: str, tag: str, ms: str, time: str, *points: str) -> list[str]:
    def tell(fate: object) -> None:
        if isinstance(fate, EnosError):
            event("settled", name, tag, "err", *failed(fate))
        else:
            event("settled", name, tag, "ok")

    _client(name).submit_measurepoints(values.points(points), tell, time=_when(time), timeout=_seconds(ms))
    return []


def on_lifecycle(name: str) -> list[str]:
    def tell(step: enos_sdk.Lifecycle) -> None:
        words = ["lifecycle", name]
        match step:
            case enos_sdk.ConnectFailed(error, retry_in):
                pause = "-" if retry_in is None else str(round(retry_in * 1000))
                words += ["connect_failed", pause, *failed(error)]
            case enos_sdk.Offline(reason, will_retry):
                words += ["offline", str(will_retry).lower(), *failed(reason)]
            case _:
                words.append(type(step).__name__.lower())
        event(*words)

    _client(name).add_lifecycle_handler(tell)
    return []



def _reply(responder: Responder, code: str, json: str, message: str) -> None:
    if json:
        responder.answer_json(int(code), json, message)
    else:
        responder.answer(int(code), None, message)


def _handler(name: str, how: tuple[str, ...]) -> Callable[[Invocation], None]:
    def handle(call: Invocation) -> None:
        number = str(next(_numbers))
        words = ("command", name, number, _KINDS[call.kind], call.identifier, call.params)
        if how[0] == "later":
            _open[number] = call.defer()
            event(*words)
            return
        event(*words)
        if how[0] == "panic":
            raise RuntimeError("the scenario wants this handler to fail")
        responder = call.defer()
        if how[0] == "answer":
            try:
                _reply(responder, *how[1:])
            except EnosError as error:
                event("unanswered", name, number, "err", *failed(error))

    return handle


def on_service(name: str, identifier: str, *how: str) -> list[str]:
    _registrations[name, "service", identifier] = _client(name).add_service_handler(identifier, _handler(name, how))
    return []


def on_measurepoint_set(name: str, *how: str) -> list[str]:
    _registrations[name, "set"] = _client(name).add_measurepoint_set_handler(_handler(name, how))
    return []


def on_measurepoint_get(name: str, *how: str) -> list[str]:
    _registrations[name, "get"] = _client(name).add_measurepoint_get_handler(_handler(name, how))
    return []


def off(name: str, *what: str) -> list[str]:
    _registrations.pop((name, *what)).close()
    return []


def answer(call: str, code: str, json: str, message: str) -> list[str]:
    _reply(_open.pop(call), code, json, message)
    return []


def forget(call: str) -> list[str]:
    del _open[call]
    return []


def stats(name: str) -> list[str]:
    counters = (
        "messages_sent messages_received retries reconnects acknowledged rejected failed dropped_oversize "
        "dropped_unknown dropped_malformed dropped_stray open_requests datagrams_sent datagrams_received radio_on_ms"
    ).split()
    now = _client(name).stats()
    return [f"{counter}={getattr(now, counter)}" for counter in counters]


def doctor(name: str, ms: str) -> list[str]:
    report = _client(name).doctor(timeout=_seconds(ms))
    failure = report.failure
    step, cause = (failure.step, failure.cause or "-") if failure else ("-", "-")
    return ["healthy" if report.healthy else "ill", str(report.exit_code), report.session, step, cause, report.text]


VERBS: dict[str, Callable[..., list[str]]] = {
    verb.__name__: verb
    for verb in (
        new, connect, post, submit, on_lifecycle, on_service, on_measurepoint_set, on_measurepoint_get, off, answer,
        forget, stats, doctor, sleep, close, drop,
    )
}  # fmt: skip
