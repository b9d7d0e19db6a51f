package io.enos.sdk;

/** The fate of a post. */
public final class Delivery {
    /** What became of it. */
    public enum Fate {
        /** The hub has accepted it. */
        ACKNOWLEDGED,
        /**
         * It was taken, and the caller did not wait. It is sent as soon as there is a connection, and sent again after a
         * lost one; if its time runs out, that is logged and counted only.
         */
        QUEUED,
        /** A fate that this version of the Java side does not know. */
        OTHER,
    }

    private final long told;

    private Delivery(long told) {
        this.told = told;
    }

    static Delivery of(long told) {
        return new Delivery(told);
    }

    /** What became of it. */
    public Fate fate() {
        long kind = told >>> 32;
        return kind == 0 ? Fate.ACKNOWLEDGED : kind == 1 ? Fate.QUEUED : Fate.OTHER;
    }

    /** The request's number, which is also the id of the message on the wire. */
    public long request() {
        return told & 0xFFFFFFFFL;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Delivery && ((Delivery) other).told == told;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(told);
    }

    @Override
    public String toString() {
        return "Delivery[" + fate() + " " + request() + "]";
    }
}
