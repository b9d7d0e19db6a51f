package io.enos.sdk;

import java.util.concurrent.CompletableFuture;

/** A future that the native side completes by its slot. It keeps its client alive. */
abstract class Answer<T> extends CompletableFuture<T> {
    /** Held, not used: a client whose answers are awaited is no garbage. */
    final EnosClient client;

    Answer(EnosClient client) {
        this.client = client;
    }

    /** Completes it with what the native side told. */
    abstract void settle(long told);

    /** A post. */
    static final class Post extends Answer<Delivery> {
        Post(EnosClient client) {
            super(client);
        }

        @Override
        void settle(long told) {
            complete(Delivery.of(told));
        }
    }

    /** A sleep. */
    static final class Slept extends Answer<WakeReport> {
        Slept(EnosClient client) {
            super(client);
        }

        @Override
        void settle(long told) {
            long[] numbers = new long[WakeReport.COUNT];
            Native.sleepTake(told, numbers);
            complete(new WakeReport(numbers));
        }
    }

    /** A diagnosis. */
    static final class Diagnosis extends Answer<DoctorReport> {
        Diagnosis(EnosClient client) {
            super(client);
        }

        @Override
        void settle(long told) {
            complete(new DoctorReport(Native.doctorTake(told)));
        }
    }

    /** Something without a result. */
    static final class Done extends Answer<Void> {
        Done(EnosClient client) {
            super(client);
        }

        @Override
        void settle(long told) {
            complete(null);
        }
    }
}
