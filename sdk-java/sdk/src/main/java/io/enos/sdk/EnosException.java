package io.enos.sdk;

/** A failure of the SDK. Unchecked; its message names thing, cause and next step, and never holds a secret. */
public abstract class EnosException extends RuntimeException implements EnosError {
    private static final long serialVersionUID = 1L;

    private final ErrorKind kind;
    private final long hubCode;
    private final boolean retryable;

    EnosException(ErrorKind kind, long hubCode, boolean retryable, String message) {
        super(message);
        this.kind = kind;
        this.hubCode = hubCode;
        this.retryable = retryable;
    }

    @Override
    public final ErrorKind kind() {
        return kind;
    }

    @Override
    public final long hubCode() {
        return hubCode;
    }

    @Override
    public final boolean retryable() {
        return retryable;
    }

    @Override
    public final String message() {
        return getMessage();
    }
}
