package io.enos.sdk;

import static io.enos.sdk.Fixture.PATIENCE;
import static io.enos.sdk.Fixture.builder;
import static io.enos.sdk.Fixture.online;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.enos.mockhub.MockHub;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** The doctor's report in Java: blocking, as a future, and of settings. */
class DoctorTest {
    private static final Duration TIME = Duration.ZERO;

    @Test
    void aHealthyClientIsCalledHealthyAndStaysOnline() throws Exception {
        try (MockHub hub = MockHub.start(); EnosClient client = online(hub)) {
            for (DoctorReport report : List.of(client.doctor(TIME),
                    client.async().doctor(TIME).get(PATIENCE.toMillis(), TimeUnit.MILLISECONDS))) {
                assertTrue(report.healthy() && report.complete(), report.text());
                assertEquals(0, report.exitCode());
                assertEquals("live", report.session());
                assertEquals("Tq4zR9Lw/t-1", report.device());
                assertTrue(report.failure().isEmpty());
                assertEquals("configuration name tcp proxy clock tls sign_in reply",
                        report.steps().stream().map(DoctorReport.Step::step).collect(Collectors.joining(" ")));
                assertTrue(report.json().startsWith("{") && report.toString().contains("HEALTHY"), report.text());
            }
            assertEquals(0, client.stats().reconnects());
        }
    }

    @Test
    void whatIsWrongComesFirstAndTellsNoSecret() {
        try (MockHub hub = MockHub.start()) {
            Login wrong = Login.deviceSecret("Tq4zR9Lw", "t-2", "canary-secret");
            DoctorReport report = builder(hub).login(wrong).doctor(TIME);
            DoctorReport.Step failure = report.failure().orElseThrow();
            assertFalse(report.healthy());
            assertEquals(16, report.exitCode());
            assertEquals("sign_in credentials_refused", failure.step() + " " + failure.cause());
            assertEquals(ErrorKind.of(401), failure.kind().orElseThrow());
            assertEquals(4, failure.hubCode());
            assertFalse(failure.next().isEmpty());
            assertFalse((report.text() + report.json() + failure).contains("canary"));
        }
        DoctorReport report = EnosClient.builder().hub("nonsense").login(Login.deviceSecret("a", "b", "canary"))
                .doctor(TIME);
        assertEquals(10, report.exitCode(), report.text());
        assertThrows(EnosInvalidArgumentException.class, () -> EnosClient.builder().hub("tcp://h").doctor(TIME));
    }
}
