package io.enos.sdk;

/** The hub said no (6xx). */
public final class EnosHubException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosHubException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
