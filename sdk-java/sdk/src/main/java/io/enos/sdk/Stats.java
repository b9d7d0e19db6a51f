package io.enos.sdk;

/** Counters since the client was made; the same names in every language. */
public final class Stats {
    static final int COUNT = 19;

    private final long[] numbers;

    Stats(long[] numbers) {
        this.numbers = numbers;
    }

    /** Bytes sent. */
    public long bytesSent() {
        return numbers[0];
    }

    /** Bytes received. */
    public long bytesReceived() {
        return numbers[1];
    }

    /** Messages sent: posts and answers, repetitions included. */
    public long messagesSent() {
        return numbers[2];
    }

    /** Messages received: replies and commands. */
    public long messagesReceived() {
        return numbers[3];
    }

    /** Messages that were sent again after a lost link. */
    public long retries() {
        return numbers[4];
    }

    /** Times that the client came online after its first. */
    public long reconnects() {
        return numbers[5];
    }

    /** Requests that the hub accepted. */
    public long acknowledged() {
        return numbers[6];
    }

    /** Requests that the hub rejected. */
    public long rejected() {
        return numbers[7];
    }

    /** Requests that failed: time-out, offline, closed. */
    public long failed() {
        return numbers[8];
    }

    /** Messages dropped because they were larger than the limits. */
    public long droppedOversize() {
        return numbers[9];
    }

    /** Messages dropped because no feature knows their topic. */
    public long droppedUnknown() {
        return numbers[10];
    }

    /** Messages dropped because they were malformed. */
    public long droppedMalformed() {
        return numbers[11];
    }

    /** Replies that belonged to no open request. */
    public long droppedStray() {
        return numbers[12];
    }

    /** Answers lost with their link, or refused offline. */
    public long droppedAnswers() {
        return numbers[13];
    }

    /** Requests open now. */
    public long openRequests() {
        return numbers[14];
    }

    /** Bytes of messages waiting now. */
    public long queuedBytes() {
        return numbers[15];
    }

    /** CoAP: datagrams sent, repetitions and DTLS included. */
    public long datagramsSent() {
        return numbers[16];
    }

    /** CoAP: datagrams received. */
    public long datagramsReceived() {
        return numbers[17];
    }

    /** CoAP: milliseconds during which an answer was waited for; as long the radio had to be on. */
    public long radioOnMs() {
        return numbers[18];
    }
}
