package io.enos.sdk;

/** What a client may use at the most. Immutable; what is not set is the SDK's default. */
public final class Limits {
    private static final int COUNT = 7;
    private static final Limits DEFAULT = new Limits(new Long[COUNT]);

    /** In the order of the settings, null for the default. */
    final Long[] numbers;

    private Limits(Long[] numbers) {
        this.numbers = numbers;
    }

    /** The default of gateways and PCs: about 6.5 MB if everything is full, a few kB when idle. */
    public static Limits defaults() {
        return DEFAULT;
    }

    private Limits with(int at, long number) {
        Long[] changed = numbers.clone();
        changed[at] = number;
        return new Limits(changed);
    }

    /** Bytes of received packets held at once. */
    public Limits receive(int bytes) {
        return with(0, bytes);
    }

    /** Bytes encoded but not yet sent. */
    public Limits transmit(int bytes) {
        return with(1, bytes);
    }

    /** Bytes of messages waiting to be sent or answered. */
    public Limits outbox(int bytes) {
        return with(2, bytes);
    }

    /** Requests open at once. */
    public Limits requests(int count) {
        return with(3, count);
    }

    /** Commands taken but not yet answered. */
    public Limits calls(int count) {
        return with(4, count);
    }

    /** Handlers registered. */
    public Limits handlers(int count) {
        return with(5, count);
    }

    /** Bytes of names: host, keys, secrets, service identifiers. */
    public Limits names(int bytes) {
        return with(6, bytes);
    }
}
