package io.enos.sdk;

import static io.enos.sdk.Fixture.next;
import static io.enos.sdk.Fixture.online;
import static io.enos.sdk.Fixture.until;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.enos.mockhub.MockHub;
import java.io.File;
import java.lang.ref.WeakReference;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What programs do that they should not, and what machines do. */
class EdgeTest {
    private MockHub hub;

    @BeforeEach
    void start() {
        hub = MockHub.start();
    }

    @AfterEach
    void end() {
        hub.close();
    }

    @Test
    void aCallbackMayWait() throws Exception {
        BlockingQueue<Object> told = new LinkedBlockingQueue<>();
        try (EnosClient client = Fixture.builder(hub).build()) {
            client.onService("reboot", (call, reply) -> {
                told.add(client.postMeasurepoints(Map.of("temp", 1)).fate());
                reply.ok();
            });
            client.connect(Fixture.PATIENCE);
            client.async().postMeasurepoints(Map.of("temp", 2))
                    .thenRun(() -> told.add(client.postMeasurepoints(Map.of("temp", 3)).fate())).join();
            assertEquals(Delivery.Fate.ACKNOWLEDGED, next(told));
            assertTrue(Fixture.reboot(hub, 1).contains("\"code\":0"));
            assertEquals(Delivery.Fate.ACKNOWLEDGED, next(told));
        }
    }

    @Test
    void aCallbackMayCloseItsClient() throws Exception {
        long before = Handle.open();
        EnosClient client = online(hub);
        CompletableFuture<Void> closed =
                client.async().postMeasurepoints(Map.of("temp", 2)).thenRun(client::close);
        closed.join();
        assertThrows(EnosClosedException.class, () -> client.postMeasurepoints(Map.of("temp", 1)));
        until("the hub sees it go", () -> hub.get("/hub/v1/state").contains("\"devicesOnline\":0"));
        assertEquals(before, Handle.open());
    }

    @Test
    void afterCloseEverythingSaysSo() {
        EnosClient client = online(hub);
        Registration registration = client.onService("reboot", (call, reply) -> reply.ok());
        client.close();
        client.close();
        client.close(Duration.ZERO);
        registration.close();
        assertEquals("post of Tq4zR9Lw/t-1 refused: the client was closed. Make a new client.",
                assertThrows(EnosClosedException.class, () -> client.postMeasurepoints(Map.of("temp", 1))).getMessage());
        assertThrows(EnosClosedException.class, () -> client.async().postMeasurepoints(Map.of("temp", 1)));
        assertThrows(IllegalStateException.class, () -> client.connect(Duration.ofSeconds(1)));
        assertThrows(EnosClosedException.class, () -> client.onLifecycle(step -> {}));
        assertEquals(0, client.stats().messagesSent());
    }

    @Test
    void closingEndsCallsInFlight() throws Exception {
        try (ServerSocket silent = new ServerSocket(0)) {
            long before = Handle.open();
            EnosClient client = Fixture.builder(hub).hub("tcp://127.0.0.1:" + silent.getLocalPort()).build();
            BlockingQueue<Throwable> ends = new LinkedBlockingQueue<>();
            List<Thread> threads = new ArrayList<>();
            for (int number = 0; number < 4; number++) {
                Thread thread = new Thread(() -> ends.add(assertThrows(RuntimeException.class,
                        () -> client.postMeasurepoints(Map.of("temp", 1)))));
                thread.start();
                threads.add(thread);
            }
            until("all posts wait", () -> client.stats().openRequests() == 4);
            client.close(Duration.ZERO);
            for (Thread thread : threads) {
                assertInstanceOf(EnosClosedException.class, next(ends));
                thread.join();
            }
            assertEquals(before, Handle.open());
        }
    }

    /** Interrupts the thread of a verb that waits, once {@code waits} holds; how long it took to end, in ms. */
    private static long interrupted(String what, Callable<Boolean> waits, Runnable verb)
            throws Exception {
        BlockingQueue<Object> told = new LinkedBlockingQueue<>();
        Thread thread = new Thread(() -> {
            try {
                verb.run();
                told.add("it ended by itself");
            } catch (RuntimeException end) {
                told.add(end);
            }
            told.add(System.nanoTime());
            told.add(Thread.currentThread().isInterrupted());
        });
        thread.start();
        until(what + " waits", waits);
        long from = System.nanoTime();
        thread.interrupt();
        EnosInterruptedException end = assertInstanceOf(EnosInterruptedException.class, next(told), what);
        assertTrue(end.getMessage().contains("interrupted"), end.getMessage());
        assertEquals(ErrorKind.TIMEOUT, end.kind());
        assertEquals(false, end.retryable());
        long to = (Long) next(told);
        assertEquals(true, next(told), "the mark stays");
        thread.join();
        return (to - from) / 1_000_000;
    }

    /** One interrupt may find the machine at work with something else; most do not. */
    private static void soon(String what, List<Long> took) {
        took.sort(null);
        assertTrue(took.get(took.size() / 2) < 100, what + ": " + took);
    }

    @Test
    void anInterruptEndsAPost() throws Exception {
        try (ServerSocket silent = new ServerSocket(0);
                EnosClient client = Fixture.builder(hub).hub("tcp://127.0.0.1:" + silent.getLocalPort())
                        .limits(Limits.defaults().requests(5)).build()) {
            List<Long> took = new ArrayList<>();
            PostOptions hour = PostOptions.defaults().timeout(Duration.ofHours(1));
            for (long open = 1; open <= 5; open++) {
                long expected = open;
                took.add(interrupted("a post", () -> client.stats().openRequests() == expected,
                        () -> client.postMeasurepoints(Map.of("temp", 1), hour)));
            }
            soon("a post", took);
            // There is no room now.
            List<Long> room = new ArrayList<>();
            for (int round = 0; round < 5; round++) {
                AtomicBoolean began = new AtomicBoolean();
                room.add(interrupted("a post without room", began::get, () -> {
                    began.set(true);
                    client.postMeasurepoints(Map.of("temp", 1), hour);
                }));
            }
            soon("a post without room", room);
            assertEquals(5, client.stats().openRequests());
            client.close(Duration.ZERO);
        }
    }

    @Test
    void anInterruptEndsAConnectAndTheDoctor() throws Exception {
        List<Long> connects = new ArrayList<>();
        List<Long> doctors = new ArrayList<>();
        for (int round = 0; round < 5; round++) {
            try (ServerSocket silent = new ServerSocket(0);
                    EnosClient client = Fixture.builder(hub).hub("tcp://127.0.0.1:" + silent.getLocalPort()).build()) {
                AtomicBoolean began = new AtomicBoolean();
                doctors.add(interrupted("the doctor", began::get, () -> {
                    began.set(true);
                    client.doctor(Duration.ofSeconds(60));
                }));
                connects.add(interrupted("a connect", () -> true, () -> client.connect(Duration.ofHours(1))));
                client.close(Duration.ZERO);
            }
        }
        soon("a connect", connects);
        soon("the doctor", doctors);
    }

    @Test
    void anInterruptEndsACloseAndNothingIsLeftBehind() throws Exception {
        long before = Handle.open();
        List<Long> took = new ArrayList<>();
        for (int round = 0; round < 5; round++) {
            CountDownLatch begun = new CountDownLatch(1);
            CountDownLatch held = new CountDownLatch(1);
            CountDownLatch closed = new CountDownLatch(1);
            EnosClient client = Fixture.builder(hub).build();
            client.onLifecycle(step -> {
                begun.countDown();
                try {
                    held.await();
                } catch (InterruptedException woken) {
                    Thread.currentThread().interrupt();
                }
                if (step.step() == Lifecycle.Step.CLOSED) {
                    closed.countDown();
                }
            });
            client.connect(Fixture.PATIENCE);
            begun.await();
            took.add(interrupted("a close", () -> hub.get("/hub/v1/state").contains("\"devicesOnline\":0"),
                    () -> client.close(Duration.ofHours(1))));
            assertEquals(before, Handle.open(), "the native client is given back, whatever its handler does");
            assertThrows(EnosClosedException.class, () -> client.postMeasurepoints(Map.of("temp", 1)));
            held.countDown();
            assertTrue(closed.await(60, TimeUnit.SECONDS), "the rest is done in the background");
        }
        soon("a close", took);
    }

    @Test
    void tryWithResourcesEndsAnInterruptedThreadInPeace() throws Exception {
        BlockingQueue<Object> told = new LinkedBlockingQueue<>();
        Thread thread = new Thread(() -> {
            try (EnosClient client = online(hub)) {
                Thread.currentThread().interrupt();
                told.add(client.productKey());
            } catch (Throwable failure) {
                told.add(failure);
            }
            told.add(Thread.currentThread().isInterrupted());
        });
        thread.start();
        assertInstanceOf(String.class, next(told));
        assertEquals(true, next(told));
        thread.join();
        until("the hub sees it go", () -> hub.get("/hub/v1/state").contains("\"devicesOnline\":0"));
    }

    @Test
    void aForgottenClientIsClosed() throws Exception {
        long before = Handle.open();
        WeakReference<EnosClient> forgotten = new WeakReference<>(online(hub));
        until("the collector finds it", () -> {
            System.gc();
            return Handle.open() == before;
        });
        assertEquals(null, forgotten.get());
        until("the hub sees it go", () -> hub.get("/hub/v1/state").contains("\"devicesOnline\":0"));
    }

    @Test
    void aClientWithAHandlerOrAFutureIsNotForgotten() throws Exception {
        try (ServerSocket silent = new ServerSocket(0)) {
            BlockingQueue<EnosClient> told = new LinkedBlockingQueue<>();
            WeakReference<EnosClient> handled = new WeakReference<>(handled(told));
            WeakReference<EnosClient> awaited = new WeakReference<>(
                    Fixture.builder(hub).hub("tcp://127.0.0.1:" + silent.getLocalPort()).build());
            CompletableFuture<Delivery> future = awaited.get().async().postMeasurepoints(Map.of("temp", 1));
            for (int round = 0; round < 5; round++) {
                System.gc();
                System.runFinalization();
            }
            assertTrue(Fixture.reboot(hub, 1).contains("\"code\":0"));
            next(told).close();
            EnosClient still = awaited.get();
            assertTrue(handled.get() != null && still != null);
            still.close(Duration.ZERO);
            assertThrows(Exception.class, future::get);
        }
    }

    private EnosClient handled(BlockingQueue<EnosClient> told) {
        EnosClient client = Fixture.builder(hub).build();
        client.onService("reboot", (call, reply) -> {
            reply.ok();
            told.add((EnosClient) call.device());
        });
        client.connect(Fixture.PATIENCE);
        return client;
    }

    @Test
    void twoClientsForOneDevice() throws Exception {
        BlockingQueue<Lifecycle> steps = new LinkedBlockingQueue<>();
        try (EnosClient first = Fixture.builder(hub).backoff(Duration.ofHours(1), Duration.ofHours(1)).build();
                EnosClient second = Fixture.builder(hub).build()) {
            first.onLifecycle(steps::add);
            first.connect(Fixture.PATIENCE);
            second.connect(Fixture.PATIENCE);
            Lifecycle.Step step = next(steps).step();
            while (step != Lifecycle.Step.OFFLINE) {
                step = next(steps).step();
            }
            assertEquals(Delivery.Fate.ACKNOWLEDGED, second.postMeasurepoints(Map.of("temp", 1)).fate());
        }
    }

    @Test
    void aHandlerThatComesLateIsHeardFromThenOn() {
        try (EnosClient client = online(hub)) {
            assertTrue(Fixture.reboot(hub, 1).contains("1101"));
            client.onService("reboot", (call, reply) -> reply.ok());
            assertTrue(Fixture.reboot(hub, 1).contains("\"code\":0"));
        }
    }

    @Test
    void aThousandRoundsLeaveNothing() throws Exception {
        online(hub).close();
        until("threads of the first round end", () -> named("enos-io") == 0);
        long handles = Handle.open();
        int descriptors = count("/proc/self/fd");
        int threads = count("/proc/self/task");
        for (int round = 0; round < 1_000; round++) {
            try (EnosClient client = Fixture.builder(hub).build()) {
                client.onService("reboot", (call, reply) -> reply.ok());
                client.connect(Fixture.PATIENCE);
                if (round % 100 == 0) {
                    client.postMeasurepoints(Map.of("temp", 1));
                }
            }
        }
        assertEquals(handles, Handle.open());
        // The JVM has threads and files of its own, some more or less.
        until("threads are back", () -> count("/proc/self/task") <= threads + 8);
        until("descriptors are back", () -> count("/proc/self/fd") <= descriptors + 8);
    }

    private static int count(String folder) {
        String[] names = new File(folder).list();
        return names == null ? 0 : names.length;
    }

    private static int named(String name) throws Exception {
        int found = 0;
        String[] tasks = new File("/proc/self/task").list();
        for (String task : tasks == null ? new String[0] : tasks) {
            try {
                if (java.nio.file.Files.readString(java.nio.file.Path.of("/proc/self/task", task, "comm")).startsWith(name)) {
                    found++;
                }
            } catch (java.io.IOException gone) {
                // It ended meanwhile.
            }
        }
        return found;
    }
}
