package io.enos.sdk;

/** A bug of the SDK (900). */
public final class EnosInternalException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosInternalException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
