package io.enos.sdk;

import java.util.Map;
import java.util.Optional;

/** What the SDK puts on the wire, without a client: for support, and to compare with other implementations. */
public final class Inspect {
    private Inspect() {}

    /**
     * A sign over parameters: {@code sha256}, {@code sha1}, {@code md5} or {@code real-hmac-sha1}, in lower-case hex.
     *
     * @throws EnosInvalidArgumentException if no method is called so
     */
    public static String sign(String method, String secret, Map<String, String> parameters) {
        Settings words = new Settings().text("method", method).text("secret", secret);
        for (Map.Entry<String, String> entry : parameters.entrySet()) {
            words.text("parameter", entry.getKey()).text("parameter", entry.getValue());
        }
        return ask(0, words).text();
    }

    /** The MQTT client identifier. */
    public static String mqttClientId(String client, int secureMode, long timestampMs) {
        return ask(1, new Settings().text("client", client).key(secureMode).number(timestampMs)).text();
    }

    /** The MQTT user name. */
    public static String mqttUsername(String deviceKey, String productKey) {
        return ask(2, new Settings().text("deviceKey", deviceKey).text("productKey", productKey)).text();
    }

    /** The MQTT password. */
    public static String mqttPassword(
            String client, String deviceKey, String productKey, long timestampMs, String secret) {
        Settings words = new Settings().text("client", client).text("deviceKey", deviceKey);
        words.text("productKey", productKey).number(timestampMs).text("secret", secret);
        return ask(3, words).text();
    }

    /** The sign of CoAP's sign-in in clear, in upper-case hexadecimal digits. */
    public static String coapSign(String productKey, String deviceKey, long lifetimeS, String deviceSecret) {
        Settings words = new Settings().text("productKey", productKey).text("deviceKey", deviceKey);
        return ask(7, words.number(lifetimeS).text("deviceSecret", deviceSecret)).text();
    }

    /** Who a device is in a DTLS handshake with a pre-shared key. */
    public static String coapPskIdentity(String productKey, String deviceKey, int secureMode, long lifetimeS) {
        Settings words = new Settings().text("productKey", productKey).text("deviceKey", deviceKey);
        return ask(8, words.key(secureMode).number(lifetimeS)).text();
    }

    /** The pre-shared key of a secret, in lower-case hexadecimal digits: keep it out of logs. */
    public static String coapPskKey(String secret) {
        return ask(9, new Settings().text("secret", secret)).text();
    }

    /**
     * The topics of a kind of message, such as {@code measurepoint.post}; the argument is that of kinds which have one.
     *
     * @throws EnosInvalidArgumentException if no kind is called so
     */
    public static Topic topic(String kind, String argument, String productKey, String deviceKey) {
        Settings words = new Settings().text("kind", kind).text("argument", argument);
        Decoder told = ask(4, words.text("productKey", productKey).text("deviceKey", deviceKey));
        return new Topic(told.text(), told.text(), told.text());
    }

    /** What a topic says; empty if it is none of EnOS. */
    public static Optional<ParsedTopic> parseTopic(String topic) {
        Decoder told = ask(5, new Settings().text("topic", topic));
        return told.isEmpty() ? Optional.empty()
                : Optional.of(new ParsedTopic(told.text(), told.text(), told.text(), told.u8() != 0));
    }

    /** A value as JSON text, as a post would hold it. */
    public static String valueJson(Object value) {
        Loader.load();
        Encoder encoder = Encoder.take();
        try {
            encoder.single(value);
            return Text.of(Native.valueJson(java.util.Arrays.copyOf(encoder.bytes(), encoder.length())));
        } finally {
            encoder.giveBack();
        }
    }

    /** The parts of a hub's URL. */
    public static HubUrl hubUrl(String url) {
        Decoder told = ask(6, new Settings().text("url", url));
        return new HubUrl(told.text(), told.text(), (int) told.i64());
    }

    /** The kind of error that a code of the hub becomes. */
    public static ErrorKind kindOfHubCode(long code) {
        Loader.load();
        return ErrorKind.of(Native.kindOfHubCode(code));
    }

    private static Decoder ask(int what, Settings words) {
        Loader.load();
        return new Decoder(Native.inspect(what, words.toByteArray()));
    }

    /** The topics of a kind of message. */
    public static final class Topic {
        private final String topic;
        private final String reply;
        private final String method;

        Topic(String topic, String reply, String method) {
            this.topic = topic;
            this.reply = reply;
            this.method = method;
        }

        /** The topic of the request or command. */
        public String topic() {
            return topic;
        }

        /** The topic of its reply. */
        public String reply() {
            return reply;
        }

        /** The {@code method} in its envelope; empty where such messages carry none. */
        public String method() {
            return method;
        }
    }

    /** What a topic says. */
    public static final class ParsedTopic {
        private final String productKey;
        private final String deviceKey;
        private final String method;
        private final boolean isReply;

        ParsedTopic(String productKey, String deviceKey, String method, boolean isReply) {
            this.productKey = productKey;
            this.deviceKey = deviceKey;
            this.method = method;
            this.isReply = isReply;
        }

        /** The product's key. */
        public String productKey() {
            return productKey;
        }

        /** The device's key; empty for kinds that name none. */
        public String deviceKey() {
            return deviceKey;
        }

        /** The method of such messages; empty where they carry none. */
        public String method() {
            return method;
        }

        /** Whether it is the topic of a reply. */
        public boolean isReply() {
            return isReply;
        }
    }

    /** The parts of a hub's URL. */
    public static final class HubUrl {
        private final String scheme;
        private final String host;
        private final int port;

        HubUrl(String scheme, String host, int port) {
            this.scheme = scheme;
            this.host = host;
            this.port = port;
        }

        /** {@code tcp}, {@code ssl}, {@code coap} or {@code coaps}. */
        public String scheme() {
            return scheme;
        }

        /** Name or address, without brackets. */
        public String host() {
            return host;
        }

        /** The port, or the scheme's own where the URL names none. */
        public int port() {
            return port;
        }
    }
}
