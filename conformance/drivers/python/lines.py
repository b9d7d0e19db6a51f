"""Lines: words between tabs, `%XX` for what a line may not hold as it is."""

import sys
import threading
from urllib.parse import unquote

from enos_sdk import EnosError

_whole = threading.Lock()
_ESCAPES = str.maketrans({"%": "%25", "\t": "%09", "\n": "%0A", "\r": "%0D"})


class Misuse(Exception):
    """A request that the protocol does not know: a fault of the scenario."""


def decode(word: str) -> str:
    return unquote(word, errors="strict")


def failed(error: Exception) -> list[str]:
    """An error as words: kind, hub code, retryable, message."""
    if isinstance(error, EnosError):
        return [str(int(error.kind)), str(error.hub_code), str(error.retryable).lower(), error.message]
    return ["900", "0", "false", f"{type(error).__name__}: {error}"]


def answer(first: str, words: list[str]) -> None:
    line = "\t".join([first, *(word.translate(_ESCAPES) for word in words)]) + "\n"
    with _whole:
        sys.stdout.buffer.write(line.encode())
        sys.stdout.buffer.flush()


def event(*words: str) -> None:
    answer("*", list(words))
