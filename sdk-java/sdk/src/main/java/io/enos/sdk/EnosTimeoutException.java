package io.enos.sdk;

/** No answer came in time (305). */
public final class EnosTimeoutException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosTimeoutException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
