package io.enos.sdk;

import java.util.Map;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Answers a command, once: before its handler returns, or after {@link #later()} from any thread.
 *
 * <p>An answer waits for room in the queue like a post. It fails with an {@link EnosLinkException} if there is no
 * connection to carry it: the hub has given the command up then. A failure is logged too, so it may be ignored.
 */
public final class Responder implements AutoCloseable {
    private static final byte[] NOTHING = {};

    private final EnosClient client;
    private final Ticket ticket;
    private volatile boolean kept;

    Responder(long pointer, EnosClient client) {
        this.client = client;
        this.ticket = new Ticket(pointer);
    }

    /** Done (200), without outputs. */
    public void ok() {
        send(200, Native.EMPTY, null, 0, NOTHING);
    }

    /** Done (200), with these outputs. */
    public void ok(Map<String, ?> outputs) {
        answer(200, outputs, "");
    }

    /** A code of the device (from 2000 on; 200 is done), and outputs as the text of a JSON object; empty for none. */
    public void json(int code, String outputs) {
        json(code, outputs, "");
    }

    /** As {@link #json(int, String)}, with a text for people. */
    public void json(int code, String outputs, String message) {
        byte[] text = Text.bytes(outputs, "outputs");
        send(code, text.length == 0 ? Native.EMPTY : Native.JSON, text, text.length, Text.bytes(message, "message"));
    }

    /** Not done: a code of the device (from 2000 on), and a text for people. */
    public void fail(int code, String message) {
        send(code, Native.EMPTY, null, 0, Text.bytes(message, "message"));
    }

    /** Any answer: code, outputs, and a text for people. */
    public void answer(int code, Map<String, ?> outputs, String message) {
        if (outputs == null) {
            throw Errors.invalid("outputs is null. Give a map, or call ok().");
        }
        byte[] text = message.isEmpty() ? NOTHING : Text.bytes(message, "message");
        Encoder encoder = Encoder.take();
        try {
            encoder.fields(outputs);
            send(code, Native.VALUES, encoder.bytes(), encoder.length(), text);
        } finally {
            encoder.giveBack();
        }
    }

    private void send(int code, int how, byte[] data, int length, byte[] message) {
        long pointer = ticket.getAndSet(0);
        if (pointer == 0) {
            throw new EnosInvalidStateException(
                    ErrorKind.INVALID_STATE, "answer refused: this command has its answer. Answer each command once.");
        }
        Native.answer(pointer, code, how, data, length, message);
    }

    /**
     * Keeps the command open when its handler returns: answer it later, or {@link #close()} it. One that is lost is
     * answered with 1102 when the collector finds it.
     *
     * @return this
     */
    public Responder later() {
        if (!kept) {
            kept = true;
            EnosClient.Leaks.CLEANER.register(this, ticket);
        }
        return this;
    }

    /** Lets the command go without an answer of its own: it is answered with 1102. Nothing if it was answered. */
    @Override
    public void close() {
        ticket.run();
    }

    /** Its handler has returned. */
    void returned() {
        if (!kept) {
            ticket.run();
        }
    }

    @Override
    public String toString() {
        return "Responder[" + client + "]";
    }

    /** The native responder, until somebody takes it. */
    private static final class Ticket extends AtomicLong implements Runnable {
        private static final long serialVersionUID = 1L;

        Ticket(long pointer) {
            super(pointer);
        }

        @Override
        public void run() {
            long pointer = getAndSet(0);
            if (pointer != 0) {
                Native.abandon(pointer);
            }
        }
    }
}
