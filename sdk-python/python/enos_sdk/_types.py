"""What callers give and get: logins, settings, fates, steps, counters."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, SupportsFloat, SupportsIndex, Union

if TYPE_CHECKING:
    import datetime
    import os

    from enos_sdk._errors import EnosError
    from enos_sdk._native import Point

Value = Union[None, bool, int, float, str, SupportsIndex, SupportsFloat, "Sequence[Value]", "Mapping[str, Value]"]
"""What a measurepoint, an output or an argument may hold. Numbers of NumPy and the like are taken, too."""

Points = Mapping[str, Union[Value, "Point"]]
"""Measurepoints by identifier; a `Point` where a quality belongs to the value."""

Time = Union["datetime.datetime", float]
"""A `datetime`, or seconds since 1970 as `time.time()` gives them."""

Outputs = Mapping[str, Value]
"""What a handler returns."""


class SecretStore(Protocol):
    """Keeps the secret that a device receives at its activation.

    Called on threads of the SDK, one call at a time for a client. `store` must return only when the secret would
    survive a power cut: the hub hands it out once. What they raise is shown, so it should hold no secret.
    """

    def load(self, product_key: str, device_key: str) -> str | None:
        """The secret stored for this device; None if there is none yet."""
        ...

    def store(self, product_key: str, device_key: str, secret: str) -> None:
        """Keeps the secret, in place of an earlier one."""
        ...


@dataclass(frozen=True)
class DeviceSecret:
    """Signs in with the device's own secret."""

    product_key: str
    device_key: str
    secret: str = field(repr=False)


@dataclass(frozen=True)
class DynamicActivation:
    """Receives the device's own secret once, for the product's, and keeps it in the store; signs in with it then."""

    product_key: str
    device_key: str
    product_secret: str = field(repr=False)
    store: SecretStore = field(kw_only=True)


Login = Union[DeviceSecret, DynamicActivation]
"""How a device proves who it is. A client certificate belongs to `Tls`."""

PathOrPem = Union[str, "os.PathLike[str]", bytes]
"""A file's path, or PEM itself as bytes."""


@dataclass(frozen=True)
class Tls:
    """Whom to trust and which certificate to show, for `ssl://`. Default: the system's CAs, and none to show."""

    ca: PathOrPem | None = None
    """CAs to trust instead of the system's."""
    cert: PathOrPem | None = None
    """The client certificate to show, the device's first."""
    key: PathOrPem | None = field(default=None, repr=False)
    """Its key: PKCS#8, SEC1 or PKCS#1, not encrypted."""


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy that is asked to CONNECT. User and password go to it in clear."""

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Limits:
    """What a client may use at the most. None is the core's default."""

    receive: int | None = None
    """Bytes of received packets held at once."""
    transmit: int | None = None
    """Bytes encoded but not yet sent."""
    outbox: int | None = None
    """Bytes of messages waiting to be sent or answered."""
    requests: int | None = None
    """Requests open at once."""
    calls: int | None = None
    """Commands taken but not yet answered."""
    handlers: int | None = None
    """Handlers registered."""
    names: int | None = None
    """Bytes of names: host, keys, secrets, service identifiers."""


class Delivery(enum.Enum):
    """The fate of a post."""

    ACKNOWLEDGED = "acknowledged"
    """The hub has accepted it."""
    QUEUED = "queued"
    """It was taken, and the caller did not wait: sent as soon as there is a connection, and again after a lost one."""


@dataclass(frozen=True)
class Lifecycle:
    """A step in a connection's life.

    Each `Connecting` is followed by exactly one `Online` or `ConnectFailed`, each `Online` by exactly one `Offline`;
    `Closed` is last.
    """


@dataclass(frozen=True)
class Connecting(Lifecycle):
    """A dial begins; an activation and the sign-in that follows it are one."""


@dataclass(frozen=True)
class Online(Lifecycle):
    """Signed in: posts flow and commands arrive."""


@dataclass(frozen=True)
class Activated(Lifecycle):
    """The device received its own secret and stored it."""


@dataclass(frozen=True)
class ConnectFailed(Lifecycle):
    """The attempt failed."""

    error: EnosError
    """Why."""
    retry_in: float | None
    """Seconds until the next dial; None: the client has stopped trying."""


@dataclass(frozen=True)
class Offline(Lifecycle):
    """The connection is gone."""

    reason: EnosError
    """Why; kind CLOSED if it was asked for."""
    will_retry: bool
    """Whether the client dials again by itself."""


@dataclass(frozen=True)
class Closed(Lifecycle):
    """The client was closed; nothing follows."""


@dataclass(frozen=True)
class Stats:
    """Counters since the client was made; the same names in every language."""

    bytes_sent: int
    bytes_received: int
    messages_sent: int
    messages_received: int
    retries: int
    reconnects: int
    acknowledged: int
    rejected: int
    failed: int
    dropped_oversize: int
    dropped_unknown: int
    dropped_malformed: int
    dropped_stray: int
    dropped_answers: int
    open_requests: int
    queued_bytes: int
    datagrams_sent: int
    datagrams_received: int
    radio_on_ms: int


@dataclass(frozen=True)
class WakeReport:
    """What a device did between two sleeps, as UDP payload: DTLS included, IP and UDP headers not."""

    datagrams_sent: int
    """Datagrams sent, repetitions included."""
    datagrams_received: int
    """Datagrams received."""
    bytes_sent: int
    """Bytes sent."""
    bytes_received: int
    """Bytes received."""
    radio_on_ms: int
    """Milliseconds during which an answer was waited for; as long the radio had to be on."""


class ServiceError(Exception):
    """Raised in a handler: not done, with a code of the device (from 2000 on) and a text for people."""

    def __init__(self, code: int, message: str = "") -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
