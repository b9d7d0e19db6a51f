"""What keeps a device from its hub: the doctor's report as objects."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from enos_sdk import _native
from enos_sdk._common import core_arguments
from enos_sdk._errors import ErrorKind

if TYPE_CHECKING:
    from enos_sdk._native import Runtime
    from enos_sdk._types import Limits, Login, Proxy, Tls


@dataclass(frozen=True)
class DoctorStep:
    """One step of a diagnosis."""

    step: Literal["configuration", "name", "tcp", "proxy", "clock", "tls", "sign_in", "reply"]
    """Which."""
    status: Literal["ok", "warning", "failed", "skipped"]
    """How it went."""
    cause: str | None
    """What is wrong, as a stable code such as `hub_certificate_expired`."""
    kind: ErrorKind | None
    """The kind of error that a connect or a post would raise."""
    hub_code: int
    """The hub's code as it was sent; 0 where the hub said nothing."""
    detail: str
    """What was found."""
    next: str
    """What to do; empty if there is nothing to do."""
    duration: float
    """Seconds that it took; 0 where it was not tried."""


@dataclass(frozen=True)
class DoctorReport:
    """What a diagnosis found; `str` of it is the report for people. Holds no secret."""

    healthy: bool
    """No step failed. Warnings do not count."""
    complete: bool
    """The whole way was walked: sign-in and reply, too."""
    exit_code: int
    """0 if healthy, else by the step that failed first: 10 configuration, 11 name, 12 tcp, 13 proxy, 14 clock, 15 tls,
    16 sign_in, 17 reply."""
    hub: str
    """The hub's URL."""
    device: str
    """Product key and device key, as `pk/dk`."""
    session: Literal["none", "live", "joined", "own"]
    """Whose session sign-in and reply went through: none; the client's, which was up; the client's, which was asked to
    connect; one of the doctor, for a moment."""
    duration: float
    """Seconds that all of it took."""
    steps: tuple[DoctorStep, ...]
    """All steps, in the order of the way."""
    text: str = field(repr=False)
    """For people: the verdict with why and what to do, then each step."""
    json: str = field(repr=False)
    """For programs: the same as one line of JSON, whose names are stable in every language."""

    @property
    def failure(self) -> DoctorStep | None:
        """The step that failed first."""
        return next((step for step in self.steps if step.status == "failed"), None)

    def __str__(self) -> str:
        return self.text


def _step(told: dict[str, Any]) -> DoctorStep:
    kind = told["error_kind"]
    return DoctorStep(
        told["step"],
        told["status"],
        told["cause"],
        None if kind is None else ErrorKind(kind),
        told["hub_code"],
        told["detail"],
        told["next"],
        told["duration_ms"] / 1000,
    )


def report(texts: tuple[str, str]) -> DoctorReport:
    """Objects of the two texts that the native side gives."""
    told = json.loads(texts[0])
    return DoctorReport(
        told["healthy"],
        told["complete"],
        told["exit_code"],
        told["hub"],
        told["device"],
        told["session"],
        told["duration_ms"] / 1000,
        tuple(_step(step) for step in told["steps"]),
        texts[1],
        texts[0],
    )


def doctor(
    hub: str,
    login: Login,
    *,
    tls: Tls | None = None,
    proxy: Proxy | None = None,
    limits: Limits | None = None,
    runtime: Runtime | None = None,
    timeout: float | None = None,
    **options: Any,
) -> DoctorReport:
    """As `Client.doctor`, for settings of which no client was made: what is wrong with them is the report's first step.

    The arguments are those of `Client`, with `timeout` in seconds for all of it, 10 by default. For tools.
    """
    arguments = core_arguments(hub, login, tls, proxy, limits, runtime, options)
    return report(_native.examine(*arguments, timeout))
