package io.enos.sdk;

/** The hub does not accept who the device is, or what it may do (4xx). */
public final class EnosAuthException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosAuthException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
