"""Values in prefix notation: `i:5`, `f:2.5`, `b:true`, `s:text`, `n`, `a:2` and two values, `o:1` and a name and a
value."""

from typing import Any

from enos_sdk import Point
from lines import Misuse


def value(words: list[str]) -> Any:
    """Takes one value off the front."""
    kind, _, text = words.pop(0).partition(":")
    if kind == "n":
        return None
    if kind == "i":
        return int(text)
    if kind == "f":
        return float(text)
    if kind == "b":
        return text == "true"
    if kind == "s":
        return text
    if kind == "a":
        return [value(words) for _ in range(int(text))]
    if kind == "o":
        return {words.pop(0): value(words) for _ in range(int(text))}
    raise Misuse(f"no value in prefix notation: {kind}")


def points(words: tuple[str, ...]) -> list[tuple[str, Any]]:
    """Points up to the end: identifier, quality or `-`, value."""
    rest, found = list(words), []
    while rest:
        identifier, quality = rest.pop(0), rest.pop(0)
        given = value(rest)
        found.append((identifier, given if quality == "-" else Point(given, int(quality))))
    return found
