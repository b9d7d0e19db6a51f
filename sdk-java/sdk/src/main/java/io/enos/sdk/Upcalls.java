package io.enos.sdk;

import static java.nio.charset.StandardCharsets.UTF_8;

/** What the native side calls, on its threads. Nothing here lets an exception out. */
final class Upcalls {
    private Upcalls() {}

    static void settled(Session session, int slot, long told) {
        session.settled(slot, told);
    }

    static void failed(Session session, int slot, int kind, long hubCode, boolean retryable, byte[] message) {
        session.failed(slot, Errors.of(kind, hubCode, retryable, Text.of(message)));
    }

    static void command(Session session, int number, long responder, byte[] params) {
        session.command(number, responder, params);
    }

    static void lifecycle(
            Session session, int number, int step, long retryMs, boolean willRetry, int kind, long hubCode,
            boolean retryable, byte[] message) {
        EnosError error = message == null ? null : (EnosError) Errors.of(kind, hubCode, retryable, Text.of(message));
        session.lifecycle(number, Lifecycle.of(step, retryMs, willRetry, error));
    }

    static void released(Session session, int number) {
        session.released(number);
    }

    static byte[] load(SecretStore store, byte[] productKey, byte[] deviceKey) {
        try {
            String secret = store.load(Text.of(productKey), Text.of(deviceKey));
            return secret == null ? new byte[] {0} : tagged(1, secret);
        } catch (Throwable failure) {
            return tagged(2, words(failure));
        }
    }

    static byte[] store(SecretStore store, byte[] productKey, byte[] deviceKey, byte[] secret) {
        try {
            store.store(Text.of(productKey), Text.of(deviceKey), Text.of(secret));
            return new byte[] {0};
        } catch (Throwable failure) {
            return tagged(2, words(failure));
        }
    }

    static void log(int level, byte[] target, byte[] text) {
        Log.line(level, Text.of(text));
    }

    static Throwable error(int kind, long hubCode, boolean retryable, byte[] message) {
        return Errors.of(kind, hubCode, retryable, Text.of(message));
    }

    static Throwable left(byte[] message) {
        return new EnosInterruptedException(Text.of(message));
    }

    static boolean interrupted() {
        return Thread.currentThread().isInterrupted();
    }

    private static String words(Throwable failure) {
        String message = failure.getMessage();
        return message == null || message.isEmpty() ? failure.getClass().getName() : message;
    }

    private static byte[] tagged(int tag, String text) {
        byte[] utf8 = text.getBytes(UTF_8);
        byte[] bytes = new byte[utf8.length + 1];
        bytes[0] = (byte) tag;
        System.arraycopy(utf8, 0, bytes, 1, utf8.length);
        return bytes;
    }
}
