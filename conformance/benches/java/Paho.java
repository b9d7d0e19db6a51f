import org.eclipse.paho.client.mqttv3.IMqttDeliveryToken;
import org.eclipse.paho.client.mqttv3.MqttAsyncClient;
import org.eclipse.paho.client.mqttv3.MqttCallback;
import org.eclipse.paho.client.mqttv3.MqttConnectOptions;
import org.eclipse.paho.client.mqttv3.MqttMessage;
import org.eclipse.paho.client.mqttv3.persist.MemoryPersistence;

/** Paho with its own threads. */
final class Paho extends Peer implements MqttCallback {
    private final MqttAsyncClient client;

    private Paho(Bench bench) throws Exception {
        super(bench);
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

    @Override
    void publish(String topic, byte[] payload) throws Exception {
        client.publish(topic, payload, 1, false);
    }

    @Override
    public void messageArrived(String topic, MqttMessage message) {
        heard(topic, message.getPayload());
    }

    @Override
    public void connectionLost(Throwable why) {
        Bench.fail(why);
    }

    @Override
    public void deliveryComplete(IMqttDeliveryToken token) {}

    public static void main(String[] order) throws Exception {
        new Paho(new Bench(order)).run();
    }
}
