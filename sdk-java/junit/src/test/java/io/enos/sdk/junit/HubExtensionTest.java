package io.enos.sdk.junit;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.enos.mockhub.MockHub;
import io.enos.sdk.EnosClient;
import io.enos.sdk.EnosHubException;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.platform.testkit.engine.EngineExecutionResults;
import org.junit.platform.testkit.engine.EngineTestKit;

/** The extension, used by test classes that are run from here. */
class HubExtensionTest {
    private static final List<MockHub> HUBS = Collections.synchronizedList(new ArrayList<>());

    private static EngineExecutionResults run(Class<?> tests) {
        HUBS.clear();
        return EngineTestKit.engine("junit-jupiter").selectors(selectClass(tests)).execute();
    }

    @EnosHub
    @Tag("inner")
    static class Posting {
        private URI before;

        @BeforeEach
        void remember(Hub hub) {
            before = hub.url();
        }

        @Test
        void posts(Hub hub, HubDevice device, MockHub mock) {
            HUBS.add(mock);
            assertEquals(before, hub.url());
            assertFalse(hub.latest(device).contains("21.5"));
            try (EnosClient client = hub.client(device)) {
                client.onService("reboot", (call, reply) -> reply.ok(Map.of("accepted", true)));
                client.connect(Duration.ofSeconds(10));
                client.postMeasurepoints(Map.of("temp", 21.5));
                assertTrue(hub.latest(device).contains("21.5"));
                assertTrue(hub.invoke(device, "reboot", "{\"delay\":1}").contains("\"accepted\":true"));
                assertTrue(hub.set(device, "setpoint", "5").contains("1101"));
            }
        }

        @Test
        void postsAlone(Hub hub, HubDevice device, MockHub mock) {
            HUBS.add(mock);
            assertFalse(hub.latest(device).contains("21.5"), "another test's point");
            try (EnosClient client = EnosClient.builder().hub(hub.tlsUrl()).tls(hub.tls()).login(device.login()).build()) {
                client.connect(Duration.ofSeconds(10));
                client.postMeasurepoints(Map.of("temp", 21.5));
            }
        }

        @Nested
        class Inside {
            @Test
            void hasOneToo(MockHub mock) {
                HUBS.add(mock);
            }
        }
    }

    @Test
    void eachTestHasAHubOfItsOwnThatEndsWithIt() {
        run(Posting.class).testEvents().assertStatistics(events -> events.started(3).succeeded(3));
        assertEquals(3, HUBS.size());
        assertEquals(3, HUBS.stream().map(MockHub::url).distinct().count());
        HUBS.forEach(hub -> assertFalse(hub.isRunning()));
    }

    @EnosHub
    static class Failing {
        @Test
        void fails(Hub hub, HubDevice device, MockHub mock) {
            HUBS.add(mock);
            try (EnosClient client = hub.client(device)) {
                client.connect(Duration.ofSeconds(10));
                client.postMeasurepoints(Map.of("no_such_point", 1));
            } catch (EnosHubException refused) {
                fail("as planned");
            }
        }
    }

    @Test
    void aFailurePrintsTheJournal() {
        PrintStream usual = System.err;
        ByteArrayOutputStream printed = new ByteArrayOutputStream();
        System.setErr(new PrintStream(printed, true, StandardCharsets.UTF_8));
        try {
            run(Failing.class).testEvents().assertStatistics(events -> events.started(1).failed(1));
        } finally {
            System.setErr(usual);
        }
        String text = printed.toString(StandardCharsets.UTF_8);
        assertTrue(text.contains("the hub's journal of fails(") && text.contains("no_such_point"), text);
        assertFalse(text.contains("u8Yp2QvKs0t1"), "a secret was printed");
        assertFalse(HUBS.get(0).isRunning());
    }

    @EnosHub(seed = "one-device.json")
    static class Seeded {
        @Test
        void hasItsDevice(Hub hub) {
            assertEquals("p1/d1", hub.device().toString());
            assertEquals(1, hub.devices().size());
            try (EnosClient client = hub.client(hub.device())) {
                client.connect(Duration.ofSeconds(10));
            }
        }

        @Test
        @EnosHub
        void theMethodsOwnWins(Hub hub) {
            assertNotEquals("p1/d1", hub.device().toString());
        }
    }

    @Test
    void seedsAreResources() {
        run(Seeded.class).testEvents().assertStatistics(events -> events.started(2).succeeded(2));
    }

    @EnosHub
    static class TooEarly {
        @BeforeAll
        static void takes(Hub hub) {
            fail("there is none yet");
        }

        @Test
        void never() {}
    }

    @Test
    void aHubForAllTestsIsRefusedInWords() {
        EngineExecutionResults results = run(TooEarly.class);
        results.testEvents().assertStatistics(events -> events.started(0));
        String told = results.containerEvents().failed().list().toString();
        assertTrue(told.contains("each test has a hub of its own"), told);
    }
}
