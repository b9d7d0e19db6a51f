import io.enos.sdk.EnosClient;
import io.enos.sdk.Limits;
import io.enos.sdk.Login;
import io.enos.sdk.Proxy;
import io.enos.sdk.SecretStore;
import io.enos.sdk.Tls;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Makes a client of {@code name=value} settings. */
final class Making {
    private Making() {}

    static EnosClient client(List<String> settings) {
        Map<String, String> given = new LinkedHashMap<>();
        for (String setting : settings) {
            int at = setting.indexOf('=');
            given.put(setting.substring(0, at), setting.substring(at + 1));
        }
        EnosClient.Builder builder = EnosClient.builder().hub(take(given, "url", "")).login(login(given));
        builder.tls(tls(given));
        Limits limits = Limits.defaults();
        for (Map.Entry<String, String> setting : given.entrySet()) {
            String value = setting.getValue();
            switch (setting.getKey()) {
                case "limit_requests":
                    limits = limits.requests(Integer.parseInt(value));
                    break;
                case "limit_calls":
                    limits = limits.calls(Integer.parseInt(value));
                    break;
                default:
                    set(builder, setting.getKey(), value);
            }
        }
        return builder.limits(limits).build();
    }

    private static String take(Map<String, String> given, String name, String otherwise) {
        String value = given.remove(name);
        return value == null ? otherwise : value;
    }

    private static Login login(Map<String, String> given) {
        String productKey = take(given, "product_key", "");
        String deviceKey = take(given, "device_key", "");
        String secret = take(given, "secret", "");
        String store = take(given, "store", "memory");
        String login = take(given, "login", "");
        switch (login) {
            case "device_secret":
                return Login.deviceSecret(productKey, deviceKey, secret);
            case "dynamic_activation":
                return Login.dynamicActivation(productKey, deviceKey, secret, store(store));
            default:
                throw new IllegalStateException("no login is called " + login);
        }
    }

    private static Tls tls(Map<String, String> given) {
        Tls tls = Tls.system();
        String ca = given.remove("ca");
        if (ca != null) {
            tls = tls.ca(Path.of(ca));
        }
        String certificate = given.remove("cert");
        String key = given.remove("key");
        return certificate == null || key == null ? tls : tls.client(Path.of(certificate), Path.of(key));
    }

    private static void set(EnosClient.Builder builder, String name, String value) {
        String[] pair = value.split("/", 2);
        switch (name) {
            case "proxy":
                builder.proxy(proxy(value));
                break;
            case "keep_alive_s":
                builder.keepAlive(Duration.ofSeconds(Long.parseLong(value)));
                break;
            case "clean_session":
                builder.cleanSession(Boolean.parseBoolean(value));
                break;
            case "in_flight":
                builder.inFlight(Integer.parseInt(value));
                break;
            case "backoff_ms":
                builder.backoff(millis(pair[0]), millis(pair[1]));
                break;
            case "dial_budget":
                builder.dialBudget(Integer.parseInt(pair[0]), Duration.ofSeconds(Long.parseLong(pair[1])));
                break;
            case "sign_in_timeout_ms":
                builder.signInTimeout(millis(value));
                break;
            case "activation_timeout_ms":
                builder.activationTimeout(millis(value));
                break;
            case "handshake_timeout_ms":
                builder.handshakeTimeout(millis(value));
                break;
            case "coap_lifetime_s":
                builder.coapLifetime(Duration.ofSeconds(Long.parseLong(value)));
                break;
            case "sleepy":
                builder.sleepy(Boolean.parseBoolean(value));
                break;
            case "coap_rate_limit":
                builder.coapRateLimit(Integer.parseInt(value));
                break;
            case "pong_timeout_ms":
                builder.pongTimeout(millis(value));
                break;
            default:
                throw new IllegalStateException("setting " + name + "=" + value);
        }
    }

    static Duration millis(String text) {
        return Duration.ofMillis(Long.parseLong(text));
    }

    /** {@code HOST:PORT} or {@code USER:PASSWORD@HOST:PORT}. */
    private static Proxy proxy(String text) {
        String address = text.substring(text.lastIndexOf('@') + 1);
        int colon = address.lastIndexOf(':');
        Proxy proxy = Proxy.of(address.substring(0, colon), Integer.parseInt(address.substring(colon + 1)));
        if (address.length() == text.length()) {
            return proxy;
        }
        String[] login = text.substring(0, text.lastIndexOf('@')).split(":", 2);
        return proxy.login(login[0], login[1]);
    }

    private static SecretStore store(String how) {
        if (how.equals("memory")) {
            return SecretStore.memory();
        }
        if (how.startsWith("file:")) {
            return SecretStore.file(Path.of(how.substring(5)));
        }
        if (how.equals("refuse")) {
            return new SecretStore() {
                @Override
                public String load(String productKey, String deviceKey) {
                    return null;
                }

                @Override
                public void store(String productKey, String deviceKey, String secret) throws IOException {
                    throw new IOException("this store never stores");
                }
            };
        }
        throw new IllegalStateException("no store is called " + how);
    }
}
