import io.enos.sdk.EnosClient;
import io.enos.sdk.EnosHubException;
import io.enos.sdk.Point;
import java.time.Duration;
import java.util.Map;

/** Posts measurepoints and shows what becomes of them. */
public final class Measurepoints {
    private Measurepoints() {}

    public static void main(String[] arguments) {
        try (EnosClient client = new Flags(arguments).client()) {
            client.connect(Duration.ofSeconds(10));

            // Returns when the hub has checked the points against the thing model and stored them.
            client.postMeasurepoints(Map.of("temp", 21.5, "power", Point.of(1834.0, 0), "state", 2));
            System.out.println("acknowledged");

            // What does not fit the model comes back as an exception that names the hub's code.
            try {
                client.postMeasurepoints(Map.of("no_such_point", 1));
                System.out.println("acknowledged");
            } catch (EnosHubException refused) {
                System.out.println("refused: kind " + refused.kind().number() + " code " + refused.hubCode());
            }
        }
    }
}
