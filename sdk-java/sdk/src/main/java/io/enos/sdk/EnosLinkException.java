package io.enos.sdk;

/** The link to the hub: name, connection, TLS, a loss (3xx, but for time-outs). */
public final class EnosLinkException extends EnosException {
    private static final long serialVersionUID = 1L;

    EnosLinkException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(kind, hubCode, retryable, message);
    }
}
