package io.enos.sdk;

/** Something ran out here: the queue, a store, memory (2xx). */
public final class EnosResourceException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosResourceException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
