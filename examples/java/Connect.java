import io.enos.sdk.EnosClient;
import java.time.Duration;

/** Signs a device in, tells what happens to its connection, signs it off. */
public final class Connect {
    private Connect() {}

    public static void main(String[] arguments) {
        try (EnosClient client = new Flags(arguments).client()) {
            client.onLifecycle(step -> {
                switch (step.step()) {
                    case CONNECTING:
                        System.out.println("connecting");
                        break;
                    case ONLINE:
                        System.out.println("online");
                        break;
                    case CONNECT_FAILED:
                        System.out.println("failed: " + step.error().get().message());
                        break;
                    case OFFLINE:
                        System.out.println("offline");
                        break;
                    case CLOSED:
                        System.out.println("closed");
                        break;
                    default:
                }
            });
            client.connect(Duration.ofSeconds(10));
        }
    }
}
