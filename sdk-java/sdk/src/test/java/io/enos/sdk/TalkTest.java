package io.enos.sdk;

import static io.enos.sdk.Fixture.next;
import static io.enos.sdk.Fixture.online;
import static io.enos.sdk.Fixture.reboot;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.enos.mockhub.MockHub;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A client and a hub: what is posted arrives, what is asked is answered. */
class TalkTest {
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
    void everyTypeArrives() {
        try (EnosClient client = online(hub)) {
            Delivery sent = client.postMeasurepoints(Map.of("temp", Point.of(21.5, 0), "state", 2, "brake", true,
                    "note", "grüß \uD83D\uDE00", "blades", List.of(1.5, 2.0, -3.25), "gps", Map.of("lat", 54.5, "lon", 7.0)));
            assertEquals(Delivery.Fate.ACKNOWLEDGED, sent.fate());
            String latest = Fixture.latest(hub);
            for (String value : List.of("21.5", "grüß \uD83D\uDE00", "[1.5,2.0,-3.25]", "54.5", "true")) {
                assertTrue(latest.contains(value), latest);
            }
            Delivery queued = client.postMeasurepoints(Map.of("temp", 1.5), PostOptions.defaults().wait(false));
            assertEquals(Delivery.Fate.QUEUED, queued.fate());
            assertNotEquals(sent, queued);
            client.postMeasurepoints(Map.of("temp", 2.5), Instant.ofEpochMilli(1_700_000_000_123L));
            assertEquals(3, client.stats().messagesSent());
            assertThrows(EnosInvalidArgumentException.class, () -> client.postMeasurepoints(Map.of("temp", 1), Instant.MAX));
            assertThrows(EnosInvalidArgumentException.class,
                    () -> client.postMeasurepoints(Map.of("temp", 1), Instant.ofEpochSecond(-5)));
            assertTrue(assertThrows(EnosInvalidArgumentException.class,
                    () -> client.postMeasurepoints(Map.of("temp", new Object()))).getMessage().contains("\"temp\""));
        }
    }

    @Test
    void aRefusalIsAnException() {
        try (EnosClient client = online(hub)) {
            EnosHubException refused =
                    assertThrows(EnosHubException.class, () -> client.postMeasurepoints(Map.of("no_such_point", 1)));
            assertEquals(ErrorKind.MODEL_MISMATCH, refused.kind());
            assertEquals(1204, refused.hubCode());
            assertTrue(refused.message().contains("no_such_point"));
            CompletionException later = assertThrows(CompletionException.class,
                    () -> client.async().postMeasurepoints(Map.of("no_such_point", 1)).join());
            assertInstanceOf(EnosHubException.class, later.getCause());
        }
        EnosAuthException wrong = assertThrows(EnosAuthException.class, () -> {
            try (EnosClient client = Fixture.builder(hub).login(Login.deviceSecret("Tq4zR9Lw", "t-1", "canary-secret")).build()) {
                client.connect(Fixture.PATIENCE);
            }
        });
        assertEquals(ErrorKind.SIGNATURE_REJECTED, wrong.kind());
        assertFalse(wrong.toString().contains("canary"), wrong.toString());
        assertFalse(Login.deviceSecret("a", "b", "canary").toString().contains("canary"));
    }

    @Test
    void aThousandFuturesSettle() {
        try (EnosClient client = Fixture.builder(hub).build()) {
            client.async().connect(Fixture.PATIENCE).join();
            List<CompletableFuture<Delivery>> posts = new ArrayList<>();
            for (int number = 0; number < 1_000; number++) {
                posts.add(client.async().postMeasurepoints(Map.of("temp", number % 100)));
            }
            CompletableFuture.allOf(posts.toArray(new CompletableFuture<?>[0])).join();
            assertEquals(1_000, posts.stream().map(CompletableFuture::join).distinct().count());
            client.async().close(Fixture.PATIENCE).join();
            assertEquals(1_000, client.stats().acknowledged());
            client.async().close(Fixture.PATIENCE).join();
        }
    }

    @Test
    void aFullQueueIsToldAtOnce() {
        try (EnosClient client = Fixture.builder(hub).limits(Limits.defaults().requests(2)).build()) {
            PostOptions options = PostOptions.defaults().timeout(Duration.ofSeconds(5));
            client.async().postMeasurepoints(Map.of("temp", 1), options);
            CompletableFuture<Delivery> second = client.async().postMeasurepoints(Map.of("temp", 1), options);
            assertEquals(ErrorKind.QUEUE_FULL, assertThrows(EnosResourceException.class,
                    () -> client.async().postMeasurepoints(Map.of("temp", 1), options)).kind());
            client.connect(Fixture.PATIENCE);
            second.join();
            assertEquals(Delivery.Fate.ACKNOWLEDGED, client.postMeasurepoints(Map.of("temp", 1)).fate());
        }
    }

    @Test
    void commandsAreAnswered() throws Exception {
        BlockingQueue<Responder> open = new LinkedBlockingQueue<>();
        try (EnosClient client = Fixture.builder(hub).build()) {
            client.onService("reboot", (call, reply) -> {
                assertSame(client, call.device());
                assertEquals(Invocation.Kind.SERVICE, call.kind());
                switch (((Long) call.args().get("delay")).intValue()) {
                    case 1:
                        reply.ok(Map.of("accepted", true));
                        assertThrows(EnosInvalidStateException.class, reply::ok);
                        break;
                    case 2:
                        reply.json(200, "{\"accepted\":false}");
                        break;
                    case 3:
                        reply.fail(2001, "too late for that \uD83D\uDE00");
                        break;
                    case 4:
                        break;
                    case 5:
                        throw new IOException("planted");
                    case 6:
                        open.add(reply.later());
                        break;
                    default:
                        throw new StackOverflowError("planted");
                }
            });
            client.connect(Fixture.PATIENCE);
            assertTrue(reboot(hub, 1).contains("\"accepted\":true"));
            assertTrue(reboot(hub, 2).contains("\"accepted\":false"));
            String refused = reboot(hub, 3);
            assertTrue(refused.contains("2001") && refused.contains("too late for that \uD83D\uDE00"), refused);
            for (int forgotten : new int[] {4, 5, 7}) {
                assertTrue(reboot(hub, forgotten).contains("1102"));
            }
            CompletableFuture<String> asked = CompletableFuture.supplyAsync(() -> reboot(hub, 6));
            Responder later = next(open);
            assertFalse(asked.isDone());
            later.ok(Map.of("accepted", true));
            assertTrue(asked.get(60, TimeUnit.SECONDS).contains("\"accepted\":true"));
            asked = CompletableFuture.supplyAsync(() -> reboot(hub, 6));
            next(open).close();
            assertTrue(asked.get(60, TimeUnit.SECONDS).contains("1102"));
        }
    }

    @Test
    void aLostResponderIsAnsweredOnceTheCollectorFindsIt() throws Exception {
        try (EnosClient client = Fixture.builder(hub).build()) {
            client.onService("reboot", (call, reply) -> reply.later());
            client.connect(Fixture.PATIENCE);
            CompletableFuture<String> asked = CompletableFuture.supplyAsync(() -> reboot(hub, 1));
            Fixture.until("the answer", () -> {
                System.gc();
                return asked.isDone();
            });
            assertTrue(asked.join().contains("1102"), asked.join());
        }
    }

    @Test
    void aHandlerThatIsTakenAwayIsNotCalled() {
        try (EnosClient client = online(hub)) {
            Registration first = client.onService("reboot", (call, reply) -> reply.fail(2001, "the first"));
            Registration second = client.onService("reboot", (call, reply) -> reply.ok());
            first.close();
            assertTrue(reboot(hub, 1).contains("\"code\":0"));
            second.close();
            second.close();
            assertTrue(reboot(hub, 1).contains("1101"));
        }
    }

    @Test
    void lifecycleHasItsGrammar() throws Exception {
        BlockingQueue<Lifecycle> steps = new LinkedBlockingQueue<>();
        EnosClient client = Fixture.builder(hub).build();
        client.onLifecycle(step -> {
            throw new IllegalStateException("planted");
        });
        client.onLifecycle(steps::add);
        client.connect(Fixture.PATIENCE);
        assertEquals(Lifecycle.Step.CONNECTING, next(steps).step());
        assertEquals(Lifecycle.Step.ONLINE, next(steps).step());
        client.close();
        Lifecycle offline = next(steps);
        assertEquals(Lifecycle.Step.OFFLINE, offline.step());
        assertEquals(ErrorKind.CLOSED, offline.error().orElseThrow().kind());
        assertFalse(offline.willRetry());
        assertEquals(Lifecycle.Step.CLOSED, next(steps).step());
    }

    @Test
    void callbacksRunOnTheProgramsExecutorInOrder() throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(4, task -> new Thread(task, "mine"));
        List<Integer> order = new ArrayList<>();
        EnosClient client = Fixture.builder(hub).executor(pool).build();
        try {
            client.connect(Fixture.PATIENCE);
            List<CompletableFuture<Void>> posts = new ArrayList<>();
            for (int number = 0; number < 200; number++) {
                int mine = number;
                posts.add(client.async().postMeasurepoints(Map.of("temp", 1)).thenAccept(delivery -> {
                    assertEquals("mine", Thread.currentThread().getName());
                    order.add(mine);
                }));
            }
            CompletableFuture.allOf(posts.toArray(new CompletableFuture<?>[0])).get(60, TimeUnit.SECONDS);
            for (int number = 0; number < 200; number++) {
                assertEquals(number, order.get(number));
            }
            pool.shutdown();
            // What a closed executor refuses still runs.
            client.async().postMeasurepoints(Map.of("temp", 1)).get(60, TimeUnit.SECONDS);
        } finally {
            client.close();
            pool.shutdownNow();
        }
    }

    @Test
    void activationKeepsItsSecretInTheProgramsStore(@TempDir Path folder) throws Exception {
        SecretStore memory = SecretStore.memory();
        try (EnosClient client = Fixture.builder(hub)
                .login(Login.dynamicActivation("Dy5nA8Mt", "new-1", "PsEcret03", memory)).build()) {
            client.connect(Fixture.PATIENCE);
            client.postMeasurepoints(Map.of("temp", 1));
        }
        String secret = memory.load("Dy5nA8Mt", "new-1");
        SecretStore files = SecretStore.file(folder);
        assertEquals(null, files.load("Dy5nA8Mt", "new-1"));
        files.store("Dy5nA8Mt", "new-1", secret);
        Path file = folder.resolve("Dy5nA8Mt/new-1.secret");
        assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        try (EnosClient client = Fixture.builder(hub)
                .login(Login.dynamicActivation("Dy5nA8Mt", "new-1", "PsEcret03", files)).build()) {
            client.connect(Fixture.PATIENCE);
        }
        Files.writeString(file, "two\nlines\n");
        assertThrows(IOException.class, () -> files.load("Dy5nA8Mt", "new-1"));
        assertEquals(ErrorKind.STORAGE_FAILED, assertThrows(EnosResourceException.class, () -> Fixture.builder(hub)
                .login(Login.dynamicActivation("Dy5nA8Mt", "new-1", "PsEcret03", files)).build()).kind());
    }

    @Test
    void tlsChecksTheHub() {
        try (EnosClient client = Fixture.builder(hub).hub(hub.tlsUrl()).tls(Tls.system().caPem(hub.caPem())).build()) {
            client.connect(Fixture.PATIENCE);
            client.postMeasurepoints(Map.of("temp", 1));
        }
        EnosLinkException refused = assertThrows(EnosLinkException.class, () -> {
            try (EnosClient client = Fixture.builder(hub).hub(hub.tlsUrl()).build()) {
                client.connect(Fixture.PATIENCE);
            }
        });
        assertEquals(ErrorKind.TLS_FAILED, refused.kind());
    }

    @Test
    void clientsShareARuntime() {
        try (EnosRuntime runtime = EnosRuntime.create()) {
            EnosClient one = Fixture.builder(hub).runtime(runtime).build();
            EnosClient two = Fixture.builder(hub).login(Login.deviceSecret("Tq4zR9Lw", "t-2", "u8Yp2QvKs0t2"))
                    .runtime(runtime).build();
            one.connect(Fixture.PATIENCE);
            two.connect(Fixture.PATIENCE);
            runtime.close();
            assertEquals(Delivery.Fate.ACKNOWLEDGED, two.postMeasurepoints(Map.of("temp", 1)).fate());
            one.close();
            two.close();
            assertThrows(EnosClosedException.class, () -> Fixture.builder(hub).runtime(runtime).build());
        }
    }

    @Test
    void settingsThatDoNotFitAreRefused() {
        assertThrows(EnosInvalidArgumentException.class, () -> Fixture.builder(hub).inFlight(70_000).build());
        assertThrows(EnosInvalidArgumentException.class, () -> Fixture.builder(hub).keepAlive(Duration.ofSeconds(-1)));
        assertThrows(EnosInvalidArgumentException.class, () -> Fixture.builder(hub).proxy(Proxy.of("h", 70_000)).build());
        assertThrows(EnosInvalidArgumentException.class, () -> EnosClient.builder().hub("tcp://h:1").build());
        assertThrows(EnosInvalidArgumentException.class, () -> Fixture.builder(hub).hub("\uD83D").build());
        assertThrows(EnosInvalidArgumentException.class, () -> Fixture.builder(hub).hub("nonsense").build());
    }
}
