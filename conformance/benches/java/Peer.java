import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * What a program with somebody else's client does, whichever it is: the id pasted into ready text, the reply's id found by a
 * search. A client publishes, and tells what it heard.
 */
abstract class Peer {
    final Bench bench;
    private final AtomicInteger sent = new AtomicInteger();
    private final CountDownLatch finished = new CountDownLatch(1);
    private final Semaphore replies = new Semaphore(0);

    Peer(Bench bench) {
        this.bench = bench;
    }

    /** Publishes with QoS 1, without waiting. */
    abstract void publish(String topic, byte[] payload) throws Exception;

    /** Takes a message, on whatever thread the client tells of it; one at a time. */
    final void heard(String topic, byte[] payload) {
        try {
            String id = Bench.idOf(new String(payload, StandardCharsets.UTF_8));
            if (topic.contains("/thing/service/")) {
                send(topic + "_reply", Bench.answer(id));
                add();
            } else if (bench.task.equals("posts")) {
                post();
                add();
            } else {
                replies.release();
            }
        } catch (Throwable why) {
            Bench.fail(why);
        }
    }

    private void send(String topic, String text) throws Exception {
        publish(topic, text.getBytes(StandardCharsets.UTF_8));
    }

    /** Posts once, unless all posts are made. */
    private void post() throws Exception {
        int id = sent.getAndIncrement();
        if (id < bench.count) {
            send(bench.topic(), bench.post(id));
        }
    }

    private void postAndWait() throws Exception {
        post();
        replies.acquire();
    }

    private void add() {
        if (bench.add()) {
            finished.countDown();
        }
    }

    /** Does the task of the order with the client, which is connected, and leaves. */
    final void run() throws Exception {
        switch (bench.task) {
            case "posts":
                for (int open = 0; open < bench.window; open++) {
                    post();
                }
                finished.await();
                break;
            case "commands":
                finished.await();
                break;
            case "single":
                bench.oneAtATime(this::postAndWait);
                break;
            case "idle":
                Bench.mark("idle");
                break;
            case "start":
                postAndWait();
                Bench.mark("first");
                break;
            default:
                throw new IllegalArgumentException(bench.task);
        }
        Bench.leave();
    }
}
