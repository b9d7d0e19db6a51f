"""Why the native module cannot be loaded, said so that one can act on it."""

from __future__ import annotations

import sys


def why(error: ImportError) -> str:
    """Cause and next step."""
    import sysconfig

    if sysconfig.get_config_var("Py_GIL_DISABLED"):
        return (
            "enos_sdk has no build for free-threaded Python yet: its native module uses the stable ABI, which needs the "
            "GIL. Run it with the usual build of the same version."
        )
    if "subinterpreter" in str(error):
        return f"enos_sdk works in the main interpreter only, not in a subinterpreter ({error}). Import it there."
    return (
        f"enos_sdk's native module cannot be loaded ({error}) by Python {sys.version.split()[0]} "
        f"({sysconfig.get_platform()}). Install the wheel for this platform: pip install --force-reinstall enos-sdk."
    )
