import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt3.Mqtt3AsyncClient;
import com.hivemq.client.mqtt.mqtt3.Mqtt3Client;
import com.hivemq.client.mqtt.mqtt3.message.publish.Mqtt3Publish;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.Semaphore;

/** HiveMQ's client, one post at a time: the id pasted into ready text, the reply's id found by a search. */
final class HiveMq {
    private final Bench bench;
    private final Semaphore replies = new Semaphore(0);
    private final Mqtt3AsyncClient client;
    private int sent;

    private HiveMq(Bench bench) {
        this.bench = bench;
        client = Mqtt3Client.builder()
                .identifier(bench.deviceKey)
                .serverHost(bench.host)
                .serverPort(bench.port)
                .buildAsync();
        client.publishes(MqttGlobalPublishFilter.ALL, this::heard);
        client.connectWith()
                .cleanSession(true)
                .keepAlive(60)
                .simpleAuth()
                .username(bench.user())
                .password("x".getBytes(StandardCharsets.UTF_8))
                .applySimpleAuth()
                .send()
                .join();
    }

    private void heard(Mqtt3Publish message) {
        try {
            Bench.idOf(new String(message.getPayloadAsBytes(), StandardCharsets.UTF_8));
            replies.release();
        } catch (Throwable why) {
            Bench.fail(why);
        }
    }

    private void postAndWait() throws Exception {
        client.publishWith()
                .topic(bench.topic())
                .qos(MqttQos.AT_LEAST_ONCE)
                .payload(bench.post(sent++).getBytes(StandardCharsets.UTF_8))
                .send();
        replies.acquire();
    }

    public static void main(String[] order) throws Exception {
        Bench bench = new Bench(order);
        HiveMq hive = new HiveMq(bench);
        switch (bench.task) {
            case "single":
                bench.oneAtATime(hive::postAndWait);
                break;
            case "idle":
                Bench.mark("idle");
                break;
            default:
                throw new IllegalArgumentException(bench.task);
        }
        Bench.leave();
    }
}
