"""The Python driver: turns lines into calls of the SDK and what comes of them into lines.

Holds no expectation and no logic of its own (`drivers/README.md`). Verbs that may wait run on a thread each.
"""

import sys
import threading

import client
import pure
from lines import Misuse, answer, decode, failed

WAITING = {"connect", "post", "answer", "doctor", "sleep", "close", "drop"}


def perform(words: list[str]) -> list[str]:
    verb, rest = words[0], words[1:]
    if verb == "hello":
        return ["python", "hello", *pure.VERBS, *client.VERBS]
    known = pure.VERBS.get(verb) or client.VERBS.get(verb)
    if known is None:
        raise Misuse(f"no verb is called {verb}")
    try:
        return known(*rest)
    except TypeError as error:
        raise Misuse(f"{verb} cannot take {rest}: {error}") from error


def run(number: str, words: list[str]) -> None:
    try:
        results = ["ok", *perform(words)]
    except Exception as error:
        results = ["err", *failed(error)]
    answer(number, results)


def main() -> None:
    # Values may be nested as deep as a scenario likes.
    sys.setrecursionlimit(10_000)
    for line in sys.stdin.buffer:
        number, *words = [decode(word) for word in line.decode().rstrip("\n").split("\t")]
        if words and words[0] in WAITING:
            threading.Thread(target=run, args=(number, words), daemon=True).start()
        else:
            run(number, words)
    client.clear()


main()
