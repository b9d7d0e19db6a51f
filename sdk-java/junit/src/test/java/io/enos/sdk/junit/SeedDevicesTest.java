package io.enos.sdk.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;

import io.enos.mockhub.MockHub;
import java.util.List;
import org.junit.jupiter.api.Test;

class SeedDevicesTest {
    @Test
    void theExamplesDevicesAreFound() {
        List<HubDevice> devices = SeedDevices.of(MockHub.exampleSeed());
        assertEquals("[Tq4zR9Lw/t-1, Tq4zR9Lw/t-2, Sx2pV7Ka/inv-1, Ce7rT1Qz/cert-1]", devices.toString());
        assertEquals("u8Yp2QvKs0t1", devices.get(0).deviceSecret());
    }

    @Test
    void orderAndNestingDoNotMatter() {
        String seed = "{\"devices\" : [ {\"deviceAttributes\":{\"deviceSecret\":\"no\",\"x\":[{\"y\":\"]}\\\"\"}]},"
                + "\"deviceSecret\":\"s\\\"\\\\\", \"deviceKey\":\"d\",\"productKey\":\"p\"}, {\"productKey\":\"q\",\"deviceKey\":\"e\"} ],"
                + "\"applications\":[{\"productKey\":\"z\",\"deviceKey\":\"z\",\"deviceSecret\":\"z\"}]}";
        List<HubDevice> devices = SeedDevices.of(seed);
        assertEquals("[p/d]", devices.toString());
        assertEquals("s\"\\", devices.get(0).deviceSecret());
        assertEquals(List.of(), SeedDevices.of("{}"));
    }
}
