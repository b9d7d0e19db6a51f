package io.enos.sdk;

/** A firmware could not be fetched, checked or written (7xx). */
public final class EnosOtaException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosOtaException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
