package io.enos.sdk;

/** The native half. Handles are numbers; who calls holds a {@link Handle} open meanwhile. */
final class Native {
    static final int SERVICE = 0;
    static final int SET = 1;
    static final int GET = 2;
    static final int LIFECYCLE = 3;

    static final int EMPTY = 0;
    static final int VALUES = 1;
    static final int JSON = 2;

    private Native() {}

    static native byte[] version();

    static native byte[] hint(int kind);

    static native byte[] tree(byte[] json);

    static native byte[] inspect(int what, byte[] words);

    static native byte[] valueJson(byte[] value);

    static native int kindOfHubCode(long code);

    static native void logLevel(int level);

    static native long clientNew(byte[] settings, Session session, SecretStore store, long runtime);

    static native void clientFree(long client);

    static native void connect(long client, long timeoutMs);

    static native void connectAsync(long client, long timeoutMs, int slot);

    static native void close(long client, long timeoutMs);

    static native void closeAsync(long client, long timeoutMs, int slot);

    static native void sleep(long client, long timeoutMs, long[] out);

    static native void sleepAsync(long client, long timeoutMs, int slot);

    static native void sleepTake(long report, long[] out);

    static native long post(long client, byte[] points, int length, long timeMs, long timeoutMs, boolean wait);

    static native void postAsync(long client, byte[] points, int length, long timeMs, long timeoutMs, int slot);

    static native byte[] doctor(long client, long timeoutMs);

    static native void doctorAsync(long client, long timeoutMs, int slot);

    static native byte[] doctorTake(long report);

    static native byte[] doctorOfSettings(byte[] settings, SecretStore store, long runtime, long timeoutMs);

    static native void stats(long client, long[] out);

    static native void register(long client, int kind, byte[] identifier, int number);

    static native void unregister(long client, int number);

    static native void answer(long responder, int code, int how, byte[] data, int length, byte[] message);

    static native void abandon(long responder);

    static native long runtimeNew();

    static native void runtimeFree(long runtime);

    static native byte[] secretLoad(byte[] folder, byte[] productKey, byte[] deviceKey);

    static native void secretStore(byte[] folder, byte[] productKey, byte[] deviceKey, byte[] secret);
}
