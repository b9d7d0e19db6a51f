package io.enos.sdk;

/** The call does not fit the state the client is in (102). */
public final class EnosInvalidStateException extends IllegalStateException implements EnosError {
    private static final long serialVersionUID = 1L;

    private final ErrorKind kind;

    EnosInvalidStateException(ErrorKind kind, String message) {
        super(message);
        this.kind = kind;
    }

    @Override
    public ErrorKind kind() {
        return kind;
    }

    @Override
    public long hubCode() {
        return 0;
    }

    @Override
    public boolean retryable() {
        return kind.retryable();
    }

    @Override
    public String message() {
        return getMessage();
    }
}
