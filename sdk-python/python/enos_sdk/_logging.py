"""The SDK's log in `logging`. Imported when the first line comes, since most programs never see one."""

from __future__ import annotations

import logging

_LOGGER = logging.getLogger("enos_sdk")


def write(level: int, target: str, text: str) -> None:
    """Called on a thread of the SDK, one line at a time, in order."""
    _LOGGER.log(level, "%s", text, extra={"enos_target": target})


def callback_failed(what: str, error: BaseException) -> None:
    """An exception left a callback of the program."""
    _LOGGER.error("%s failed", what, exc_info=error)
