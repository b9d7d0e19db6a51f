package io.enos.sdk;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executor;
import java.util.function.Consumer;

/**
 * A device's connection to the hub, which heals itself once it has been online.
 *
 * <pre>{@code
 * try (EnosClient client = EnosClient.builder()
 *         .hub(URI.create("ssl://hub.example:18883"))
 *         .login(Login.deviceSecret("pk", "dk", "secret"))
 *         .build()) {
 *     client.onService("reboot", (call, reply) -> reply.ok(Map.of("accepted", true)));
 *     client.connect(Duration.ofSeconds(10));
 *     client.postMeasurepoints(Map.of("temp", 21.5));
 * }
 * }</pre>
 *
 * <p>Its verbs as a device are those of the device that signs in. Every method may be called from every thread, callbacks
 * too; after {@link #close()} each throws an {@link EnosClosedException}. Close it: one that was forgotten is closed when
 * the collector finds it, and that is logged. A client that has a handler, or a future that waits, is not forgotten.
 *
 * <p>An interrupt ends a wait for the SDK, in a tenth of a second, with an {@link EnosInterruptedException}: connecting,
 * closing, posting, the doctor. The thread's mark stays set; what was waited for goes on.
 */
public final class EnosClient implements Device, AutoCloseable {
    private static final Duration CLOSING = Duration.ofSeconds(2);

    private final String productKey;
    private final String deviceKey;
    private final Session session;
    private final ClientHandle handle;
    private final Cleaner.Cleanable net;
    /** Counters as they were at the end. */
    private volatile Stats last;

    private EnosClient(Login login, Session session, long pointer) {
        productKey = login.productKey;
        deviceKey = login.deviceKey;
        this.session = session;
        handle = new ClientHandle(pointer);
        net = Leaks.CLEANER.register(this, new Leaks(handle, session.name()));
    }

    /** Starts making a client. */
    public static Builder builder() {
        return new Builder();
    }

    /** The version of the SDK. */
    public static String version() {
        return Version.TEXT;
    }

    @Override
    public String productKey() {
        return productKey;
    }

    @Override
    public String deviceKey() {
        return deviceKey;
    }

    /**
     * Connects and signs in; from then on every loss is healed in the background.
     *
     * <p>Tries until its time is over, but returns at once on what trying again cannot cure: a wrong secret, a refused
     * certificate. Then the client stops, and may be asked again. Register handlers first: a command may come with the
     * first byte. Returns at once if the client is online.
     */
    public void connect(Duration timeout) {
        long ms = Times.millis(timeout);
        long pointer = enter("connecting");
        try {
            Native.connect(pointer, ms);
        } finally {
            exit();
        }
    }

    /**
     * Finishes what is open, so that the device may sleep, and tells what it took to be awake since the last sleep: waits
     * until all posts are settled, the commands that wait at the hub are fetched, and their answers delivered.
     *
     * <p>The client stays as it is: what is asked of it next wakes it, and signs in first if the lifetime has ended. Not
     * for callbacks, since the commands' handlers have to run meanwhile.
     *
     * @throws EnosUnsupportedException over MQTT: this is for CoAP
     * @throws EnosTimeoutException if something is still open then
     * @throws EnosInterruptedException if the thread is interrupted
     */
    public WakeReport sleep(Duration timeout) {
        long ms = Times.millis(timeout);
        long[] numbers = new long[WakeReport.COUNT];
        long pointer = enter("sleep");
        try {
            Native.sleep(pointer, ms, numbers);
        } finally {
            exit();
        }
        return new WakeReport(numbers);
    }

    CompletableFuture<WakeReport> submitSleep(Duration timeout) {
        long ms = Times.millis(timeout);
        Answer.Slept answer = new Answer.Slept(this);
        long pointer = enter("sleep");
        int slot = session.await(answer);
        try {
            Native.sleepAsync(pointer, ms, slot);
        } catch (Throwable refused) {
            session.forget(slot);
            throw refused;
        } finally {
            exit();
        }
        return answer;
    }

    /** As {@link #close(Duration)}, with 2 s; what goes wrong is logged, an interrupt too. For {@code try (…)}. */
    @Override
    public void close() {
        try {
            close(CLOSING);
        } catch (EnosTimeoutException | EnosInterruptedException late) {
            Log.warn(late.getMessage());
        }
    }

    /**
     * Takes nothing new, lets open posts settle within the time, signs off, and waits for callbacks that run.
     *
     * <p>What has not settled fails with {@link EnosClosedException}. Called from a callback of this client it only starts
     * closing. Closing twice is fine.
     *
     * @throws EnosTimeoutException if a callback does not return in time
     * @throws EnosInterruptedException if the thread is interrupted; no call is taken any more, and the rest is done in the
     *         background
     */
    public void close(Duration timeout) {
        long ms = Times.millis(timeout);
        long pointer = handle.enter();
        if (pointer == 0) {
            return;
        }
        long deadline = System.nanoTime() + Math.min(ms, 1L << 40) * 1_000_000;
        try {
            try {
                Native.close(pointer, ms);
                session.awaitIdle(deadline);
            } finally {
                last = statsOf(pointer);
            }
        } finally {
            exit();
            finish();
        }
    }

    private void finish() {
        handle.close();
        net.clean();
    }

    @Override
    public Delivery postMeasurepoints(Map<String, ?> points) {
        return postMeasurepoints(points, PostOptions.DEFAULT);
    }

    @Override
    public Delivery postMeasurepoints(Map<String, ?> points, Instant time) {
        return postMeasurepoints(points, PostOptions.DEFAULT.time(time));
    }

    @Override
    public Delivery postMeasurepoints(Map<String, ?> points, PostOptions options) {
        Encoder encoder = Encoder.take();
        try {
            encoder.points(points);
            long pointer = enter("post");
            try {
                return Delivery.of(Native.post(pointer, encoder.bytes(), encoder.length(), options.timeMs,
                        options.timeoutMs, options.wait));
            } finally {
                exit();
            }
        } finally {
            encoder.giveBack();
        }
    }

    CompletableFuture<Delivery> submit(Map<String, ?> points, PostOptions options) {
        Encoder encoder = Encoder.take();
        try {
            encoder.points(points);
            Answer.Post answer = new Answer.Post(this);
            long pointer = enter("post");
            int slot = session.await(answer);
            try {
                Native.postAsync(pointer, encoder.bytes(), encoder.length(), options.timeMs, options.timeoutMs, slot);
            } catch (Throwable refused) {
                session.forget(slot);
                throw refused;
            } finally {
                exit();
            }
            return answer;
        } finally {
            encoder.giveBack();
        }
    }

    CompletableFuture<Void> submitConnect(Duration timeout) {
        long ms = Times.millis(timeout);
        Answer.Done answer = new Answer.Done(this);
        long pointer = enter("connecting");
        int slot = session.await(answer);
        try {
            Native.connectAsync(pointer, ms, slot);
        } catch (Throwable refused) {
            session.forget(slot);
            throw refused;
        } finally {
            exit();
        }
        return answer;
    }

    /**
     * Walks the client's own way to the hub and back, and says which step fails, why, and what to do: settings, name
     * look-up, TCP, proxy, clock, TLS, sign-in, a reply. Zero is the default, 10 s for all of it.
     *
     * <p>What is wrong is its result, never an exception. It changes nothing at the hub. A client that is online stays so,
     * and its own session asks for the reply; one that is connecting is asked to connect now. Otherwise the doctor signs
     * in as the device for a moment, which counts against the dial budget; commands that wait for the device come then,
     * and go to the client's handlers. A device that was not activated yet is not signed in. No secret is in the report.
     */
    public DoctorReport doctor(Duration timeout) {
        long ms = Times.millis(timeout);
        long pointer = enter("asking the doctor");
        try {
            return new DoctorReport(Native.doctor(pointer, ms));
        } finally {
            exit();
        }
    }

    CompletableFuture<DoctorReport> submitDoctor(Duration timeout) {
        long ms = Times.millis(timeout);
        Answer.Diagnosis answer = new Answer.Diagnosis(this);
        long pointer = enter("asking the doctor");
        int slot = session.await(answer);
        try {
            Native.doctorAsync(pointer, ms, slot);
        } catch (Throwable refused) {
            session.forget(slot);
            throw refused;
        } finally {
            exit();
        }
        return answer;
    }

    CompletableFuture<Void> submitClose(Duration timeout) {
        long ms = Times.millis(timeout);
        long pointer = handle.enter();
        if (pointer == 0) {
            return CompletableFuture.completedFuture(null);
        }
        Answer.Done answer = new Answer.Done(this);
        int slot = session.await(answer);
        try {
            Native.closeAsync(pointer, ms, slot);
        } catch (Throwable refused) {
            session.forget(slot);
            throw refused;
        } finally {
            exit();
        }
        return answer.whenComplete((done, failure) -> {
            long still = handle.enter();
            if (still != 0) {
                last = statsOf(still);
                handle.exit();
            }
            finish();
        });
    }

    @Override
    public Registration onService(String identifier, CommandHandler handler) {
        return register(Native.SERVICE, Invocation.Kind.SERVICE, identifier, handler);
    }

    @Override
    public Registration onMeasurepointSet(CommandHandler handler) {
        return register(Native.SET, Invocation.Kind.MEASUREPOINT_SET, "", handler);
    }

    @Override
    public Registration onMeasurepointGet(CommandHandler handler) {
        return register(Native.GET, Invocation.Kind.MEASUREPOINT_GET, "", handler);
    }

    /** Calls the handler with each step in the connection's life, in order, beside other such handlers. */
    public Registration onLifecycle(Consumer<? super Lifecycle> handler) {
        if (handler == null) {
            throw Errors.invalid("handler is null. Give the code to call.");
        }
        return register(Native.LIFECYCLE, new byte[0], new Handler(this, handler));
    }

    private Registration register(int what, Invocation.Kind kind, String identifier, CommandHandler handler) {
        if (handler == null) {
            throw Errors.invalid("handler is null. Give the code to call.");
        }
        return register(what, Text.bytes(identifier, "identifier"), new Handler(this, kind, identifier, handler));
    }

    private Registration register(int what, byte[] identifier, Handler handler) {
        long pointer = enter("registering a handler");
        try {
            int number = session.add(handler);
            // On failure the native side lets go of the handler, and says so.
            Native.register(pointer, what, identifier, number);
            return new Registration(this, number);
        } finally {
            exit();
        }
    }

    void unregister(int number) {
        long pointer = handle.enter();
        if (pointer == 0) {
            return;
        }
        try {
            Native.unregister(pointer, number);
        } finally {
            exit();
        }
    }

    /** Counters since the client was made; after its end, those of the end. */
    public Stats stats() {
        long pointer = handle.enter();
        if (pointer == 0) {
            Stats ended = last;
            if (ended == null) {
                throw Errors.closed("the call on " + this);
            }
            return ended;
        }
        try {
            return statsOf(pointer);
        } finally {
            exit();
        }
    }

    private static Stats statsOf(long pointer) {
        long[] numbers = new long[Stats.COUNT];
        Native.stats(pointer, numbers);
        return new Stats(numbers);
    }

    @Override
    public AsyncClient async() {
        return new AsyncClient(this);
    }

    private long enter(String what) {
        long pointer = handle.enter();
        if (pointer == 0) {
            throw Errors.closed(what + " of " + this);
        }
        return pointer;
    }

    /** Ends a call; until here the collector must not take the client for garbage. */
    private void exit() {
        handle.exit();
        Reference.reachabilityFence(this);
    }

    /** Product key and device key. */
    @Override
    public String toString() {
        return session.name();
    }

    /** The native client. */
    private static final class ClientHandle extends Handle {
        ClientHandle(long pointer) {
            super(pointer);
        }

        @Override
        void free(long pointer) {
            Native.clientFree(pointer);
        }
    }

    /** The net below clients that nobody closes. */
    static final class Leaks implements Runnable {
        static final Cleaner CLEANER = Cleaner.create();

        private final Handle handle;
        private final String name;

        Leaks(Handle handle, String name) {
            this.handle = handle;
            this.name = name;
        }

        @Override
        public void run() {
            if (!handle.isClosed()) {
                Log.warn(name + ": the client was not closed, and nothing refers to it any more; it is closed now."
                        + " Close it, or make it with try (…)", null);
                handle.close();
            }
        }
    }

    /** Makes a client. Everything but hub and login has a default. One builder may make many. */
    public static final class Builder {
        private String hub;
        private Login login;
        private Tls tls;
        private Proxy proxy;
        private Limits limits;
        private EnosRuntime runtime;
        private Executor executor;
        private Long inFlight;
        private Boolean cleanSession;
        private Boolean sleepy;
        private Long coapRateLimit;
        private Long coapLifetime;
        private long[] dialBudget;
        private long[] backoff;
        /** By setting; null for the default. */
        private final Long[] times = new Long[20];

        private Builder() {}

        /**
         * The hub: {@code ssl://host:18883}, or {@code tcp://host:11883} in clear; for small devices
         * {@code coaps://host:5684}, or {@code coap://host:5683} in clear. Needed.
         */
        public Builder hub(URI hub) {
            return hub(hub.toString());
        }

        /** As {@link #hub(URI)}, as text. */
        public Builder hub(String hub) {
            this.hub = hub;
            return this;
        }

        /** Who the device is. Needed. */
        public Builder login(Login login) {
            this.login = login;
            return this;
        }

        /** Whom to trust and which certificate to show, for {@code ssl://}. Default: the system's CAs, no certificate. */
        public Builder tls(Tls tls) {
            this.tls = tls;
            return this;
        }

        /** Goes through this proxy. */
        public Builder proxy(Proxy proxy) {
            this.proxy = proxy;
            return this;
        }

        /** What the client may use at the most. */
        public Builder limits(Limits limits) {
            this.limits = limits;
            return this;
        }

        /** Shares these threads instead of starting its own. */
        public Builder runtime(EnosRuntime runtime) {
            this.runtime = runtime;
            return this;
        }

        /** Runs callbacks here, in order and one at a time, instead of on the SDK's own callback thread. */
        public Builder executor(Executor executor) {
            this.executor = executor;
            return this;
        }

        /** MQTT keep alive; default 60 s, whole seconds. Zero switches it off. */
        public Builder keepAlive(Duration keepAlive) {
            return time(9, keepAlive);
        }

        /** MQTT clean session; default true. */
        public Builder cleanSession(boolean clean) {
            cleanSession = clean;
            return this;
        }

        /** QoS 1 messages sent and not yet acknowledged, at the most; default 256. */
        public Builder inFlight(int messages) {
            inFlight = (long) messages;
            return this;
        }

        /** So many dials (1 to 8) within so long; default 4 in 120 s, since EnOS blocks a device that dials more. */
        public Builder dialBudget(int dials, Duration window) {
            dialBudget = new long[] {dials, Times.millis(window)};
            return this;
        }

        /** First and largest pause between dials; default 1 s and 64 s. */
        public Builder backoff(Duration first, Duration largest) {
            backoff = new long[] {Times.millis(first), Times.millis(largest)};
            return this;
        }

        /** Longest wait for CONNACK; default 10 s. */
        public Builder signInTimeout(Duration timeout) {
            return time(14, timeout);
        }

        /** Longest wait for the activation message; default 30 s. */
        public Builder activationTimeout(Duration timeout) {
            return time(15, timeout);
        }

        /** Longest wait for the answer to a keep-alive ping; default 10 s. */
        public Builder pongTimeout(Duration timeout) {
            return time(16, timeout);
        }

        /** Longest wait for one address to accept; default 5 s. */
        public Builder addressTimeout(Duration timeout) {
            return time(17, timeout);
        }

        /** Longest wait for proxy and TLS handshake together; default 10 s. */
        public Builder handshakeTimeout(Duration timeout) {
            return time(18, timeout);
        }

        /** Longest time of one dial: look-up, all addresses, proxy, TLS; default 30 s. */
        public Builder dialTimeout(Duration timeout) {
            return time(19, timeout);
        }

        /**
         * CoAP: the silence after which the hub takes the device as gone; default 3,600 s, whole seconds, 30 to 86,400. A
         * client that is not sleepy signs in again in time.
         */
        public Builder coapLifetime(Duration lifetime) {
            coapLifetime = Times.millis(lifetime);
            return this;
        }

        /** CoAP: whether the device sleeps between its posts; default no. Then nothing is sent by itself. */
        public Builder sleepy(boolean sleepy) {
            this.sleepy = sleepy;
            return this;
        }

        /** CoAP: bytes sent per second, on average; default 10,240, which is what EnOS takes. 0: no limit. */
        public Builder coapRateLimit(int bytesPerSecond) {
            coapRateLimit = (long) bytesPerSecond;
            return this;
        }

        private Builder time(int setting, Duration time) {
            times[setting] = Times.millis(time);
            return this;
        }

        /**
         * Makes the client; it does not connect yet. Reads files and the secret store.
         *
         * @throws EnosInvalidArgumentException on whatever is wrong with the settings
         * @throws EnosResourceException if the secret store cannot be read
         * @throws EnosUnsupportedException if the native library cannot be loaded; the text says where it was looked for
         */
        public EnosClient build() {
            Loader.load();
            if (login == null) {
                throw Errors.invalid("the client has no login. Give one: Login.deviceSecret(…).");
            }
            Session session = new Session(login.productKey + "/" + login.deviceKey, executor);
            Settings settings = settings();
            byte[] bytes = settings.toByteArray();
            long threads = runtime == null ? 0 : runtime.enter();
            try {
                return new EnosClient(login, session, Native.clientNew(bytes, session, login.store, threads));
            } finally {
                if (runtime != null) {
                    runtime.exit();
                }
                settings.wipe();
                java.util.Arrays.fill(bytes, (byte) 0);
            }
        }

        /**
         * As {@link EnosClient#doctor(Duration)} for settings of which no client was made: what is wrong with them, so
         * that {@link #build()} throws, is the report's first step.
         *
         * @throws EnosInvalidArgumentException if there is no login
         * @throws EnosUnsupportedException if the native library cannot be loaded
         */
        public DoctorReport doctor(Duration timeout) {
            Loader.load();
            if (login == null) {
                throw Errors.invalid("the client has no login. Give one: Login.deviceSecret(…).");
            }
            long ms = Times.millis(timeout);
            Settings settings = settings();
            byte[] bytes = settings.toByteArray();
            long threads = runtime == null ? 0 : runtime.enter();
            try {
                return new DoctorReport(Native.doctorOfSettings(bytes, login.store, threads, ms));
            } finally {
                if (runtime != null) {
                    runtime.exit();
                }
                settings.wipe();
                java.util.Arrays.fill(bytes, (byte) 0);
            }
        }

        private Settings settings() {
            Settings settings = new Settings(hub);
            settings.login(login);
            if (tls != null) {
                settings.tls(tls);
            }
            if (proxy != null) {
                settings.proxy(proxy);
            }
            for (int setting = 0; setting < times.length; setting++) {
                if (times[setting] != null) {
                    settings.number(setting, times[setting]);
                }
            }
            if (cleanSession != null) {
                settings.key(10).write(cleanSession ? 1 : 0);
            }
            if (sleepy != null) {
                settings.key(28).write(sleepy ? 1 : 0);
            }
            if (coapLifetime != null) {
                settings.number(27, coapLifetime);
            }
            if (coapRateLimit != null) {
                settings.number(29, coapRateLimit);
            }
            if (inFlight != null) {
                settings.number(11, inFlight);
            }
            if (dialBudget != null) {
                settings.number(12, dialBudget[0]).number(dialBudget[1]);
            }
            if (backoff != null) {
                settings.number(13, backoff[0]).number(backoff[1]);
            }
            for (int at = 0; limits != null && at < limits.numbers.length; at++) {
                if (limits.numbers[at] != null) {
                    settings.number(20 + at, limits.numbers[at]);
                }
            }
            return settings;
        }
    }
}
