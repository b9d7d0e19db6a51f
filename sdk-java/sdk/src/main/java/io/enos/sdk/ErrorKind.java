package io.enos.sdk;

/** What kind of thing went wrong: the one table of all languages. Numbers are stable and never reused. */
public enum ErrorKind {
    /** An argument of the call is wrong. */
    INVALID_ARGUMENT(101, false),
    /** The call does not fit the state the client is in. */
    INVALID_STATE(102, false),
    /** EnOS, this transport or this build does not offer it. */
    UNSUPPORTED(103, false),
    /** The client was closed. */
    CLOSED(104, false),
    /** The caller's buffer is too small. */
    BUFFER_TOO_SMALL(201, false),
    /** As many requests are open, or as many bytes wait, as the limits allow. */
    QUEUE_FULL(202, true),
    /** A secret or a buffered message could not be stored. */
    STORAGE_FAILED(203, true),
    /** Memory ran out. */
    OUT_OF_MEMORY(204, true),
    /** The host name has no address. */
    RESOLVE_FAILED(301, true),
    /** No connection to the hub came up. */
    CONNECT_FAILED(302, true),
    /** The TLS handshake failed. */
    TLS_FAILED(303, false),
    /** The connection is gone, or was not there. */
    LINK_LOST(304, true),
    /** No answer came in time. */
    TIMEOUT(305, true),
    /** The hub refused the signature or does not know the identity it belongs to. */
    SIGNATURE_REJECTED(401, false),
    /** The hub does not know the device. */
    DEVICE_UNKNOWN(402, false),
    /** The device is disabled in the cloud. */
    DEVICE_DISABLED(403, false),
    /** The hub does not activate this device. */
    ACTIVATION_REFUSED(404, false),
    /** The identity may not do this. */
    NOT_AUTHORIZED(405, false),
    /** The peer sent bytes that break the protocol. */
    MALFORMED(501, true),
    /** The peer sent a packet that does not belong here. */
    UNEXPECTED_PACKET(502, true),
    /** The hub answered with a code that is no success. */
    HUB_REJECTED(601, false),
    /** The hub asks for fewer messages. */
    RATE_LIMITED(602, true),
    /** The message is larger than hub or limits allow. */
    PAYLOAD_TOO_LARGE(603, false),
    /** The message does not fit the thing model. */
    MODEL_MISMATCH(604, false),
    /** The firmware could not be downloaded. */
    DOWNLOAD_FAILED(701, true),
    /** The firmware's digest is wrong. */
    VERIFY_FAILED(702, false),
    /** The firmware could not be written. */
    WRITE_FAILED(703, false),
    /** The device declined the firmware. */
    DECLINED(704, false),
    /** A bug of this SDK. */
    INTERNAL(900, false);

    private final int number;
    private final boolean retryable;

    ErrorKind(int number, boolean retryable) {
        this.number = number;
        this.retryable = retryable;
    }

    /** The kind's stable number. */
    public int number() {
        return number;
    }

    /** Whether the same call may succeed later without anybody changing anything. */
    public boolean retryable() {
        return retryable;
    }

    /** The next step for whoever reads the error. */
    public String hint() {
        Loader.load();
        return Text.of(Native.hint(number));
    }

    /**
     * The kind with this number.
     *
     * @throws EnosInvalidArgumentException if there is none
     */
    public static ErrorKind of(int number) {
        ErrorKind kind = find(number);
        if (kind == null) {
            throw new EnosInvalidArgumentException(INVALID_ARGUMENT, "no kind of error has the number " + number + ".");
        }
        return kind;
    }

    static ErrorKind find(int number) {
        for (ErrorKind kind : values()) {
            if (kind.number == number) {
                return kind;
            }
        }
        return null;
    }
}
