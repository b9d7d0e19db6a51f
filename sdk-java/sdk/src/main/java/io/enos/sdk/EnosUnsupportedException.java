package io.enos.sdk;

/** EnOS, this transport, this build or this platform does not offer it (103). */
public final class EnosUnsupportedException extends UnsupportedOperationException implements EnosError {
    private static final long serialVersionUID = 1L;

    private final ErrorKind kind;

    EnosUnsupportedException(ErrorKind kind, String message) {
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
