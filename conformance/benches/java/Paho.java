import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.eclipse.paho.client.mqttv3.IMqttDeliveryToken;
import org.eclipse.paho.client.mqttv3.MqttAsyncClient;
import org.eclipse.paho.client.mqttv3.MqttCallback;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.MqttMessage;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

/** Paho: the id pasted into ready text, the reply's id found by a search. */
final class Paho implements MqttCallback {
    private final Bench bench;
    private final AtomicInteger sent = new AtomicInteger();
    private final CountDownLatch finished = new CountDownLatch(1);
    private final Semaphore replies = new Semaphore(0);
    private final MqttAsyncClient client;

    private Paho(Bench bench) throws Exception {
        this.bench = bench;
        String hub = "tcp://" + bench.host + ":" + bench.port;
        client = new MqttAsyncClient(hub, bench.deviceKey, new MemoryPersistence());
        client.setCallback(this);
        MqttConnectOptions options = new MqttConnectOptions();
        options.setUserName(bench.user());
        options.setPassword("x".toCharArray());
        options.setCleanSession(true);
        options.setKeepAliveInterval(60);
        // It refuses what is more, and counts a message until its PUBACK is worked off.
        options.setMaxInflight(bench.window * 2 + 10);
        client.connect(options).waitForCompletion();
    }

    private void publish(String topic, String text) throws Exception {
        client.publish(topic, text.getBytes(StandardCharsets.UTF_8), 1, false);
    }

    /** Posts once, unless all posts are made. */
    private void post() throws Exception {
        int id = sent.getAndIncrement();
        if (id < bench.count) {
            publish(bench.topic(), bench.post(id));
        }
    }

    @Override
    public void messageArrived(String topic, MqttMessage message) {
        try {
            String id = Bench.idOf(new String(message.getPayload(), StandardCharsets.UTF_8));
            if (topic.contains("/thing/service/")) {
                publish(topic + "_reply", Bench.answer(id));
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

    private void add() {
        if (bench.add()) {
            finished.countDown();
        }
    }

    @Override
    public void connectionLost(Throwable why) {
        Bench.fail(why);
    }

    @Override
    public void deliveryComplete(IMqttDeliveryToken token) {}

    private void postAndWait() throws Exception {
        post();
        replies.acquire();
    }

    public static void main(String[] order) throws Exception {
        Bench bench = new Bench(order);
        Paho paho = new Paho(bench);
        switch (bench.task) {
            case "posts":
                for (int open = 0; open < bench.window; open++) {
                    paho.post();
                }
                paho.finished.await();
                break;
            case "commands":
                paho.finished.await();
                break;
            case "single":
                bench.oneAtATime(paho::postAndWait);
                break;
            case "idle":
                Bench.mark("idle");
                break;
            case "start":
                paho.postAndWait();
                Bench.mark("first");
                break;
            default:
                throw new IllegalArgumentException(bench.task);
        }
        Bench.leave();
    }
}
