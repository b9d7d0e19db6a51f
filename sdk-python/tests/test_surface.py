"""Tables, stubs, values and inspection: what Python shows is what the core has."""

from __future__ import annotations

import ast
import json
import math
import pickle
from pathlib import Path
from typing import Any

import enos_sdk
import pytest
from enos_sdk import EnosError, ErrorKind, InvalidArgumentError, Point, _errors, _native, inspect
from hypothesis import given
from hypothesis import strategies as st


def shouted(name: str) -> str:
    return "".join(f"_{c}" if c.isupper() and at else c for at, c in enumerate(name)).upper()


def test_the_error_table_is_the_cores() -> None:
    assert [(row[0], shouted(row[1])) for row in _native.error_table()] == [(kind.value, kind.name) for kind in ErrorKind]
    for number, _, c_name, retryable, hint in _native.error_table():
        kind = ErrorKind(number)
        assert (kind.c_name, kind.retryable, kind.hint) == (c_name, retryable, hint)
        error = _errors._exception(number, 7, "grüße", retryable)
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and isinstance(error, EnosError)
        assert (again.kind, again.hub_code, str(again), again.retryable) == (kind, 7, "grüße", retryable)


def test_the_stub_is_the_module() -> None:
    stub = ast.parse(Path(enos_sdk.__file__).with_name("_native.pyi").read_text("utf-8"))
    told = {node.name: node for node in stub.body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    live = {name for name in dir(_native) if not name.startswith("__")}
    assert set(told) == live
    for name, node in told.items():
        thing = getattr(_native, name)
        if isinstance(node, ast.FunctionDef):
            assert parameters(node) == signature(thing), name
            continue
        members = {member.name: member for member in node.body if isinstance(member, ast.FunctionDef)}
        plain = {"__new__", "__repr__", "__eq__", "__hash__", "__reduce__"}
        own = {member for member in vars(thing) if not member.startswith("__") and member.isidentifier()}
        assert {member for member in members if member not in plain} == own, name
        for member, function in members.items():
            is_property = any(ast.unparse(line) == "property" for line in function.decorator_list)
            if member in plain or is_property:
                assert is_property == (type(vars(thing).get(member)).__name__ in {"getset_descriptor", "member_descriptor"}), f"{name}.{member}"
            else:
                assert parameters(function) == signature(vars(thing)[member]), f"{name}.{member}"


def parameters(node: ast.FunctionDef) -> list[tuple[str, str | None]]:
    """Names and defaults."""
    names = [argument.arg for argument in node.args.args]
    defaults = [ast.unparse(default) for default in node.args.defaults]
    padded = [None] * (len(names) - len(defaults)) + defaults
    return list(zip(names, padded, strict=True))


def signature(function: Any) -> list[tuple[str, str | None]]:
    text = function.__text_signature__.replace("$self", "self").replace("/, ", "").replace(", /", "")
    node = ast.parse(f"def f{text}: ...").body[0]
    assert isinstance(node, ast.FunctionDef)
    return parameters(node)


def test_everything_public_has_a_text() -> None:
    for name in enos_sdk.__all__:
        thing = getattr(enos_sdk, name)
        if isinstance(thing, type):
            assert thing.__doc__, name
            for member, value in vars(thing).items():
                if not member.startswith("_") and callable(value):
                    assert value.__doc__, f"{name}.{member}"


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    if isinstance(one, list):
        return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict):
        return isinstance(other, dict) and one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, float):
        return isinstance(other, float) and (one == other and math.copysign(1, one) == math.copysign(1, other))
    return type(one) is type(other) and bool(one == other)


@given(values)
def test_values_come_back_from_their_json(value: Any) -> None:
    assert same(json.loads(inspect.value_json(value)), value)


@given(texts, texts, st.integers(0, 2**53), texts)
def test_signing_is_the_same_for_any_text(client: str, keys: str, timestamp: int, secret: str) -> None:
    password = inspect.mqtt_password(client, keys, keys, timestamp, secret)
    assert len(password) == 64 and int(password, 16) >= 0
    assert inspect.mqtt_username(keys, keys) == f"{keys}&{keys}"


def test_inspection() -> None:
    topic, reply, method = inspect.topic("measurepoint.post", "", "pk", "dk")
    assert inspect.parse_topic(topic) == ("pk", "dk", method, False)
    assert inspect.parse_topic(reply) == ("pk", "dk", method, True)
    assert inspect.parse_topic("nothing") is None
    assert "measurepoint.post" in inspect.topic_kinds()
    assert inspect.hub_url("ssl://host:1") == ("ssl", "host", 1)
    assert inspect.kind_of_hub_code(1204) == ErrorKind.MODEL_MISMATCH
    with pytest.raises(InvalidArgumentError):
        inspect.hub_url("gopher://host")
    with pytest.raises(InvalidArgumentError):
        inspect.topic("no such kind", "", "pk", "dk")


def test_points() -> None:
    point = Point(1.5, quality=3)
    assert point == Point(1.5, 3) != Point(1.5) and hash(point) == hash(Point(1.5, 3))
    assert (point.value, point.quality, repr(point)) == (1.5, 3, "Point(1.5, quality=3)")
    assert pickle.loads(pickle.dumps(point)) == point
    match point:
        case Point(value, quality):
            assert (value, quality) == (1.5, 3)
    with pytest.raises(AttributeError):
        point.value = 2  # type: ignore[misc]
    with pytest.raises(InvalidArgumentError, match="quality"):
        Point(1, quality=1000)


def test_no_repr_shows_a_secret() -> None:
    store = enos_sdk.MemorySecretStore()
    for thing in (
        enos_sdk.DeviceSecret("pk", "dk", "canary"),
        enos_sdk.DynamicActivation("pk", "dk", "canary", store=store),
        enos_sdk.Proxy("host", 1, "user", "canary"),
        enos_sdk.Tls(key=b"canary"),
    ):
        assert "canary" not in repr(thing)
    client = enos_sdk.Client("tcp://127.0.0.1:9", enos_sdk.DeviceSecret("pk", "dk", "canary"))
    assert repr(client) == "<Client pk/dk>" and (client.product_key, client.device_key) == ("pk", "dk")
    client.close()
