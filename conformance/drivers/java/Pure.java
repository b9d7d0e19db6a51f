import io.enos.sdk.EnosInvalidArgumentException;
import io.enos.sdk.ErrorKind;
import io.enos.sdk.Inspect;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Verbs without a client. */
final class Pure {
    private Pure() {}

    /** Null if it is no verb of these. */
    static List<String> perform(String verb, List<String> words) {
        switch (verb) {
            case "sign": {
                Map<String, String> parameters = new LinkedHashMap<>();
                for (int at = 2; at < words.size(); at += 2) {
                    parameters.put(words.get(at), words.get(at + 1));
                }
                return List.of(Inspect.sign(words.get(0), words.get(1), parameters));
            }
            case "client_id":
                return List.of(Inspect.mqttClientId(words.get(0), Integer.parseInt(words.get(1)), number(words.get(2))));
            case "username":
                return List.of(Inspect.mqttUsername(words.get(0), words.get(1)));
            case "password":
                return List.of(Inspect.mqttPassword(words.get(0), words.get(1), words.get(2), number(words.get(3)),
                        words.get(4)));
            case "coap_sign":
                return List.of(Inspect.coapSign(words.get(0), words.get(1), number(words.get(2)), words.get(3)));
            case "coap_psk_identity":
                return List.of(Inspect.coapPskIdentity(words.get(0), words.get(1), Integer.parseInt(words.get(2)),
                        number(words.get(3))));
            case "coap_psk_key":
                return List.of(Inspect.coapPskKey(words.get(0)));
            case "topic": {
                Inspect.Topic topic = Inspect.topic(words.get(0), words.get(1), words.get(2), words.get(3));
                return List.of(topic.topic(), topic.reply(), topic.method());
            }
            case "topic_parse":
                return Inspect.parseTopic(words.get(0))
                        .map(topic -> List.of(topic.productKey(), topic.deviceKey(), topic.method(),
                                topic.isReply() ? "reply" : "request"))
                        .orElse(List.of("none"));
            case "json_value":
                return List.of(Inspect.valueJson(Values.value(words.iterator())));
            case "error_kind":
                return kind(words.get(0));
            case "hub_code":
                return List.of(String.valueOf(Inspect.kindOfHubCode(number(words.get(0))).number()));
            case "hub_url": {
                Inspect.HubUrl url = Inspect.hubUrl(words.get(0));
                return List.of(url.scheme(), url.host(), String.valueOf(url.port()));
            }
            default:
                return null;
        }
    }

    private static long number(String text) {
        return Long.parseLong(text);
    }

    /** The table spells a name as Rust does; Java writes the same words in capitals. */
    private static List<String> kind(String number) {
        ErrorKind kind;
        try {
            kind = ErrorKind.of(Integer.parseInt(number));
        } catch (EnosInvalidArgumentException none) {
            return List.of("none");
        }
        StringBuilder name = new StringBuilder();
        for (String word : kind.name().split("_")) {
            name.append(word.charAt(0)).append(word.substring(1).toLowerCase(java.util.Locale.ROOT));
        }
        return List.of(name.toString(), "ENOS_ERR_" + kind.name(), String.valueOf(kind.retryable()), kind.hint());
    }
}
