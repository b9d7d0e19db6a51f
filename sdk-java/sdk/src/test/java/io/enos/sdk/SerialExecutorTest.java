package io.enos.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.RejectedExecutionException;
import org.junit.jupiter.api.Test;

class SerialExecutorTest {
    private final ArrayDeque<Runnable> given = new ArrayDeque<>();
    private final List<Integer> ran = new ArrayList<>();
    private final SerialExecutor serial = new SerialExecutor(given::add);

    private static long soon() {
        return System.nanoTime() + 1_000_000;
    }

    @Test
    void oneTaskRunsAllThatWait() {
        serial.execute(() -> ran.add(1));
        serial.execute(() -> {
            ran.add(2);
            serial.execute(() -> ran.add(4));
        });
        serial.execute(() -> ran.add(3));
        assertEquals(1, given.size());
        assertFalse(serial.awaitIdle(soon()));
        given.poll().run();
        assertEquals(List.of(1, 2, 3, 4), ran);
        assertTrue(serial.awaitIdle(soon()));
        serial.execute(() -> ran.add(5));
        assertEquals(1, given.size());
        given.poll().run();
        assertEquals(List.of(1, 2, 3, 4, 5), ran);
    }

    @Test
    void aCallbackThatFailsStopsNone() {
        serial.execute(() -> {
            throw new AssertionError("planted");
        });
        serial.execute(() -> ran.add(1));
        given.poll().run();
        assertEquals(List.of(1), ran);
    }

    @Test
    void aCallbackDoesNotWaitForItself() {
        serial.execute(() -> ran.add(serial.awaitIdle(System.nanoTime() + 60_000_000_000L) ? 1 : 2));
        given.poll().run();
        assertEquals(List.of(1), ran);
    }

    @Test
    void whatIsRefusedRunsHere() {
        SerialExecutor refused = new SerialExecutor(task -> {
            throw new RejectedExecutionException("planted");
        });
        refused.execute(() -> ran.add(1));
        refused.execute(() -> ran.add(2));
        assertEquals(List.of(1, 2), ran);
    }
}
