"""Commands: what handlers are given, and what becomes of what they return or raise."""

from __future__ import annotations

import gc
import logging
import queue
import threading
from typing import Any

import enos_mock_hub
import pytest
from enos_mock_hub import Hub
from enos_sdk import Client, InvalidStateError, Invocation, Responder, ServiceError


def test_what_a_handler_returns_is_the_outputs(client: Client, enos_hub: Hub) -> None:
    seen: list[Invocation] = []

    @client.on_service("reboot")
    def reboot(call: Invocation) -> dict[str, bool]:
        seen.append(call)
        return {"accepted": True}

    assert enos_hub.invoke("t-1", "reboot", {"delay": 5}) == {"accepted": True}
    call = seen.pop()
    assert (call.kind, call.identifier, call.args, call.params) == ("service", "reboot", {"delay": 5}, '{"delay":5}')
    assert call.device is client
    assert call.args is call.args
    with pytest.raises(InvalidStateError):
        call.defer()


def test_errors_of_a_handler(client: Client, enos_hub: Hub, caplog: pytest.LogCaptureFixture) -> None:
    @client.on_service("reboot")
    def reboot(call: Invocation) -> Any:
        delay = call.args["delay"]
        if delay == 1:
            raise ServiceError(2001, "zu spät 😀")
        if delay == 2:
            raise RuntimeError("a planted failure")
        return "no mapping" if delay == 3 else None

    with pytest.raises(enos_mock_hub.HubError, match="2001 zu spät 😀"):
        enos_hub.invoke("t-1", "reboot", {"delay": 1})
    with caplog.at_level(logging.ERROR, "enos_sdk"):
        with pytest.raises(enos_mock_hub.HubError, match="1102"):
            enos_hub.invoke("t-1", "reboot", {"delay": 2})
        with pytest.raises(enos_mock_hub.HubError, match="1102"):
            enos_hub.invoke("t-1", "reboot", {"delay": 3})
    assert "a planted failure" in caplog.text and "Traceback" in caplog.text
    assert enos_hub.invoke("t-1", "reboot", {"delay": 4}) in (None, {}), "the callback thread lives on"


def test_measurepoints_are_set(client: Client, enos_hub: Hub) -> None:
    seen: list[Any] = []

    @client.on_measurepoint_set
    def set_points(call: Invocation) -> None:
        seen.append((call.kind, call.identifier, call.args))

    enos_hub.set("t-1", "setpoint", 1500)
    assert seen == [("measurepoint_set", "", {"setpoint": 1500})]


def test_an_answer_may_come_later_once(client: Client, enos_hub: Hub) -> None:
    responders: queue.Queue[Responder] = queue.Queue()
    client.on_service("reboot")(lambda call: responders.put(call.defer()))
    results: queue.Queue[Any] = queue.Queue()
    asks = threading.Thread(target=lambda: results.put(enos_hub.invoke("t-1", "reboot", {"delay": 1})))
    asks.start()
    responder = responders.get(timeout=60)
    assert asks.is_alive()
    responder.ok({"accepted": False})
    assert results.get(timeout=60) == {"accepted": False}
    asks.join()
    with pytest.raises(InvalidStateError, match="once"):
        responder.fail(2001, "again")


def test_a_responder_that_is_let_go_answers_1102(client: Client, enos_hub: Hub) -> None:
    def forget(call: Invocation) -> None:
        call.defer()
        gc.collect()

    client.add_service_handler("reboot", forget)
    with pytest.raises(enos_mock_hub.HubError, match="1102"):
        enos_hub.invoke("t-1", "reboot", {"delay": 1})


def test_a_handler_is_taken_away(client: Client, enos_hub: Hub) -> None:
    first = client.add_service_handler("reboot", lambda call: {"accepted": True})
    second = client.add_service_handler("reboot", lambda call: {"accepted": False})
    first.close()
    assert enos_hub.invoke("t-1", "reboot", {"delay": 1}) == {"accepted": False}
    second.close()
    second.close()
    with pytest.raises(enos_mock_hub.HubError, match="1101"):
        enos_hub.invoke("t-1", "reboot", {"delay": 1})


def test_a_handler_may_post_and_connect_and_close(client: Client, enos_hub: Hub) -> None:
    closed = threading.Event()

    @client.on_service("reboot")
    def reboot(call: Invocation) -> dict[str, bool]:
        client.connect(timeout=60)
        client.post_measurepoints({"temp": 7.5}, timeout=60)
        pending = client.begin_measurepoints({"temp": 8.5}, timeout=60)
        pending.result()
        if call.args["delay"] == 2:
            call.defer().ok({"accepted": True})
            client.close()
            closed.set()
        return {"accepted": True}

    assert enos_hub.invoke("t-1", "reboot", {"delay": 1}) == {"accepted": True}
    assert enos_hub.latest("t-1")["temp"] == 8.5
    assert enos_hub.invoke("t-1", "reboot", {"delay": 2}) == {"accepted": True}
    assert closed.wait(60)
    client.close(timeout=60)


def test_a_late_handler_and_no_function(client: Client) -> None:
    client.close()
    with pytest.raises(Exception, match="closed"):
        client.on_lifecycle(print)
    with pytest.raises(TypeError, match="callable"):
        client.add_service_handler("reboot", "no function")  # type: ignore[arg-type]
