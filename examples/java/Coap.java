import io.enos.sdk.EnosClient;
import io.enos.sdk.WakeReport;
import java.time.Duration;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * A meter on NB-IoT that sleeps: it wakes, posts a reading, takes the commands that wait for it, and sleeps again.
 *
 * <p>Its {@code --hub} is {@code coaps://host:5684}, or {@code coap://host:5683} in clear, where everybody on the way can
 * read along.
 */
public final class Coap {
    /** Seconds here, hours in a meter. */
    private static final Duration NAP = Duration.ofSeconds(1);

    private Coap() {}

    public static void main(String[] arguments) throws InterruptedException {
        // Nothing is sent between the posts, and the hub keeps the session for an hour of silence.
        EnosClient.Builder builder = new Flags(arguments).builder().sleepy(true).coapLifetime(Duration.ofHours(1));
        Queue<String> commands = new ConcurrentLinkedQueue<>();
        try (EnosClient client = builder.build()) {
            client.onService("reboot", (call, reply) -> {
                commands.add(call.params());
                reply.ok(Map.of("accepted", true));
            });

            client.connect(Duration.ofSeconds(10));
            for (double reading : new double[] {1834.5, 1835.25}) {
                client.postMeasurepoints(Map.of("power", reading));
                System.out.println("posted " + reading);
                WakeReport report = client.sleep(Duration.ofSeconds(60));
                for (String params = commands.poll(); params != null; params = commands.poll()) {
                    System.out.println("reboot " + params);
                }
                System.out.println("asleep after " + report.datagramsSent() + " datagrams (" + report.bytesSent()
                        + " bytes) sent, " + report.datagramsReceived() + " (" + report.bytesReceived()
                        + " bytes) received, radio on for " + report.radioOnMs() + " ms");
                Thread.sleep(NAP.toMillis());
            }
        }
    }
}
