"""Signs a device in, tells what happens to its connection, signs it off."""

import flags
from enos_sdk import Closed, ConnectFailed, Connecting, Lifecycle, Offline, Online

with flags.client() as client:

    @client.on_lifecycle
    def tell(step: Lifecycle) -> None:
        match step:
            case Connecting():
                print("connecting")
            case Online():
                print("online")
            case ConnectFailed(error=error):
                print(f"failed: {error}")
            case Offline():
                print("offline")
            case Closed():
                print("closed")
            case _:
                pass

    client.connect()
