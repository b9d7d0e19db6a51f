package io.enos.sdk;

import java.time.Duration;
import java.time.Instant;

/** How to post. Immutable; what is not set is as the SDK does in every language. */
public final class PostOptions {
    /** The native side's word for "now". */
    private static final long NOW = Long.MIN_VALUE;
    /** The native side's word for "as long as usual". */
    private static final long USUAL = -1;

    static final PostOptions DEFAULT = new PostOptions(NOW, USUAL, true);

    final long timeMs;
    final long timeoutMs;
    final boolean wait;

    private PostOptions(long timeMs, long timeoutMs, boolean wait) {
        this.timeMs = timeMs;
        this.timeoutMs = timeoutMs;
        this.wait = wait;
    }

    /** Measured now; 10 s; waits. */
    public static PostOptions defaults() {
        return DEFAULT;
    }

    /** Sets when it was measured; milliseconds count. */
    public PostOptions time(Instant time) {
        long ms;
        try {
            ms = time.toEpochMilli();
        } catch (ArithmeticException beyond) {
            throw Errors.invalid("the time " + time + " is beyond what a clock can tell. Correct it.");
        }
        return new PostOptions(ms, timeoutMs, wait);
    }

    /** Sets the longest time until the hub's reply, with the wait for a connection and for room in the queue. */
    public PostOptions timeout(Duration timeout) {
        return new PostOptions(timeMs, Times.millis(timeout), wait);
    }

    /** Sets whether to wait for the hub's reply. Counts for nothing in {@link AsyncDevice}. */
    public PostOptions wait(boolean wait) {
        return new PostOptions(timeMs, timeoutMs, wait);
    }
}
