package io.enos.sdk;

import java.util.concurrent.atomic.AtomicLong;

/**
 * A native thing and the count of calls in flight on it: {@link #close} marks it, and the last call frees it.
 *
 * <p>So no call ever sees freed memory, whatever other threads do.
 */
abstract class Handle {
    private static final long CLOSED = Long.MIN_VALUE;
    private static final AtomicLong OPEN = new AtomicLong();

    private final long pointer;
    /** Calls in flight; with {@link #CLOSED} once it is closed. */
    private final AtomicLong state = new AtomicLong();

    Handle(long pointer) {
        this.pointer = pointer;
        OPEN.incrementAndGet();
    }

    /** How many native things this program holds; for tests. */
    static long open() {
        return OPEN.get();
    }

    /** Begins a call. The pointer is good until {@link #exit}; 0 if it was closed, and then there is no exit. */
    final long enter() {
        long calls = state.get();
        while (calls >= 0) {
            if (state.compareAndSet(calls, calls + 1)) {
                return pointer;
            }
            calls = state.get();
        }
        return 0;
    }

    /** Ends a call. */
    final void exit() {
        if (state.decrementAndGet() == CLOSED) {
            end();
        }
    }

    /** Takes no more calls; frees it now, or at the end of the last call. False if that was done before. */
    final boolean close() {
        long calls = state.get();
        while (calls >= 0) {
            if (state.compareAndSet(calls, calls | CLOSED)) {
                if (calls == 0) {
                    end();
                }
                return true;
            }
            calls = state.get();
        }
        return false;
    }

    final boolean isClosed() {
        return state.get() < 0;
    }

    private void end() {
        OPEN.decrementAndGet();
        free(pointer);
    }

    abstract void free(long pointer);
}
