"""The fixture `enos_hub`, as those use it who test their own device."""

from __future__ import annotations

import json

import pytest
from enos_mock_hub import Hub, HubError

DEVICE = """
    from enos_sdk import Client, DeviceSecret

    def post(hub, points):
        with Client(hub.url, DeviceSecret(*hub.device("t-1"))) as client:
            client.connect(timeout=60)
            client.post_measurepoints(points)
"""


def run(pytester: pytest.Pytester) -> pytest.RunResult:
    return pytester.runpytest_subprocess("-p", "enos_mock_hub.plugin", "-p", "no:cacheprovider")


def test_each_test_has_a_hub_of_its_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        DEVICE
        + """
    urls = set()

    def test_one(enos_hub):
        assert enos_hub.latest("t-1") == {}
        post(enos_hub, {"temp": 1.0})
        urls.add(enos_hub.url)

    def test_other(enos_hub):
        assert enos_hub.latest("t-1") == {}
        assert enos_hub.url.startswith("tcp://127.0.0.1:") and enos_hub.ca.startswith(b"-----BEGIN")
"""
    )
    run(pytester).assert_outcomes(passed=2)


def test_a_failure_shows_the_journal_and_no_secret(pytester: pytest.Pytester, enos_hub: Hub) -> None:
    pytester.makepyfile(DEVICE + "    def test_it(enos_hub):\n        post(enos_hub, {'nowhere': 1})\n")
    result = run(pytester)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*enos hub journal*", "*nowhere*"])
    journal = result.stdout.str().split("enos hub journal")[1]
    assert enos_hub.device("t-1").device_secret not in journal


def test_another_seed(pytester: pytest.Pytester, enos_hub: Hub) -> None:
    seed = {
        "orgId": "o2",
        "models": [{"modelId": "m", "measurepoints": {"x": {"identifier": "x", "dataType": "INT"}}}],
        "products": [{"productKey": "pk", "productSecret": "ps", "modelId": "m"}],
        "devices": [{"productKey": "pk", "deviceKey": "dü", "deviceSecret": "s"}],
    }
    pytester.makepyfile(
        f"""
    import pytest
    from enos_sdk import Client, DeviceSecret

    @pytest.mark.enos_seed({json.dumps(seed)})
    def test_it(enos_hub):
        with Client(enos_hub.tls_url, DeviceSecret(*enos_hub.device("dü")), tls=__import__("enos_sdk").Tls(ca=enos_hub.ca)) as client:
            client.connect(timeout=60)
            client.post_measurepoints({{"x": 5}})
        assert enos_hub.latest("dü") == {{"x": 5}}
        with pytest.raises(KeyError):
            enos_hub.device("t-1")
"""
    )
    run(pytester).assert_outcomes(passed=1)


def test_a_hub_that_cannot_start_says_why() -> None:
    with pytest.raises(HubError, match="bogus"):
        Hub({"bogus": 1})


def test_a_missing_program_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ENOS_MOCK_HUB")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(HubError, match="enos-mock-hub"):
        Hub()
