"""The program `enos-sdk`: posts points of a device, and says what keeps it from its hub."""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import Any

from enos_sdk import Client, DeviceSecret, EnosError, Tls, doctor

_SECRET = "ENOS_DEVICE_SECRET"


def _connection(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hub", metavar="URL", required=True, help="ssl://host:18883, or tcp://host:11883 in clear")
    parser.add_argument("--product-key", metavar="KEY", required=True, help="the product's key")
    parser.add_argument("--device-key", metavar="KEY", required=True, help="the device's key")
    parser.add_argument(
        "--device-secret",
        metavar="TEXT",
        default=os.environ.get(_SECRET),
        help=f"the device's secret; better in the environment, as {_SECRET}, where no list of processes shows it",
    )
    parser.add_argument("--ca", metavar="FILE", help="CA of the hub, PEM; else the system's")
    parser.add_argument("--cert", metavar="FILE", help="client certificate, PEM")
    parser.add_argument("--key", metavar="FILE", help="its private key, PEM")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, help="longest wait of each step")


def _client(flags: argparse.Namespace) -> Client:
    login = DeviceSecret(flags.product_key, flags.device_key, flags.device_secret or "")
    return Client(flags.hub, login, tls=Tls(ca=flags.ca, cert=flags.cert, key=flags.key))


def _point(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is no NAME=VALUE")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _post(flags: argparse.Namespace) -> int:
    with _client(flags) as client:
        client.connect(timeout=flags.timeout)
        client.post_measurepoints(dict(flags.points), time=flags.time, timeout=flags.timeout)
    print("acknowledged")
    return 0


def _doctor(flags: argparse.Namespace) -> int:
    report = doctor(
        flags.hub,
        DeviceSecret(flags.product_key, flags.device_key, flags.device_secret or ""),
        tls=Tls(ca=flags.ca, cert=flags.cert, key=flags.key),
        timeout=flags.timeout,
    )
    print(report.json if flags.json else report.text)
    return report.exit_code


def main(arguments: list[str] | None = None) -> int:
    """Runs the program; its exit code: 0, 1 if the SDK failed, 2 for a wrong command line, the doctor's own."""
    parser = argparse.ArgumentParser(prog="enos-sdk", description=__doc__, allow_abbrev=False)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    post = commands.add_parser("post", help="posts measurepoints and waits for the hub's reply", allow_abbrev=False)
    _connection(post)
    post.add_argument("--time", metavar="SECONDS", type=float, help="when they were measured, in seconds since 1970")
    post.add_argument("points", metavar="NAME=VALUE", type=_point, nargs="+", help="a point; its value as JSON, or text")
    post.set_defaults(run=_post)
    examine = commands.add_parser(
        "doctor", help="walks the device's way to the hub: which step fails, why, what to do", allow_abbrev=False
    )
    _connection(examine)
    examine.add_argument("--json", action="store_true", help="one line of JSON, for programs")
    examine.set_defaults(run=_doctor)
    flags = parser.parse_args(arguments)
    try:
        code: int = flags.run(flags)
    except EnosError as error:
        print(f"enos-sdk: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


if __name__ == "__main__":
    sys.exit(main())
