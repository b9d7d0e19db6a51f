import com.hivemq.client.mqtt.MqttGlobalPublishFilter;
import com.hivemq.client.mqtt.datatypes.MqttQos;
import com.hivemq.client.mqtt.mqtt3.Mqtt3AsyncClient;
import com.hivemq.client.mqtt.mqtt3.Mqtt3Client;

/** HiveMQ's client. */
final class HiveMq extends Peer {
    private final Mqtt3AsyncClient client;

    private HiveMq(Bench bench) {
        super(bench);
        client = Mqtt3Client.builder()
                .identifier(bench.deviceKey)
                .serverHost(bench.host)
                .serverPort(bench.port)
                .buildAsync();
        client.publishes(
                MqttGlobalPublishFilter.ALL,
                message -> heard(message.getTopic().toString(), message.getPayloadAsBytes()));
        client.connectWith()
                .cleanSession(true)
                .keepAlive(60)
                .simpleAuth()
                .username(bench.user())
                .password("x".getBytes(java.nio.charset.StandardCharsets.UTF_8))
                .applySimpleAuth()
                .send()
                .join();
    }

    @Override
    void publish(String topic, byte[] payload) {
        client.publishWith().topic(topic).qos(MqttQos.AT_LEAST_ONCE).payload(payload).send();
    }

    public static void main(String[] order) throws Exception {
        new HiveMq(new Bench(order)).run();
    }
}
