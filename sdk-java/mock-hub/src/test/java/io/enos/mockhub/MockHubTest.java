package io.enos.mockhub;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.UncheckedIOException;
import org.junit.jupiter.api.Test;

class MockHubTest {
    @Test
    void twoHubsShareNothing() {
        try (MockHub one = MockHub.start();
                MockHub two = MockHub.start()) {
            assertNotEquals(one.url(), two.url());
            assertTrue(one.caPem().startsWith("-----BEGIN CERTIFICATE-----\n"), one.caPem());
            assertNotEquals(one.caPem(), two.caPem());
            assertTrue(one.get("/hub/v1/state").contains("devicesOnline"));
            assertTrue(one.tlsUrl().toString().startsWith("ssl://127.0.0.1:"));
        }
    }

    @Test
    void aClosedHubIsGone() {
        MockHub hub = MockHub.start();
        hub.close();
        assertFalse(hub.isRunning());
        assertThrows(UncheckedIOException.class, hub::journal);
        hub.close();
    }

    @Test
    void aWrongSeedIsNamed() {
        UncheckedIOException wrong =
                assertThrows(UncheckedIOException.class, () -> MockHub.builder().seed("{\"devizes\":[]}").start());
        assertTrue(wrong.getMessage().contains("devizes"), wrong.getMessage());
    }
}
