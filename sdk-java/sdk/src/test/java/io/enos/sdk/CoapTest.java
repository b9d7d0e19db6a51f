package io.enos.sdk;

import static io.enos.sdk.Fixture.PATIENCE;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.enos.mockhub.MockHub;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** CoAP: a sleepy device posts, and tells what it took to be awake. */
class CoapTest {
    private MockHub hub;

    @BeforeEach
    void start() {
        hub = MockHub.start();
    }

    @AfterEach
    void stop() {
        hub.close();
    }

    @Test
    void aSleepyDevicePostsAndItsReportAddsUp() throws Exception {
        EnosClient.Builder builder = Fixture.builder(hub).hub(hub.coapUrl()).sleepy(true);
        builder.coapLifetime(Duration.ofMinutes(10)).coapRateLimit(0);
        try (EnosClient client = builder.build()) {
            client.connect(PATIENCE);
            client.postMeasurepoints(Map.of("temp", 21.5));
            WakeReport report = client.sleep(PATIENCE);
            assertEquals(2, report.datagramsSent());
            assertEquals(2, report.datagramsReceived());
            assertTrue(0 < report.bytesReceived() && report.bytesReceived() < report.bytesSent(), report::toString);
            assertTrue(Fixture.latest(hub).contains("21.5"));
            assertEquals(2, client.stats().datagramsSent());
            client.postMeasurepoints(Map.of("temp", 22));
            WakeReport next = client.async().sleep(PATIENCE).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
            assertEquals(1, next.datagramsSent());
        }
    }

    @Test
    void whatIsNotOfferedIsRefusedAtOnce() {
        try (EnosClient client = Fixture.builder(hub).build()) {
            assertThrows(EnosUnsupportedException.class, () -> client.sleep(PATIENCE));
        }
        EnosClient.Builder proxied = Fixture.builder(hub).hub(hub.coapUrl()).proxy(Proxy.of("127.0.0.1", 9));
        EnosUnsupportedException refused = assertThrows(EnosUnsupportedException.class, proxied::build);
        assertTrue(refused.getMessage().contains("proxy"), refused.getMessage());
        EnosClient.Builder brief = Fixture.builder(hub).hub(hub.coapUrl()).coapLifetime(Duration.ofSeconds(1));
        assertThrows(EnosInvalidArgumentException.class, brief::build);
    }

    @Test
    void whatCoapSigns() {
        // Bytes 9 to 24 of the SHA-256 of "abc" (FIPS 180-2, B.1).
        assertEquals("414140de5dae2223b00361a396177a9c", Inspect.coapPskKey("abc"));
        assertEquals("pk,d,k,3,3600", Inspect.coapPskIdentity("pk", "d,k", 3, 3600));
        String sign = Inspect.coapSign("pk", "dk", 3600, "secret");
        assertEquals(64, sign.length());
        assertEquals(sign.toUpperCase(java.util.Locale.ROOT), sign);
    }
}
