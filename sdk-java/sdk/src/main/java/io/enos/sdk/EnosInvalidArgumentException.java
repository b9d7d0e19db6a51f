package io.enos.sdk;

/** An argument of the call is wrong (101). */
public final class EnosInvalidArgumentException extends IllegalArgumentException implements EnosError {
    private static final long serialVersionUID = 1L;

    private final ErrorKind kind;

    EnosInvalidArgumentException(ErrorKind kind, String message) {
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
