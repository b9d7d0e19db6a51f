"""CoAP: a sleepy device posts, takes its commands, and tells what it took to be awake."""

from __future__ import annotations

import asyncio
import threading

import pytest
from conftest import PATIENCE
from enos_mock_hub import Hub
from enos_sdk import (
    AsyncClient,
    Client,
    DeviceSecret,
    EnosError,
    ErrorKind,
    Invocation,
    Proxy,
    Tls,
    UnsupportedError,
    WakeReport,
    inspect,
)


def test_a_sleepy_device_posts_and_its_report_adds_up(enos_hub: Hub, login: DeviceSecret) -> None:
    with Client(enos_hub.coap_url, login, sleepy=True, coap_lifetime=600, coap_rate_limit=0) as client:
        client.connect(timeout=PATIENCE)
        client.post_measurepoints({"temp": 21.5})
        report = client.sleep()
        assert isinstance(report, WakeReport)
        assert (report.datagrams_sent, report.datagrams_received) == (2, 2)
        assert 0 < report.bytes_received < report.bytes_sent < 1024
        assert enos_hub.latest("t-1") == {"temp": 21.5}
        assert client.stats().datagrams_sent == 2
        assert client.sleep().datagrams_sent == 0


def test_commands_are_answered_before_sleep(enos_hub: Hub, login: DeviceSecret) -> None:
    with Client(enos_hub.coap_url, login, sleepy=True) as client:
        calls: list[object] = []

        @client.on_service("reboot")
        def reboot(call: Invocation) -> None:
            calls.append(call.args)
            with pytest.raises(EnosError) as caught:
                client.sleep()
            assert caught.value.kind is ErrorKind.INVALID_STATE

        client.connect(timeout=PATIENCE)
        asker = threading.Thread(target=enos_hub.invoke, args=("t-1", "reboot", {"delay": 3}))
        asker.start()
        try:
            # The hub has the command once a post is answered with its hint.
            while not calls:
                client.post_measurepoints({"temp": 21.5}, timeout=PATIENCE)
                client.sleep()
        finally:
            asker.join(PATIENCE)
        assert calls == [{"delay": 3}]


def test_asyncio_sleeps_too(enos_hub: Hub, login: DeviceSecret) -> None:
    async def day() -> WakeReport:
        async with AsyncClient(enos_hub.coap_url, login, sleepy=True) as client:
            await client.connect(timeout=PATIENCE)
            await client.post_measurepoints({"temp": 21.5})
            return await client.sleep()

    assert asyncio.run(day()).datagrams_sent == 2


def test_what_is_not_offered_is_refused_at_once(enos_hub: Hub, login: DeviceSecret) -> None:
    with Client(enos_hub.url, login) as client, pytest.raises(UnsupportedError, match="coap"):
        client.sleep()
    with pytest.raises(UnsupportedError, match="proxy"):
        Client(enos_hub.coap_url, login, proxy=Proxy("127.0.0.1", 9))
    with pytest.raises(UnsupportedError, match="certificate"):
        Client(enos_hub.coap_url, login, tls=Tls(cert=b"c", key=b"k"))


def test_what_coap_signs() -> None:
    # Bytes 9 to 24 of the SHA-256 of "abc" (FIPS 180-2, B.1).
    assert inspect.coap_psk_key("abc") == "414140de5dae2223b00361a396177a9c"
    assert inspect.coap_psk_identity("pk", "d,k", 3, 3600) == "pk,d,k,3,3600"
    sign = inspect.coap_sign("pk", "dk", 3600, "secret")
    assert len(sign) == 64 and sign == sign.upper()
