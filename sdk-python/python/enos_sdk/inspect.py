"""What a client would put on the wire, without a client: for support, and to compare with other implementations."""

from enos_sdk._native import (
    hub_url,
    kind_of_hub_code,
    mqtt_client_id,
    mqtt_password,
    mqtt_username,
    parse_topic,
    sign,
    topic,
    topic_kinds,
    value_json,
)

__all__ = [
    "hub_url",
    "kind_of_hub_code",
    "mqtt_client_id",
    "mqtt_password",
    "mqtt_username",
    "parse_topic",
    "sign",
    "topic",
    "topic_kinds",
    "value_json",
]
