package io.enos.sdk;

/**
 * The thread was interrupted while it waited for the SDK. Its mark stays set, as {@link Thread#interrupt()} left it.
 *
 * <p>What it waited for goes on: whether a post has reached the hub is not known. Its kind is that of a time-out, since it
 * was not over by then; it is no {@link EnosTimeoutException}, and not {@link #retryable()}, for the next wait of the thread
 * would end as soon.
 */
public final class EnosInterruptedException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosInterruptedException(String message) {
        super(ErrorKind.TIMEOUT, 0, false, message);
    }
}
