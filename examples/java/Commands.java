import io.enos.sdk.EnosClient;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;

/** Takes commands: a service, and measurepoints that the cloud sets. Ends after three commands or a minute. */
public final class Commands {
    private Commands() {}

    public static void main(String[] arguments) throws InterruptedException {
        Semaphore commands = new Semaphore(0);
        try (EnosClient client = new Flags(arguments).client()) {
            // Handlers come before connect, so that no early command is lost.
            client.onService("reboot", (call, reply) -> {
                System.out.println("reboot " + call.params());
                Object delay = call.args().get("delay");
                if (delay instanceof Long && (Long) delay > 60) {
                    reply.fail(2001, "delay too long"); // a device's own codes start at 2000
                } else {
                    reply.ok(Map.of("accepted", true));
                }
                commands.release();
            });
            client.onMeasurepointSet((call, reply) -> {
                System.out.println("set " + call.params());
                reply.ok();
                commands.release();
            });

            client.connect(Duration.ofSeconds(10));
            System.out.println("waiting for commands");
            for (int command = 0; command < 3; command++) {
                if (!commands.tryAcquire(60, TimeUnit.SECONDS)) {
                    break;
                }
            }
        }
    }
}
