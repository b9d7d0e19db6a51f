package io.enos.sdk;

/** Makes the exception of each kind. */
final class Errors {
    private Errors() {}

    static RuntimeException of(int number, long hubCode, boolean retryable, String message) {
        ErrorKind kind = ErrorKind.find(number);
        if (kind == null) {
            return new EnosInternalException(ErrorKind.INTERNAL, hubCode, retryable, message);
        }
        switch (kind) {
            case INVALID_ARGUMENT:
                return new EnosInvalidArgumentException(kind, message);
            case INVALID_STATE:
                return new EnosInvalidStateException(kind, message);
            case UNSUPPORTED:
                return new EnosUnsupportedException(kind, message);
            case CLOSED:
                return new EnosClosedException(kind, message);
            case TIMEOUT:
                return new EnosTimeoutException(kind, hubCode, retryable, message);
            default:
        }
        switch (number / 100) {
            case 2:
                return new EnosResourceException(kind, hubCode, retryable, message);
            case 3:
                return new EnosLinkException(kind, hubCode, retryable, message);
            case 4:
                return new EnosAuthException(kind, hubCode, retryable, message);
            case 5:
                return new EnosProtocolException(kind, hubCode, retryable, message);
            case 6:
                return new EnosHubException(kind, hubCode, retryable, message);
            case 7:
                return new EnosOtaException(kind, hubCode, retryable, message);
            default:
                return new EnosInternalException(kind, hubCode, retryable, message);
        }
    }

    static EnosInvalidArgumentException invalid(String message) {
        return new EnosInvalidArgumentException(ErrorKind.INVALID_ARGUMENT, message);
    }

    static EnosClosedException closed(String what) {
        return new EnosClosedException(ErrorKind.CLOSED, what + " refused: the client was closed. Make a new client.");
    }
}
