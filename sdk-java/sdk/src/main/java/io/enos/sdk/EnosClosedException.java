package io.enos.sdk;

/** The client was closed (104). */
public final class EnosClosedException extends IllegalStateException implements EnosError {
    private static final long serialVersionUID = 1L;

    private final ErrorKind kind;

    EnosClosedException(ErrorKind kind, String message) {
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
