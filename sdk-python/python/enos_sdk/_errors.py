"""The exceptions of the SDK, one class for each band of its error table."""

from __future__ import annotations

import enum


class ErrorKind(enum.IntEnum):
    """What went wrong; the numbers are the same in every language, and never reused."""

    INVALID_ARGUMENT = 101
    INVALID_STATE = 102
    UNSUPPORTED = 103
    CLOSED = 104
    BUFFER_TOO_SMALL = 201
    QUEUE_FULL = 202
    STORAGE_FAILED = 203
    OUT_OF_MEMORY = 204
    RESOLVE_FAILED = 301
    CONNECT_FAILED = 302
    TLS_FAILED = 303
    LINK_LOST = 304
    TIMEOUT = 305
    SIGNATURE_REJECTED = 401
    DEVICE_UNKNOWN = 402
    DEVICE_DISABLED = 403
    ACTIVATION_REFUSED = 404
    NOT_AUTHORIZED = 405
    MALFORMED = 501
    UNEXPECTED_PACKET = 502
    HUB_REJECTED = 601
    RATE_LIMITED = 602
    PAYLOAD_TOO_LARGE = 603
    MODEL_MISMATCH = 604
    DOWNLOAD_FAILED = 701
    VERIFY_FAILED = 702
    WRITE_FAILED = 703
    DECLINED = 704
    INTERNAL = 900

    @property
    def c_name(self) -> str:
        """The kind's name in C, as it stands in documents and tickets."""
        return _row(self)[2]

    @property
    def retryable(self) -> bool:
        """Whether the same call may succeed later without anybody changing anything."""
        return _row(self)[3]

    @property
    def hint(self) -> str:
        """The next step for whoever reads the error."""
        return _row(self)[4]


def _row(kind: ErrorKind) -> tuple[int, str, str, bool, str]:
    from enos_sdk._native import error_table

    return next(row for row in error_table() if row[0] == kind)


class EnosError(Exception):
    """An error of the SDK. Its text names thing, cause and next step, and holds no secret."""

    kind: ErrorKind
    """What went wrong."""
    hub_code: int
    """The hub's code as it was sent; 0 where the hub said nothing."""
    message: str
    """Thing, cause and next step, for people."""
    retryable: bool
    """Whether the same call may succeed later without anybody changing anything."""

    def __init__(self, kind: ErrorKind, message: str, *, hub_code: int = 0, retryable: bool = False) -> None:
        super().__init__(message)
        self.kind = kind
        self.hub_code = hub_code
        self.message = message
        self.retryable = retryable

    def __str__(self) -> str:
        return self.message

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.kind.name}, {self.message!r}, hub_code={self.hub_code})"

    def __reduce__(self) -> tuple[object, ...]:
        return _exception, (int(self.kind), self.hub_code, self.message, self.retryable)


class InvalidArgumentError(EnosError, ValueError):
    """An argument of the call is wrong (101)."""


class InvalidStateError(EnosError, RuntimeError):
    """The call does not fit the state the client is in (102)."""


class UnsupportedError(EnosError, NotImplementedError):
    """EnOS, this transport or this build does not offer it (103)."""


class ClosedError(EnosError):
    """The client was closed (104)."""


class ResourceError(EnosError):
    """Room, storage or memory ran out here (2xx)."""


class LinkError(EnosError, ConnectionError):
    """The connection did not come up, or is gone (301 to 304)."""


class RequestTimeoutError(EnosError, TimeoutError):
    """No answer came in time (305)."""


class AuthError(EnosError):
    """The hub refuses the device's identity (4xx)."""


class ProtocolError(EnosError):
    """The hub broke the protocol (5xx)."""


class HubError(EnosError):
    """The hub said no (6xx)."""


class OtaError(EnosError):
    """A firmware update failed (7xx)."""


class InternalError(EnosError):
    """A bug of the SDK (900)."""


_CLASSES: dict[int, type[EnosError]] = {
    101: InvalidArgumentError,
    102: InvalidStateError,
    103: UnsupportedError,
    104: ClosedError,
    305: RequestTimeoutError,
    900: InternalError,
}
_BANDS: dict[int, type[EnosError]] = {
    2: ResourceError,
    3: LinkError,
    4: AuthError,
    5: ProtocolError,
    6: HubError,
    7: OtaError,
}


def _exception(kind: int, hub_code: int, message: str, retryable: bool) -> EnosError:
    """Made by the native module, and by `pickle`."""
    made = _CLASSES.get(kind) or _BANDS[kind // 100]
    return made(ErrorKind(kind), message, hub_code=hub_code, retryable=retryable)
