package io.enos.sdk.junit;

import io.enos.mockhub.MockHub;
import io.enos.sdk.EnosClient;
import io.enos.sdk.Tls;
import java.net.URI;
import java.util.List;

/** The hub of one test: its URLs, its devices, and what it saw. */
public final class Hub {
    private final MockHub hub;
    private final List<HubDevice> devices;

    Hub(MockHub hub, String seed) {
        this.hub = hub;
        devices = SeedDevices.of(seed);
    }

    /** Where devices connect in clear. */
    public URI url() {
        return hub.url();
    }

    /** Where devices connect with TLS; {@link #tls()} trusts it. */
    public URI tlsUrl() {
        return hub.tlsUrl();
    }

    /** Trusts this hub's CA. */
    public Tls tls() {
        return Tls.system().caPem(hub.caPem());
    }

    /** The first device of the seed that has a secret: a turbine, in the example. */
    public HubDevice device() {
        if (devices.isEmpty()) {
            throw new IllegalStateException("the seed has no device with a deviceSecret. Add one");
        }
        return devices.get(0);
    }

    /** Every device of the seed that has a secret. */
    public List<HubDevice> devices() {
        return List.copyOf(devices);
    }

    /** A client of this device over TCP, not connected yet. Close it. */
    public EnosClient client(HubDevice device) {
        return EnosClient.builder().hub(url()).login(device.login()).build();
    }

    /** What has happened at the hub, as JSON. */
    public String journal() {
        return hub.journal();
    }

    /** The latest values that the hub holds of a device, as JSON. */
    public String latest(HubDevice device) {
        return hub.post("/connect-service/v2.1/measurepoints?action=queryLatest&" + device.query(), "{}");
    }

    /** Has the hub invoke a service; waits for the device's answer, 20 s at the most, and returns it as JSON. */
    public String invoke(HubDevice device, String service, String inputJson) {
        return hub.post("/connect-service/v2.1/commands?action=invokeService&pendingTtl=0&timeout=20&" + device.query()
                + "&serviceId=" + service, "{\"inputData\":" + inputJson + "}");
    }

    /** Has the hub set a measurepoint; as {@link #invoke}. */
    public String set(HubDevice device, String measurepoint, String valueJson) {
        return hub.post("/connect-service/v2.1/commands?action=setMeasurepoint&pendingTtl=0&timeout=20&" + device.query()
                + "&measurepointId=" + measurepoint, "{\"value\":" + valueJson + "}");
    }

    /** The hub itself: its REST interface, faults and all. */
    public MockHub mockHub() {
        return hub;
    }
}
