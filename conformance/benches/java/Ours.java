import io.enos.sdk.Delivery;
import io.enos.sdk.EnosClient;
import io.enos.sdk.Invocation;
import io.enos.sdk.Login;
import io.enos.sdk.PostOptions;
import io.enos.sdk.Responder;
import java.lang.reflect.Method;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;

/** Ours: what a program in Java gets, through the public classes only. */
final class Ours {
    private static final Duration PATIENCE = Duration.ofSeconds(30);

    private final Bench bench;
    private final EnosClient client;
    private final PostOptions options =
            PostOptions.defaults().time(Instant.ofEpochMilli(1_782_000_000_000L)).timeout(PATIENCE);
    private final AtomicInteger sent = new AtomicInteger();
    private final CountDownLatch finished = new CountDownLatch(1);

    private Ours(Bench bench) {
        this.bench = bench;
        client = EnosClient.builder()
                .hub(URI.create("tcp://" + bench.host + ":" + bench.port))
                .login(Login.deviceSecret(bench.productKey, bench.deviceKey, "jJAC3QvmCKxx"))
                .build();
        client.onService("reboot", this::answer);
        client.connect(PATIENCE);
    }

    /** The points are made anew for each post, as a program does that has measured them. */
    private static Map<String, Object> points() {
        Map<String, Object> points = new LinkedHashMap<>();
        points.put("temp", 21.5);
        points.put("speed", 1234);
        points.put("power", 1530.25);
        points.put("state", "running");
        return points;
    }

    /** Posts once, unless all posts are made. */
    private void post() {
        if (sent.getAndIncrement() < bench.count) {
            client.async().postMeasurepoints(points(), options).whenComplete(this::settled);
        }
    }

    private void settled(Delivery delivery, Throwable why) {
        if (why != null) {
            Bench.fail(why);
        }
        try {
            post();
            add();
        } catch (Throwable refused) {
            Bench.fail(refused);
        }
    }

    private void answer(Invocation call, Responder reply) {
        reply.ok();
        add();
    }

    private void add() {
        if (bench.add()) {
            finished.countDown();
        }
    }

    private void posts() throws Exception {
        for (int open = 0; open < bench.window; open++) {
            post();
        }
        finished.await();
    }

    /** Native things that the SDK holds; its own count, which is no part of its interface. */
    private static long handles() throws Exception {
        Method open = Class.forName("io.enos.sdk.Handle").getDeclaredMethod("open");
        open.setAccessible(true);
        return (long) open.invoke(null);
    }

    public static void main(String[] order) throws Exception {
        Bench bench = new Bench(order);
        Ours ours = new Ours(bench);
        switch (bench.task) {
            case "posts":
                ours.posts();
                break;
            case "commands":
                ours.finished.await();
                break;
            case "memory":
                ours.posts();
                Bench.waitForRelease();
                ours.client.close();
                System.out.println("figures {\"handles\":" + handles() + "}");
                break;
            case "single":
                bench.oneAtATime(() -> ours.client.postMeasurepoints(points(), ours.options));
                break;
            case "idle":
                Bench.mark("idle");
                break;
            case "start":
                ours.client.postMeasurepoints(points(), ours.options);
                Bench.mark("first");
                break;
            default:
                throw new IllegalArgumentException(bench.task);
        }
        Bench.leave();
    }
}
