import software.amazon.awssdk.crt.io.ClientBootstrap;
import software.amazon.awssdk.crt.io.EventLoopGroup;
import software.amazon.awssdk.crt.io.HostResolver;
import software.amazon.awssdk.crt.mqtt.MqttClient;
import software.amazon.awssdk.crt.mqtt.MqttClientConnection;
import software.amazon.awssdk.crt.mqtt.MqttConnectionConfig;
import software.amazon.awssdk.crt.mqtt.MqttMessage;
import software.amazon.awssdk.crt.mqtt.QualityOfService;

/** AWS CRT with its event loop thread. */
final class Crt extends Peer {
    private final MqttClientConnection connection;

    private Crt(Bench bench) throws Exception {
        super(bench);
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
        connection.onMessage(message -> heard(message.getTopic(), message.getPayload()));
        connection.connect().get();
    }

    @Override
    void publish(String topic, byte[] payload) {
        connection.publish(new MqttMessage(topic, payload, QualityOfService.AT_LEAST_ONCE));
    }

    public static void main(String[] order) throws Exception {
        new Crt(new Bench(order)).run();
    }
}
