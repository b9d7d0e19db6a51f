"""Posts measurepoints and shows what becomes of them."""

import flags
from enos_sdk import HubError, Point

with flags.client() as client:
    client.connect()

    # Returns when the hub has checked the points against the thing model and stored them.
    client.post_measurepoints({"temp": 21.5, "power": Point(1834.0, quality=0), "state": 2})
    print("acknowledged")

    # What does not fit the model comes back as an error that names the hub's code.
    try:
        client.post_measurepoints({"no_such_point": 1})
        print("acknowledged")
    except HubError as error:
        print(f"refused: kind {error.kind:d} code {error.hub_code}")
