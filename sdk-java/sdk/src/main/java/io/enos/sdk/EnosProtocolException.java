package io.enos.sdk;

/** The peer broke the protocol (5xx). */
public final class EnosProtocolException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosProtocolException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
