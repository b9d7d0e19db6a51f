package io.enos.sdk;

import java.util.function.Consumer;

/** A registered handler: the program's code, and the client that it keeps alive. */
final class Handler {
    private final EnosClient client;
    private final Invocation.Kind kind;
    private final String identifier;
    private final CommandHandler command;
    private final Consumer<? super Lifecycle> lifecycle;

    Handler(EnosClient client, Invocation.Kind kind, String identifier, CommandHandler command) {
        this.client = client;
        this.kind = kind;
        this.identifier = identifier;
        this.command = command;
        this.lifecycle = null;
    }

    Handler(EnosClient client, Consumer<? super Lifecycle> lifecycle) {
        this.client = client;
        this.kind = null;
        this.identifier = "";
        this.command = null;
        this.lifecycle = lifecycle;
    }

    void command(long pointer, byte[] params) {
        Responder reply = new Responder(pointer, client);
        try {
            command.handle(new Invocation(client, kind, identifier, params), reply);
        } catch (Throwable failure) {
            reply.close();
            Log.warn(client + ": the handler of " + (identifier.isEmpty() ? kind : identifier) + " failed", failure);
            if (failure instanceof InterruptedException) {
                Thread.currentThread().interrupt();
            }
        } finally {
            reply.returned();
        }
    }

    void lifecycle(Lifecycle step) {
        try {
            lifecycle.accept(step);
        } catch (Throwable failure) {
            Log.warn(client + ": a lifecycle handler failed", failure);
        }
    }
}
