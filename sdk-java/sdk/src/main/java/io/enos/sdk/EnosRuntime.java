package io.enos.sdk;

/**
 * Threads for many clients: give it to their builders. One moves bytes, four run callbacks, up to four dial.
 *
 * <p>A client without one makes its own. The threads end when this is closed and the last client on them is gone.
 */
public final class EnosRuntime implements AutoCloseable {
    private final Handle handle;

    private EnosRuntime(long pointer) {
        handle = new Freeing(pointer);
        EnosClient.Leaks.CLEANER.register(this, new Net(handle));
    }

    /**
     * Makes the threads' home.
     *
     * @throws EnosResourceException if the operating system gives no poller or thread
     */
    public static EnosRuntime create() {
        Loader.load();
        return new EnosRuntime(Native.runtimeNew());
    }

    long enter() {
        long pointer = handle.enter();
        if (pointer == 0) {
            throw new EnosClosedException(ErrorKind.CLOSED, "the runtime was closed. Make a new one.");
        }
        return pointer;
    }

    void exit() {
        handle.exit();
    }

    /** Lets go of the threads; clients on them live on. Closing twice is fine. */
    @Override
    public void close() {
        handle.close();
    }

    private static final class Freeing extends Handle {
        Freeing(long pointer) {
            super(pointer);
        }

        @Override
        void free(long pointer) {
            Native.runtimeFree(pointer);
        }
    }

    private static final class Net implements Runnable {
        private final Handle handle;

        Net(Handle handle) {
            this.handle = handle;
        }

        @Override
        public void run() {
            handle.close();
        }
    }
}
