package io.enos.sdk;

/** A handler that was registered. Forgetting this leaves the handler in place until the client is closed. */
public final class Registration implements AutoCloseable {
    private final EnosClient client;
    private final int number;

    Registration(EnosClient client, int number) {
        this.client = client;
        this.number = number;
    }

    /** Takes the handler away, unless another has taken its place. A call that runs goes on. Closing twice is fine. */
    @Override
    public void close() {
        client.unregister(number);
    }
}
