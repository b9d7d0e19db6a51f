"""What a client would put on the wire, without a client: for support, and to compare with other implementations."""

from enos_sdk._native import (
    coap_psk_identity,
    coap_psk_key,
    coap_sign,
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
    "coap_psk_identity",
    "coap_psk_key",
    "coap_sign",
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
