"""Verbs that need no client: signatures, topics, values, tables."""

from collections.abc import Callable

import values
from enos_sdk import ErrorKind, inspect
from lines import Misuse


def sign(method: str, secret: str, *pairs: str) -> list[str]:
    return [inspect.sign(method, secret, list(zip(pairs[::2], pairs[1::2], strict=True)))]


def client_id(client: str, mode: str, timestamp: str) -> list[str]:
    return [inspect.mqtt_client_id(client, int(mode), int(timestamp))]


def username(device_key: str, product_key: str) -> list[str]:
    return [inspect.mqtt_username(device_key, product_key)]


def password(client: str, device_key: str, product_key: str, timestamp: str, secret: str) -> list[str]:
    return [inspect.mqtt_password(client, device_key, product_key, int(timestamp), secret)]


def coap_sign(product_key: str, device_key: str, lifetime: str, secret: str) -> list[str]:
    return [inspect.coap_sign(product_key, device_key, int(lifetime), secret)]


def coap_psk_identity(product_key: str, device_key: str, mode: str, lifetime: str) -> list[str]:
    return [inspect.coap_psk_identity(product_key, device_key, int(mode), int(lifetime))]


def coap_psk_key(secret: str) -> list[str]:
    return [inspect.coap_psk_key(secret)]


def topic(kind: str, argument: str, product_key: str, device_key: str) -> list[str]:
    return list(inspect.topic(kind, argument, product_key, device_key))


def topic_parse(text: str) -> list[str]:
    parsed = inspect.parse_topic(text)
    if parsed is None:
        return ["none"]
    product_key, device_key, method, is_reply = parsed
    return [product_key, device_key, method, "reply" if is_reply else "request"]


def json_value(*words: str) -> list[str]:
    rest = list(words)
    value = values.value(rest)
    if rest:
        raise Misuse("no value in prefix notation")
    return [inspect.value_json(value)]


def error_kind(number: str) -> list[str]:
    try:
        kind = ErrorKind(int(number))
    except ValueError:
        return ["none"]
    name = "".join(word.capitalize() for word in kind.name.split("_"))
    return [name, kind.c_name, str(kind.retryable).lower(), kind.hint]


def hub_code(code: str) -> list[str]:
    return [str(inspect.kind_of_hub_code(int(code)))]


def hub_url(url: str) -> list[str]:
    scheme, host, port = inspect.hub_url(url)
    return [scheme, host, str(port)]


VERBS: dict[str, Callable[..., list[str]]] = {
    verb.__name__: verb
    for verb in (
        sign, client_id, username, password, coap_sign, coap_psk_identity, coap_psk_key, topic, topic_parse, json_value, error_kind, hub_code, hub_url,
    )
}  # fmt: skip
