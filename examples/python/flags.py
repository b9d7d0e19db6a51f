"""What the examples share: command-line flags, the same in every language."""

import argparse

from enos_sdk import Client, DeviceSecret, Tls


def client(*, sleepy: bool | None = None, coap_lifetime: float | None = None) -> Client:
    """A client for the device that the command line names; what is given is passed on."""
    parser = argparse.ArgumentParser(allow_abbrev=False, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--hub", metavar="URL", default="tcp://127.0.0.1:11883", help="or ssl://host:18883")
    parser.add_argument("--product-key", metavar="KEY", default="Tq4zR9Lw", help="the product's key")
    parser.add_argument("--device-key", metavar="KEY", default="t-1", help="the device's key")
    parser.add_argument("--device-secret", metavar="TEXT", default="u8Yp2QvKs0t1", help="the device's secret")
    parser.add_argument("--ca", metavar="FILE", help="CA of the hub, PEM; else the system's")
    parser.add_argument("--cert", metavar="FILE", help="client certificate, PEM")
    parser.add_argument("--key", metavar="FILE", help="its private key, PEM")
    flags = parser.parse_args()
    login = DeviceSecret(flags.product_key, flags.device_key, flags.device_secret)
    tls = Tls(ca=flags.ca, cert=flags.cert, key=flags.key)
    return Client(flags.hub, login, tls=tls, sleepy=sleepy, coap_lifetime=coap_lifetime)
