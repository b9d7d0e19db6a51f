"""The client whose verbs wait."""

from __future__ import annotations

from typing import TYPE_CHECKING

from enos_sdk._common import Base
from enos_sdk._types import WakeReport

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from enos_sdk._doctor import DoctorReport
    from enos_sdk._errors import EnosError
    from enos_sdk._native import Invocation, Pending
    from enos_sdk._types import Delivery, Lifecycle, Outputs, Points, Time


class Client(Base["Callable[[Invocation], Outputs | None]", "Callable[[Lifecycle], object]"]):
    """A device's connection to the hub, which heals itself once it has been online.

    May be used from any thread. Handlers run one at a time, in order, on a thread of the SDK; they may call anything
    here. Entering `with` does not connect: handlers come first, so that no early command is lost. Ctrl-C ends every
    wait within a tenth of a second.
    """

    def connect(self, *, timeout: float | None = None) -> None:
        """Connects and signs in; from then on every loss is healed in the background.

        Tries until its time is over (10 s), but raises at once what trying again cannot cure: a wrong secret, a refused
        certificate. Then the client stops, and may be asked again. Returns at once if the client is online.
        """
        self._core.connect(timeout)

    def close(self, *, timeout: float | None = None) -> None:
        """Takes nothing new, lets open posts settle within the time (2 s), signs off, and waits for handlers that run.

        What has not settled fails with `ClosedError`. Called from a handler of this client it only starts closing.
        """
        self._core.close(timeout)

    def sleep(self, *, timeout: float | None = None) -> WakeReport:
        """Finishes what is open, so that the device may sleep, and tells what it took to be awake since the last sleep.

        Waits (60 s) until all posts are settled, the commands that wait at the hub are fetched, and their answers
        delivered. The client stays as it is: what is asked of it next wakes it, and signs in first if the lifetime has
        ended. CoAP only: over MQTT it raises `UnsupportedError`. Not for handlers, which have to run meanwhile.
        """
        return WakeReport(*self._core.sleep(timeout))

    def doctor(self, *, timeout: float | None = None) -> DoctorReport:
        """Walks the client's own way to the hub and back, and says which step fails, why, and what to do.

        Settings, name look-up, TCP, proxy, clock, TLS, sign-in, a reply; `timeout` seconds for all of it, 10 by default.
        What is wrong is its result, never an exception. It changes nothing at the hub. A client that is online stays so,
        and its own session asks for the reply; one that is connecting is asked to connect now. Otherwise the doctor
        signs in as the device for a moment, which counts against the dial budget; commands that wait for the device come
        then, and go to the client's handlers. A device that was not activated yet is not signed in.
        """
        from enos_sdk._doctor import report

        return report(self._core.doctor(timeout))

    def post_measurepoints(
        self, points: Points, *, time: Time | None = None, timeout: float | None = None, wait: bool = True
    ) -> Delivery:
        """Posts points of one moment, and waits for the hub's reply.

        points: values by identifier; a `Point` where a quality belongs to the value.
        time: when they were measured. Default: now.
        timeout: seconds until the hub's reply, with the wait for a connection and for room. Default 10.
        wait: False: returns at once with `Delivery.QUEUED`, and raises `ResourceError` while there is no room.

        Raises `HubError` for what the hub refuses, `RequestTimeoutError`, or `LinkError` if there was no connection.
        """
        return self._core.post(points, time, timeout, wait)

    def begin_measurepoints(
        self, points: Points, *, time: Time | None = None, timeout: float | None = None
    ) -> Pending:
        """As `post_measurepoints`, but returns at once what can be waited for: so many posts can be open.

        Raises `ResourceError` while the queue is full.
        """
        return self._core.begin(points, time, timeout)

    def submit_measurepoints(
        self,
        points: Points,
        done: Callable[[Delivery | EnosError], object],
        *,
        time: Time | None = None,
        timeout: float | None = None,
    ) -> None:
        """As `begin_measurepoints`, but calls `done` once with the fate or the error, on a thread of the SDK.

        Calls of one client come in the order in which the hub answered, one at a time, as those of handlers.
        """
        self._core.submit(points, done, time, timeout)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
