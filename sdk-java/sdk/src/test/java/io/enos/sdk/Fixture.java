package io.enos.sdk;

import io.enos.mockhub.MockHub;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.TimeUnit;

/** What the tests share. */
final class Fixture {
    static final Duration PATIENCE = Duration.ofSeconds(60);
    static final String DEVICE = "orgId=o1&productKey=Tq4zR9Lw&deviceKey=t-1";

    private Fixture() {}

    static EnosClient.Builder builder(MockHub hub) {
        return EnosClient.builder().hub(hub.url()).login(Login.deviceSecret("Tq4zR9Lw", "t-1", "u8Yp2QvKs0t1"));
    }

    static EnosClient online(MockHub hub) {
        EnosClient client = builder(hub).build();
        client.connect(PATIENCE);
        return client;
    }

    static String reboot(MockHub hub, int delay) {
        return hub.post("/connect-service/v2.1/commands?action=invokeService&serviceId=reboot&pendingTtl=0&timeout=20&"
                + DEVICE, "{\"inputData\":{\"delay\":" + delay + "}}");
    }

    static String latest(MockHub hub) {
        return hub.post("/connect-service/v2.1/measurepoints?action=queryLatest&" + DEVICE, "{}");
    }

    /** The next one, within patience. */
    static <T> T next(BlockingQueue<T> queue) throws InterruptedException {
        T next = queue.poll(PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
        if (next == null) {
            throw new AssertionError("nothing came within " + PATIENCE);
        }
        return next;
    }

    /** Waits until it holds. */
    static void until(String what, Callable<Boolean> holds) throws Exception {
        long end = System.nanoTime() + PATIENCE.toNanos();
        while (!holds.call()) {
            if (System.nanoTime() > end) {
                throw new AssertionError("not within " + PATIENCE + ": " + what);
            }
            Thread.sleep(5);
        }
    }
}
