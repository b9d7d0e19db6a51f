"""The EnOS device SDK.

    from enos_sdk import Client, DeviceSecret

    with Client("ssl://hub.example:18883", DeviceSecret("product-key", "device-key", "secret")) as client:
        client.connect()
        client.post_measurepoints({"temp": 21.5})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

try:
    from enos_sdk import _native
except ImportError as error:
    from enos_sdk._refused import why

    raise ImportError(why(error)) from error

from enos_sdk._client import Client
from enos_sdk._common import set_log_level
from enos_sdk._errors import (
    AuthError,
    ClosedError,
    EnosError,
    ErrorKind,
    HubError,
    InternalError,
    InvalidArgumentError,
    InvalidStateError,
    LinkError,
    OtaError,
    ProtocolError,
    RequestTimeoutError,
    ResourceError,
    UnsupportedError,
)
from enos_sdk._native import (
    FileSecretStore,
    Invocation,
    MemorySecretStore,
    Pending,
    Point,
    Registration,
    Responder,
    Runtime,
)
from enos_sdk._types import (
    Activated,
    Closed,
    ConnectFailed,
    Connecting,
    Delivery,
    DeviceSecret,
    DynamicActivation,
    Lifecycle,
    Limits,
    Login,
    Offline,
    Online,
    Proxy,
    SecretStore,
    ServiceError,
    Stats,
    Tls,
    Value,
    WakeReport,
)

if TYPE_CHECKING:
    from enos_sdk._async import AsyncClient
    from enos_sdk._doctor import DoctorReport, DoctorStep, doctor
    from enos_sdk._steps import LifecycleSteps

__version__: str = _native.__version__

__all__ = [
    "Activated",
    "AsyncClient",
    "AuthError",
    "Client",
    "Closed",
    "ClosedError",
    "ConnectFailed",
    "Connecting",
    "Delivery",
    "DeviceSecret",
    "DoctorReport",
    "DoctorStep",
    "DynamicActivation",
    "EnosError",
    "ErrorKind",
    "FileSecretStore",
    "HubError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidStateError",
    "Invocation",
    "Lifecycle",
    "LifecycleSteps",
    "Limits",
    "LinkError",
    "Login",
    "MemorySecretStore",
    "Offline",
    "Online",
    "OtaError",
    "Pending",
    "Point",
    "ProtocolError",
    "Proxy",
    "Registration",
    "RequestTimeoutError",
    "ResourceError",
    "Responder",
    "Runtime",
    "SecretStore",
    "ServiceError",
    "Stats",
    "Tls",
    "UnsupportedError",
    "Value",
    "WakeReport",
    "__version__",
    "doctor",
    "set_log_level",
]


def __getattr__(name: str) -> Any:
    # asyncio takes longer to import than all of this; who does not use it does not pay for it.
    if name == "AsyncClient":
        from enos_sdk._async import AsyncClient

        globals()[name] = AsyncClient
        return AsyncClient
    if name == "LifecycleSteps":
        from enos_sdk._steps import LifecycleSteps

        globals()[name] = LifecycleSteps
        return LifecycleSteps
    if name in ("DoctorReport", "DoctorStep", "doctor"):
        from enos_sdk import _doctor

        globals()[name] = getattr(_doctor, name)
        return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
