"""What the tests share: a login of the example seed, and clients that are closed whatever happens."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from enos_mock_hub import Hub
from enos_sdk import Client, DeviceSecret

pytest_plugins = ["pytester"]

PATIENCE = 60


@pytest.fixture
def login(enos_hub: Hub) -> DeviceSecret:
    return DeviceSecret(*enos_hub.device("t-1"))


@pytest.fixture
def client(enos_hub: Hub, login: DeviceSecret) -> Iterator[Client]:
    with Client(enos_hub.url, login) as client:
        client.connect(timeout=PATIENCE)
        yield client


@pytest.fixture
def program(enos_hub: Hub) -> Callable[..., subprocess.Popen[str]]:
    """Starts a Python program that finds the hub's URL in `URL` and its login in `LOGIN`."""
    head = (
        "import sys\n"
        "from enos_sdk import *\n"
        f"URL, LOGIN = {enos_hub.url!r}, DeviceSecret(*{tuple(enos_hub.device('t-1'))!r})\n"
    )

    def start(text: str, **options: Any) -> subprocess.Popen[str]:
        command = [sys.executable, "-X", "dev", "-W", "error", "-c", head + text]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "env": os.environ.copy()}
        return subprocess.Popen(command, **{**pipes, **options})

    return start


def ends(process: subprocess.Popen[str], *, code: int = 0) -> str:
    """Waits for a program's end, within a limit; what it printed."""
    try:
        output, errors = process.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise AssertionError(f"the program did not end: {output}\n{errors}") from None
    assert process.returncode == code, f"{process.returncode}: {output}\n{errors}"
    if code == 0:
        assert errors == ""
    return output
