package io.enos.sdk;

import java.time.Duration;
import java.util.Optional;

/**
 * A step in the life of a connection.
 *
 * <p>Each {@code CONNECTING} is followed by exactly one {@code ONLINE} or {@code CONNECT_FAILED}, each {@code ONLINE} by
 * exactly one {@code OFFLINE}; {@code CLOSED} is last.
 */
public final class Lifecycle {
    /** Which step. */
    public enum Step {
        /** A dial begins; an activation and the sign-in that follows it are one. */
        CONNECTING,
        /** Signed in: posts flow and commands arrive. */
        ONLINE,
        /** The attempt failed; {@link #error()} says why, {@link #retryIn()} when the next follows. */
        CONNECT_FAILED,
        /** The connection is gone; {@link #error()} says why, of kind {@code CLOSED} if it was asked for. */
        OFFLINE,
        /** The device received its own secret and stored it. */
        ACTIVATED,
        /** The client was closed; nothing follows. */
        CLOSED,
        /** A step that this version of the Java side does not know. */
        OTHER,
    }

    private static final Step[] STEPS = Step.values();

    private final Step step;
    private final long retryMs;
    private final boolean willRetry;
    private final EnosError error;

    private Lifecycle(Step step, long retryMs, boolean willRetry, EnosError error) {
        this.step = step;
        this.retryMs = retryMs;
        this.willRetry = willRetry;
        this.error = error;
    }

    static Lifecycle of(int step, long retryMs, boolean willRetry, EnosError error) {
        return new Lifecycle(STEPS[step], retryMs, willRetry, error);
    }

    /** Which step. */
    public Step step() {
        return step;
    }

    /** Why, for {@code CONNECT_FAILED} and {@code OFFLINE}: an exception that was not thrown. */
    public Optional<EnosError> error() {
        return Optional.ofNullable(error);
    }

    /** When the next dial follows a {@code CONNECT_FAILED}; empty if the client has stopped trying. */
    public Optional<Duration> retryIn() {
        return retryMs < 0 ? Optional.empty() : Optional.of(Duration.ofMillis(retryMs));
    }

    /** Whether the client dials again by itself. */
    public boolean willRetry() {
        return willRetry;
    }

    @Override
    public String toString() {
        return error == null ? step.toString() : step + ": " + error.message();
    }
}
