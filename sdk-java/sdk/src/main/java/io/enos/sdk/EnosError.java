package io.enos.sdk;

/**
 * What every failure of the SDK tells, whichever class of exception it is.
 *
 * <p>Most are an {@link EnosException}; those that the JDK has a class for (wrong argument, wrong state, unsupported,
 * closed) derive from that class instead, so {@code catch (IllegalArgumentException e)} works as everywhere.
 */
public interface EnosError {
    /** The stable kind; its number is the same in every language. */
    ErrorKind kind();

    /** The hub's code as it was sent; 0 where the hub said nothing. */
    long hubCode();

    /** Whether the same call may succeed later without anybody changing anything. */
    boolean retryable();

    /** Thing, cause and next step, for people. Never holds a secret. */
    String message();
}
