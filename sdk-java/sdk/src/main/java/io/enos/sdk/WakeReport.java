package io.enos.sdk;

/** What a device did between two sleeps, as UDP payload: DTLS included, IP and UDP headers not. */
public final class WakeReport {
    static final int COUNT = 5;

    private final long[] numbers;

    WakeReport(long[] numbers) {
        this.numbers = numbers;
    }

    /** Datagrams sent, repetitions included. */
    public long datagramsSent() {
        return numbers[0];
    }

    /** Datagrams received. */
    public long datagramsReceived() {
        return numbers[1];
    }

    /** Bytes sent. */
    public long bytesSent() {
        return numbers[2];
    }

    /** Bytes received. */
    public long bytesReceived() {
        return numbers[3];
    }

    /** Milliseconds during which an answer was waited for; as long the radio had to be on. */
    public long radioOnMs() {
        return numbers[4];
    }

    @Override
    public String toString() {
        return datagramsSent() + " datagrams (" + bytesSent() + " bytes) sent, " + datagramsReceived() + " ("
                + bytesReceived() + " bytes) received, radio on for " + radioOnMs() + " ms";
    }
}
