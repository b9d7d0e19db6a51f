"""The doctor: through a client, through asyncio, from settings alone, and as a command."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys

import pytest
from enos_mock_hub import Hub
from enos_sdk import AsyncClient, Client, DeviceSecret, DoctorReport, ErrorKind, doctor

CANARY = "canary-secret-1f0b"


def fits_its_json(report: DoctorReport) -> None:
    """What the dataclass says is what the JSON says, name by name."""
    told = json.loads(report.json)
    assert [step["step"] for step in told["steps"]] == [step.step for step in report.steps]
    assert [step["status"] for step in told["steps"]] == [step.status for step in report.steps]
    for name in ("healthy", "complete", "exit_code", "hub", "device", "session"):
        assert told[name] == getattr(report, name), name
    assert str(report) == report.text


def test_a_healthy_client_that_is_online_uses_its_own_session(client: Client) -> None:
    report = client.doctor()
    assert report.healthy and report.complete and report.exit_code == 0, report.text
    assert report.session == "live" and report.failure is None
    fits_its_json(report)
    with pytest.raises(dataclasses.FrozenInstanceError):
        report.healthy = False  # type: ignore[misc]


def test_a_wrong_secret_is_named_and_not_shown(enos_hub: Hub, login: DeviceSecret) -> None:
    wrong = dataclasses.replace(login, secret=CANARY)
    with Client(enos_hub.url, wrong) as client:
        report = client.doctor()
    assert not report.healthy and report.exit_code == 16, report.text
    failure = report.failure
    assert failure is not None and failure.step == "sign_in" and failure.kind is ErrorKind.SIGNATURE_REJECTED
    assert failure.next and CANARY not in report.text + report.json + repr(report)
    fits_its_json(report)


async def test_asyncio_has_the_same(enos_hub: Hub, login: DeviceSecret) -> None:
    async with AsyncClient(enos_hub.url, login) as client:
        report = await client.doctor()
    assert report.healthy and report.session == "own", report.text


def test_settings_that_make_no_client_are_diagnosed(login: DeviceSecret) -> None:
    report = doctor("http://127.0.0.1:1", login)
    assert report.exit_code == 10 and report.failure is not None, report.text
    assert report.failure.step == "configuration"


def test_the_command_prints_and_ends_with_the_code(enos_hub: Hub, login: DeviceSecret) -> None:
    def run(secret: str) -> subprocess.CompletedProcess[str]:
        words = ["--hub", enos_hub.url, "--product-key", login.product_key, "--device-key", login.device_key, "--json"]
        return subprocess.run(
            [sys.executable, "-m", "enos_sdk._cli", "doctor", *words],
            env={**os.environ, "ENOS_DEVICE_SECRET": secret},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    healthy, ill = run(login.secret), run(CANARY)
    assert healthy.returncode == 0 and json.loads(healthy.stdout)["healthy"], healthy.stderr
    assert ill.returncode == 16 and json.loads(ill.stdout)["exit_code"] == 16, ill.stderr
    assert CANARY not in ill.stdout + ill.stderr
