import io.enos.sdk.CommandHandler;
import io.enos.sdk.DoctorReport;
import io.enos.sdk.EnosClient;
import io.enos.sdk.Invocation;
import io.enos.sdk.Lifecycle;
import io.enos.sdk.PostOptions;
import io.enos.sdk.Registration;
import io.enos.sdk.Responder;
import io.enos.sdk.Stats;
import io.enos.sdk.WakeReport;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/** Verbs of clients: each is one call of the SDK. */
final class Clients {
    private final Lines lines;
    private final Map<String, EnosClient> clients = new ConcurrentHashMap<>();
    private final Map<String, Registration> handlers = new ConcurrentHashMap<>();
    private final Map<String, Responder> calls = new ConcurrentHashMap<>();
    private final AtomicLong numbers = new AtomicLong();

    Clients(Lines lines) {
        this.lines = lines;
    }

    List<String> perform(String verb, List<String> words) {
        String name = words.get(0);
        List<String> rest = words.subList(1, words.size());
        switch (verb) {
            case "new":
                clients.put(name, Making.client(rest));
                return List.of();
            case "answer":
                calls.remove(name).json(Integer.parseInt(rest.get(0)), rest.get(1), rest.get(2));
                return List.of();
            case "forget":
                calls.remove(name).close();
                return List.of();
            case "drop":
                clients.remove(name).close();
                return List.of();
            case "off":
                handlers.remove(name + " " + String.join(" ", rest)).close();
                return List.of();
            default:
                return perform(clients.get(name), name, verb, rest);
        }
    }

    private List<String> perform(EnosClient client, String name, String verb, List<String> words) {
        switch (verb) {
            case "connect":
                client.connect(Making.millis(words.get(0)));
                return List.of();
            case "close":
                client.close(Making.millis(words.get(0)));
                return List.of();
            case "post": {
                Iterator<String> rest = words.iterator();
                PostOptions options = options(rest);
                client.postMeasurepoints(Values.points(rest), options);
                return List.of();
            }
            case "submit":
                submit(client, name, words.iterator());
                return List.of();
            case "on_lifecycle":
                client.onLifecycle(step -> lines.event(List.of("lifecycle", name), words(step)));
                return List.of();
            case "on_service":
                handlers.put(name + " service " + words.get(0),
                        client.onService(words.get(0), handler(name, words.subList(1, words.size()))));
                return List.of();
            case "on_measurepoint_set":
                handlers.put(name + " set", client.onMeasurepointSet(handler(name, words)));
                return List.of();
            case "on_measurepoint_get":
                handlers.put(name + " get", client.onMeasurepointGet(handler(name, words)));
                return List.of();
            case "stats":
                return stats(client.stats());
            case "sleep": {
                WakeReport report = client.sleep(Making.millis(words.get(0)));
                return List.of(Long.toString(report.datagramsSent()), Long.toString(report.datagramsReceived()),
                        Long.toString(report.bytesSent()), Long.toString(report.bytesReceived()),
                        Long.toString(report.radioOnMs()));
            }
            case "doctor":
                return diagnosis(client.doctor(Making.millis(words.get(0))));
            default:
                throw new IllegalStateException("no verb is called " + verb);
        }
    }

    private void submit(EnosClient client, String name, Iterator<String> words) {
        String tag = words.next();
        PostOptions options = options(words);
        client.async().postMeasurepoints(Values.points(words), options).whenComplete((delivery, failure) -> {
            if (failure == null) {
                lines.event("settled", name, tag, "ok");
            } else {
                Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
                lines.event(List.of("settled", name, tag, "err"), Lines.words(cause));
            }
        });
    }

    private static PostOptions options(Iterator<String> words) {
        PostOptions options = PostOptions.defaults().timeout(Making.millis(words.next()));
        String time = words.next();
        return time.equals("now") ? options : options.time(Instant.ofEpochMilli(Long.parseLong(time)));
    }

    /** A handler that tells the command and then does as the scenario says. */
    private CommandHandler handler(String name, List<String> how) {
        return (call, reply) -> {
            String number = String.valueOf(numbers.getAndIncrement());
            if (how.get(0).equals("later")) {
                calls.put(number, reply.later());
            }
            lines.event("command", name, number, kind(call.kind()), call.identifier(), call.params());
            if (how.get(0).equals("panic")) {
                throw new Exception("the scenario wants this handler to fail");
            }
            if (how.get(0).equals("answer")) {
                try {
                    reply.json(Integer.parseInt(how.get(1)), how.get(2), how.get(3));
                } catch (RuntimeException refused) {
                    lines.event(List.of("unanswered", name, number, "err"), Lines.words(refused));
                }
            }
        };
    }

    private static String kind(Invocation.Kind kind) {
        switch (kind) {
            case SERVICE:
                return "service";
            case MEASUREPOINT_SET:
                return "set";
            default:
                return "get";
        }
    }

    private static List<String> words(Lifecycle step) {
        List<String> words = new ArrayList<>(List.of(step.step().name().toLowerCase(java.util.Locale.ROOT)));
        if (step.step() == Lifecycle.Step.CONNECT_FAILED) {
            words.add(step.retryIn().map(pause -> String.valueOf(pause.toMillis())).orElse("-"));
        } else if (step.step() == Lifecycle.Step.OFFLINE) {
            words.add(String.valueOf(step.willRetry()));
        }
        step.error().ifPresent(error -> words.addAll(Lines.words(error)));
        return words;
    }

    private static List<String> stats(Stats stats) {
        return List.of("messages_sent=" + stats.messagesSent(), "messages_received=" + stats.messagesReceived(),
                "retries=" + stats.retries(), "reconnects=" + stats.reconnects(), "acknowledged=" + stats.acknowledged(),
                "rejected=" + stats.rejected(), "failed=" + stats.failed(), "dropped_oversize=" + stats.droppedOversize(),
                "dropped_unknown=" + stats.droppedUnknown(), "dropped_malformed=" + stats.droppedMalformed(),
                "dropped_stray=" + stats.droppedStray(), "open_requests=" + stats.openRequests(), "datagrams_sent=" + stats.datagramsSent(),
                "datagrams_received=" + stats.datagramsReceived(), "radio_on_ms=" + stats.radioOnMs());
    }

    private static List<String> diagnosis(DoctorReport report) {
        DoctorReport.Step failure = report.failure().orElse(null);
        return List.of(report.healthy() ? "healthy" : "ill", Integer.toString(report.exitCode()), report.session(),
                failure == null ? "-" : failure.step(), failure == null ? "-" : failure.cause(), report.text());
    }

    /** Closes every client. */
    void clear() {
        clients.values().forEach(EnosClient::close);
    }
}
