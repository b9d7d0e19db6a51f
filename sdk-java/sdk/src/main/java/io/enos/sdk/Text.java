package io.enos.sdk;

import static java.nio.charset.StandardCharsets.UTF_8;

/** Text on its way across the border: real UTF-8, never the JVM's modified one. */
final class Text {
    private Text() {}

    static String of(byte[] bytes) {
        return bytes == null ? "" : new String(bytes, UTF_8);
    }

    /** The bytes of a text; half a surrogate pair is refused, since no UTF-8 can say it. */
    static byte[] bytes(String text, String name) {
        if (text == null) {
            throw Errors.invalid(name + " is null. Give a text.");
        }
        check(text);
        return text.getBytes(UTF_8);
    }

    static void check(String text) {
        for (int at = 0; at < text.length(); at++) {
            char c = text.charAt(at);
            if (Character.isSurrogate(c)) {
                if (Character.isLowSurrogate(c) || at + 1 == text.length()
                        || !Character.isLowSurrogate(text.charAt(at + 1))) {
                    throw halfPair(at);
                }
                at++;
            }
        }
    }

    static EnosInvalidArgumentException halfPair(int at) {
        return Errors.invalid("a text holds half a surrogate pair at place " + at + ". Send whole characters.");
    }
}
