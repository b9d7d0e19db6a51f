package io.enos.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class HandleTest {
    private static final class Counted extends Handle {
        final AtomicInteger freed = new AtomicInteger();
        final AtomicInteger inside = new AtomicInteger();
        final AtomicBoolean early = new AtomicBoolean();

        Counted() {
            super(7);
        }

        @Override
        void free(long pointer) {
            if (inside.get() != 0 || pointer != 7) {
                early.set(true);
            }
            freed.incrementAndGet();
        }
    }

    @Test
    void theLastCallFrees() {
        Counted handle = new Counted();
        assertEquals(7, handle.enter());
        assertEquals(7, handle.enter());
        assertTrue(handle.close());
        assertEquals(0, handle.enter());
        handle.exit();
        assertEquals(0, handle.freed.get());
        handle.exit();
        assertEquals(1, handle.freed.get());
        assertFalse(handle.close());
        assertEquals(1, handle.freed.get());
    }

    @Test
    void withoutCallsCloseFrees() {
        long before = Handle.open();
        Counted handle = new Counted();
        assertEquals(before + 1, Handle.open());
        assertTrue(handle.close());
        assertFalse(handle.close());
        assertEquals(1, handle.freed.get());
        assertEquals(before, Handle.open());
    }

    @Test
    void racesFreeOnceAndNeverEarly() throws Exception {
        for (int round = 0; round < 2_000; round++) {
            Counted handle = new Counted();
            CyclicBarrier start = new CyclicBarrier(3);
            List<Thread> threads = new ArrayList<>();
            for (int number = 0; number < 3; number++) {
                boolean closes = number > 0;
                Thread thread = new Thread(() -> {
                    try {
                        start.await();
                    } catch (Exception broken) {
                        handle.early.set(true);
                    }
                    for (int call = 0; call < 10; call++) {
                        if (handle.enter() != 0) {
                            handle.inside.incrementAndGet();
                            handle.inside.decrementAndGet();
                            handle.exit();
                        }
                    }
                    if (closes) {
                        handle.close();
                    }
                });
                thread.start();
                threads.add(thread);
            }
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(1, handle.freed.get());
            assertFalse(handle.early.get());
        }
    }
}
