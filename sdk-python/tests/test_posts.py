"""Posts: values arrive as given, fates are told, refusals are exceptions."""

from __future__ import annotations

import datetime
import queue
import threading
import time
from decimal import Decimal
from enum import IntEnum
from typing import Any

import pytest
from enos_mock_hub import Hub
from enos_sdk import (
    Client,
    ClosedError,
    Delivery,
    DeviceSecret,
    EnosError,
    ErrorKind,
    HubError,
    InvalidArgumentError,
    Limits,
    LinkError,
    Point,
    RequestTimeoutError,
    ResourceError,
)


def test_a_post_is_acknowledged_and_stored(client: Client, enos_hub: Hub) -> None:
    assert client.post_measurepoints({"temp": 21.5, "power": Point(1834.0, quality=0), "state": 2}) is Delivery.ACKNOWLEDGED
    assert enos_hub.latest("t-1") == {"temp": 21.5, "power": 1834.0, "state": 2}
    stats = client.stats()
    assert (stats.acknowledged, stats.rejected, stats.failed, stats.open_requests) == (1, 0, 0, 0)


def test_what_the_hub_refuses_is_raised(client: Client) -> None:
    with pytest.raises(HubError) as caught:
        client.post_measurepoints({"nowhere": 1})
    error = caught.value
    assert (error.kind, error.hub_code, error.retryable) == (ErrorKind.MODEL_MISMATCH, 1204, False)
    assert "1204" in str(error) and "thing model" in str(error)


def test_the_moment_is_sent_in_whole_milliseconds(client: Client, enos_hub: Hub) -> None:
    def stored() -> int:
        device = enos_hub.device("t-1")
        query = f"action=queryLatest&orgId=o1&productKey={device.product_key}&deviceKey=t-1"
        rows = enos_hub.rest("POST", f"/connect-service/v2.1/measurepoints?{query}", {})["data"]
        return int(rows[0]["time"])

    second = int(time.time()) - 10
    client.post_measurepoints({"temp": 1.0}, time=second + 0.123)
    assert stored() == second * 1000 + 123
    moment = datetime.datetime.fromtimestamp(second + 1, datetime.timezone.utc).replace(microsecond=456_000)
    client.post_measurepoints({"temp": 1.0}, time=moment)
    assert stored() == (second + 1) * 1000 + 456


@pytest.mark.parametrize("moment", [float("nan"), float("inf"), -1.0, 1e300, "now"])
def test_a_wrong_moment_is_refused(client: Client, moment: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="time|1970"):
        client.post_measurepoints({"temp": 1.0}, time=moment)


class State(IntEnum):
    RUNNING = 2


class Number:
    def __index__(self) -> int:
        return 3


@pytest.mark.parametrize(
    ("points", "word"),
    [
        ({"temp": float("nan")}, "NaN"),
        ({"temp": object()}, '"temp": a value is a object'),
        ({"temp": {1, 2}}, "a set"),
        ({"temp": 2**63}, "64 bits"),
        ({"temp": "\ud800"}, "UTF-8"),
        ({"temp": {1: 2}}, "a field's name is a int"),
        ({1: 2}, "an identifier is a int"),
        ({}, "no point|point"),
        ("temp", "Give a mapping"),
        (7, "Give a mapping"),
        ([("temp",)], "Give a mapping"),
        ({"temp": Point(1.0, quality=10)}, "quality"),
    ],
)
def test_wrong_points_are_named(client: Client, points: Any, word: str) -> None:
    with pytest.raises(InvalidArgumentError, match=word):
        client.post_measurepoints(points)
    assert client.stats().messages_sent == 0


def test_numbers_of_other_kinds_are_taken(client: Client, enos_hub: Hub) -> None:
    client.post_measurepoints({"state": State.RUNNING, "temp": Decimal("2.5")})
    assert enos_hub.latest("t-1") == {"state": 2, "temp": 2.5}
    pairs: Any = iter([("state", Number())])
    client.post_measurepoints(pairs)
    assert enos_hub.latest("t-1")["state"] == 3


def test_a_list_that_holds_itself_ends(client: Client) -> None:
    ring: list[Any] = []
    ring.append(ring)
    with pytest.raises(InvalidArgumentError, match="deep"):
        client.post_measurepoints({"temp": ring})
    wide: Any = 1
    for _ in range(8):
        wide = [wide] * 100
    with pytest.raises(HubError, match="Split"):
        client.post_measurepoints({"temp": wide})


def test_objects_that_change_while_they_are_read_do_no_harm(client: Client) -> None:
    points: dict[str, Any] = {}

    class Evil:
        def __float__(self) -> float:
            points.clear()
            return 1.0

    points.update({f"name {number}": "text " * 100 for number in range(5)}, evil=Evil(), after="x")
    with pytest.raises((EnosError, RuntimeError)):
        client.post_measurepoints(points)


def test_many_posts_are_open_at_once(client: Client) -> None:
    pending = [client.begin_measurepoints({"temp": 1.0}) for _ in range(500)]
    assert {post.result(timeout=60) for post in pending} == {Delivery.ACKNOWLEDGED}
    assert all(post.done() for post in pending)
    assert pending[0].result() is Delivery.ACKNOWLEDGED, "it is told again"


def test_completions_are_told_in_order(client: Client, enos_hub: Hub) -> None:
    told: queue.Queue[tuple[int, object]] = queue.Queue()
    for number in range(200):
        identifier = "nowhere" if number == 100 else "temp"
        client.submit_measurepoints({identifier: 1.0}, lambda fate, number=number: told.put((number, fate)))  # type: ignore[misc]
    fates = [told.get(timeout=60) for _ in range(200)]
    assert [number for number, _ in fates] == list(range(200))
    assert isinstance(fates.pop(100)[1], HubError) and {fate for _, fate in fates} == {Delivery.ACKNOWLEDGED}


def test_a_full_queue_is_told_or_waited_for(enos_hub: Hub, login: DeviceSecret) -> None:
    with Client(enos_hub.url, login, limits=Limits(requests=4)) as client:
        # Not connected, so nothing leaves.
        for _ in range(4):
            client.post_measurepoints({"temp": 1.0}, wait=False)
        with pytest.raises(ResourceError) as caught:
            client.post_measurepoints({"temp": 1.0}, wait=False)
        assert caught.value.kind is ErrorKind.QUEUE_FULL and caught.value.retryable
        with pytest.raises(ResourceError):
            client.post_measurepoints({"temp": 1.0}, timeout=0.2)
        waits = threading.Thread(target=client.post_measurepoints, args=({"temp": 2.0},), kwargs={"timeout": 60})
        waits.start()
        client.connect(timeout=60)
        waits.join(60)
        assert not waits.is_alive()
    assert enos_hub.latest("t-1")["temp"] == 2.0


def test_time_outs_and_no_connection(enos_hub: Hub, login: DeviceSecret) -> None:
    with Client("tcp://127.0.0.1:9", login) as client:
        with pytest.raises(LinkError) as lost:
            client.post_measurepoints({"temp": 1.0}, timeout=0.05)
        assert lost.value.kind is ErrorKind.LINK_LOST and isinstance(lost.value, ConnectionError)
        pending = client.begin_measurepoints({"temp": 1.0}, timeout=60)
        with pytest.raises(RequestTimeoutError) as late:
            pending.result(timeout=0.01)
        assert isinstance(late.value, TimeoutError) and not pending.done()
        with pytest.raises(LinkError):
            client.connect(timeout=0.2)
    with pytest.raises(ClosedError):
        pending.result()
    with pytest.raises(ClosedError):
        client.post_measurepoints({"temp": 1.0})
    for timeout in (-1.0, float("nan")):
        with pytest.raises(InvalidArgumentError, match="timeout"):
            client.connect(timeout=timeout)


def test_two_clients_of_one_device_take_turns(enos_hub: Hub, login: DeviceSecret) -> None:
    gone = threading.Event()
    with Client(enos_hub.url, login) as first, Client(enos_hub.url, login) as second:
        first.on_lifecycle(lambda step: gone.set() if type(step).__name__ == "Offline" else None)
        first.connect(timeout=60)
        second.connect(timeout=60)
        assert gone.wait(60), "the hub lets the later one in"
        assert second.post_measurepoints({"temp": 3.0}) is Delivery.ACKNOWLEDGED
