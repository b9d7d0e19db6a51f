package io.enos.sdk;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Executor;

/**
 * The side of a client that the native half holds: who waits, who handles, and where callbacks run.
 *
 * <p>It does not hold the client, so a client that nobody refers to can be found by the collector; handlers and futures
 * that wait do hold it.
 */
final class Session {
    private final String name;
    private final Slots slots = new Slots();
    private final ConcurrentHashMap<Integer, Handler> handlers = new ConcurrentHashMap<>(4);
    private final SerialExecutor executor;
    private int numbers;

    Session(String name, Executor executor) {
        this.name = name;
        this.executor = executor == null ? null : new SerialExecutor(executor);
    }

    String name() {
        return name;
    }

    int await(Answer<?> answer) {
        return slots.put(answer);
    }

    /** The call that would have told the answer did not begin. */
    void forget(int slot) {
        slots.take(slot);
    }

    synchronized int add(Handler handler) {
        int number = ++numbers;
        handlers.put(number, handler);
        return number;
    }

    void released(int number) {
        handlers.remove(number);
    }

    void settled(int slot, long told) {
        Answer<?> answer = slots.take(slot);
        if (executor == null) {
            answer.settle(told);
        } else {
            executor.execute(() -> answer.settle(told));
        }
    }

    void failed(int slot, RuntimeException error) {
        Answer<?> answer = slots.take(slot);
        if (executor == null) {
            answer.completeExceptionally(error);
        } else {
            executor.execute(() -> answer.completeExceptionally(error));
        }
    }

    void command(int number, long responder, byte[] params) {
        Handler handler = handlers.get(number);
        if (handler == null) {
            Native.abandon(responder);
        } else if (executor == null) {
            handler.command(responder, params);
        } else {
            executor.execute(() -> handler.command(responder, params));
        }
    }

    void lifecycle(int number, Lifecycle step) {
        Handler handler = handlers.get(number);
        if (handler == null) {
            return;
        }
        if (executor == null) {
            handler.lifecycle(step);
        } else {
            executor.execute(() -> handler.lifecycle(step));
        }
    }

    /** Waits until the program's own executor has run what the client gave it; not from within. */
    boolean awaitIdle(long deadlineNanos) {
        return executor == null || executor.awaitIdle(deadlineNanos);
    }
}
