import java.nio.charset.StandardCharsets;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import software.amazon.awssdk.crt.io.ClientBootstrap;
import software.amazon.awssdk.crt.io.EventLoopGroup;
import software.amazon.awssdk.crt.io.HostResolver;
import software.amazon.awssdk.crt.mqtt.MqttClient;
import software.amazon.awssdk.crt.mqtt.MqttClientConnection;
import software.amazon.awssdk.crt.mqtt.MqttConnectionConfig;
import software.amazon.awssdk.crt.mqtt.MqttMessage;
import software.amazon.awssdk.crt.mqtt.QualityOfService;

/** AWS CRT with its event loop thread: the id pasted into ready text, the reply's id found by a search. */
final class Crt {
    private final Bench bench;
    private final AtomicInteger sent = new AtomicInteger();
    private final CountDownLatch finished = new CountDownLatch(1);
    private final Semaphore replies = new Semaphore(0);
    private final MqttClientConnection connection;

    private Crt(Bench bench) throws Exception {
        this.bench = bench;
        EventLoopGroup group = new EventLoopGroup(1);
        HostResolver resolver = new HostResolver(group);
        ClientBootstrap bootstrap = new ClientBootstrap(group, resolver);
        MqttConnectionConfig config = new MqttConnectionConfig();
        config.setMqttClient(new MqttClient(bootstrap));
        config.setEndpoint(bench.host);
        config.setPort(bench.port);
        config.setClientId(bench.deviceKey);
        config.setUsername(bench.user());
        config.setPassword("x");
        config.setCleanSession(true);
        config.setKeepAliveSecs(60);
        connection = new MqttClientConnection(config);
        connection.onMessage(this::heard);
        connection.connect().get();
    }

    private void publish(String topic, String text) {
        byte[] payload = text.getBytes(StandardCharsets.UTF_8);
        connection.publish(new MqttMessage(topic, payload, QualityOfService.AT_LEAST_ONCE));
    }

    /** Posts once, unless all posts are made. */
    private void post() {
        int id = sent.getAndIncrement();
        if (id < bench.count) {
            publish(bench.topic(), bench.post(id));
        }
    }

    private void heard(MqttMessage message) {
        try {
            String id = Bench.idOf(new String(message.getPayload(), StandardCharsets.UTF_8));
            if (message.getTopic().contains("/thing/service/")) {
                publish(message.getTopic() + "_reply", Bench.answer(id));
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

    private void postAndWait() throws Exception {
        post();
        replies.acquire();
    }

    public static void main(String[] order) throws Exception {
        Bench bench = new Bench(order);
        Crt crt = new Crt(bench);
        switch (bench.task) {
            case "posts":
                for (int open = 0; open < bench.window; open++) {
                    crt.post();
                }
                crt.finished.await();
                break;
            case "commands":
                crt.finished.await();
                break;
            case "single":
                bench.oneAtATime(crt::postAndWait);
                break;
            case "idle":
                Bench.mark("idle");
                break;
            case "start":
                crt.postAndWait();
                Bench.mark("first");
                break;
            default:
                throw new IllegalArgumentException(bench.task);
        }
        Bench.leave();
    }
}
