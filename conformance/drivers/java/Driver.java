import java.io.BufferedReader;
import java.io.FileOutputStream;
import java.io.FileDescriptor;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * The Java driver: turns lines into calls of the SDK and what comes of them into lines.
 *
 * <p>Holds no expectation and no logic of its own ({@code drivers/README.md}). Verbs that may wait run on a thread each.
 */
public final class Driver {
    private static final List<String> VERBS = List.of("hello", "sign", "client_id", "username", "password",
            "coap_sign", "coap_psk_identity", "coap_psk_key", "topic",
            "topic_parse", "json_value", "error_kind", "hub_code", "hub_url", "new", "connect", "post", "submit",
            "on_lifecycle", "on_service", "on_measurepoint_set", "on_measurepoint_get", "off", "answer", "forget", "stats",
            "doctor", "sleep", "close", "drop");

    private static final Set<String> WAITING = Set.of("connect", "post", "answer", "doctor", "sleep", "close", "drop");

    private final Lines lines = new Lines(new FileOutputStream(FileDescriptor.out));
    private final Clients clients = new Clients(lines);

    private Driver() {}

    public static void main(String[] arguments) throws IOException {
        Driver driver = new Driver();
        BufferedReader input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            List<String> words = Lines.decode(line);
            if (WAITING.contains(words.get(1))) {
                Thread thread = new Thread(() -> driver.answer(words));
                thread.setDaemon(true);
                thread.start();
            } else {
                driver.answer(words);
            }
        }
        driver.clients.clear();
    }

    private void answer(List<String> words) {
        String id = words.get(0);
        try {
            lines.ok(id, perform(words.get(1), words.subList(2, words.size())));
        } catch (Throwable failure) {
            lines.failed(id, Lines.words(failure));
        }
    }

    private List<String> perform(String verb, List<String> words) {
        if (verb.equals("hello")) {
            List<String> told = new ArrayList<>(List.of("java"));
            told.addAll(VERBS);
            return told;
        }
        List<String> told = Pure.perform(verb, words);
        return told == null ? clients.perform(verb, words) : told;
    }
}
