package io.enos.sdk;

import java.util.ArrayDeque;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;

/** Runs a client's callbacks on an executor of the program, in order and one at a time. */
final class SerialExecutor implements Runnable {
    private final Executor executor;
    private final ArrayDeque<Runnable> waiting = new ArrayDeque<>();
    private boolean scheduled;
    private volatile Thread running;

    SerialExecutor(Executor executor) {
        this.executor = executor;
    }

    void execute(Runnable callback) {
        synchronized (this) {
            waiting.add(callback);
            if (scheduled) {
                return;
            }
            scheduled = true;
        }
        try {
            executor.execute(this);
        } catch (RejectedExecutionException refused) {
            // Nothing is dropped in silence: what its executor refuses runs on the SDK's own thread.
            Log.warn("the executor refuses callbacks; they run on the SDK's thread", refused);
            run();
        }
    }

    @Override
    public void run() {
        running = Thread.currentThread();
        for (Runnable next = next(); next != null; next = next()) {
            try {
                next.run();
            } catch (Throwable failure) {
                Log.warn("a callback failed", failure);
            }
        }
    }

    private synchronized Runnable next() {
        Runnable next = waiting.poll();
        if (next == null) {
            scheduled = false;
            running = null;
            notifyAll();
        }
        return next;
    }

    synchronized boolean awaitIdle(long deadlineNanos) {
        while (scheduled && running != Thread.currentThread()) {
            long left = deadlineNanos - System.nanoTime();
            if (left <= 0) {
                return false;
            }
            try {
                TimeUnit.NANOSECONDS.timedWait(this, left);
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }
}
