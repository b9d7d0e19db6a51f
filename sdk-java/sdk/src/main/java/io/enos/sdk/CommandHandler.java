package io.enos.sdk;

/** Handles a command of the hub. */
@FunctionalInterface
public interface CommandHandler {
    /**
     * Handles one command, on the client's callback thread or its executor.
     *
     * <p>Answer it through {@code reply} before this returns, or call {@link Responder#later()} and answer from any thread.
     * What is neither answered nor kept, and what ends with an exception, is answered with 1102. It may wait and may call
     * anything, {@link EnosClient#close()} too.
     */
    void handle(Invocation call, Responder reply) throws Exception;
}
