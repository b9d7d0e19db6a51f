import io.enos.sdk.EnosClient;
import io.enos.sdk.Login;
import io.enos.sdk.Tls;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/** What the examples share: command-line flags, the same in every language. */
final class Flags {
    private static final String HELP = String.join("\n",
            "--hub URL             tcp://host:11883 or ssl://host:18883   (tcp://127.0.0.1:11883)",
            "--product-key KEY     the product's key                      (Tq4zR9Lw)",
            "--device-key KEY      the device's key                       (t-1)",
            "--device-secret TEXT  the device's secret                    (of the hub's example seed)",
            "--ca FILE             CA of the hub, PEM; else the system's",
            "--cert FILE           client certificate, PEM",
            "--key FILE            its private key, PEM");

    private final Map<String, String> flags = new HashMap<>();

    /** Reads the command line; on {@code --help} or a flag that does not exist it says so and ends the program. */
    Flags(String[] arguments) {
        for (int at = 0; at < arguments.length; at += 2) {
            String flag = arguments[at];
            boolean known = flag.startsWith("--") && HELP.lines().anyMatch(line -> line.split(" ")[0].equals(flag));
            if (known && at + 1 < arguments.length) {
                flags.put(flag.substring(2), arguments[at + 1]);
            } else if (flag.equals("--help")) {
                System.out.println(HELP);
                System.exit(0);
            } else {
                System.err.println(flag + (known ? " needs a value" : " is no flag") + ". These are:\n" + HELP);
                System.exit(2);
            }
        }
    }

    private String get(String flag, String otherwise) {
        return flags.getOrDefault(flag, otherwise);
    }

    /** A client for the device that the flags name. */
    EnosClient client() {
        return builder().build();
    }

    /** What makes that client. */
    EnosClient.Builder builder() {
        Login login = Login.deviceSecret(get("product-key", "Tq4zR9Lw"), get("device-key", "t-1"),
                get("device-secret", "u8Yp2QvKs0t1"));
        Tls tls = Tls.system();
        if (flags.containsKey("ca")) {
            tls = tls.ca(Path.of(flags.get("ca")));
        }
        if (flags.containsKey("cert") != flags.containsKey("key")) {
            throw new IllegalArgumentException("--cert and --key belong together. Give both.");
        }
        if (flags.containsKey("cert")) {
            tls = tls.client(Path.of(flags.get("cert")), Path.of(flags.get("key")));
        }
        return EnosClient.builder().hub(get("hub", "tcp://127.0.0.1:11883")).login(login).tls(tls);
    }
}
