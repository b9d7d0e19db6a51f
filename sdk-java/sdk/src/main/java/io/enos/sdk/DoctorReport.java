package io.enos.sdk;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;

/** What {@link EnosClient#doctor(Duration)} found. Holds no secret. */
public final class DoctorReport {
    private final boolean healthy;
    private final boolean complete;
    private final int exitCode;
    private final String hub;
    private final String device;
    private final String session;
    private final String text;
    private final String json;
    private final Duration duration;
    private final List<Step> steps;

    DoctorReport(byte[] bytes) {
        Decoder told = new Decoder(bytes);
        healthy = told.u8() != 0;
        complete = told.u8() != 0;
        exitCode = told.u8();
        hub = told.text();
        device = told.text();
        session = told.text();
        text = told.text();
        json = told.text();
        duration = Duration.ofMillis(told.i64());
        List<Step> read = new ArrayList<>();
        while (!told.isEmpty()) {
            read.add(new Step(told));
        }
        steps = Collections.unmodifiableList(read);
    }

    /** Whether no step failed. Warnings do not count. */
    public boolean healthy() {
        return healthy;
    }

    /** Whether the whole way was walked: sign-in and reply, too. */
    public boolean complete() {
        return complete;
    }

    /**
     * For a program's end: 0 if healthy, else by the step that failed first: 10 configuration, 11 name, 12 tcp, 13 proxy,
     * 14 clock, 15 tls, 16 sign_in, 17 reply; over CoAP 12 is reach.
     */
    public int exitCode() {
        return exitCode;
    }

    /** The step that failed first. */
    public Optional<Step> failure() {
        return steps.stream().filter(step -> step.status().equals("failed")).findFirst();
    }

    /** All steps, in the order of the way. */
    public List<Step> steps() {
        return steps;
    }

    /** The hub's URL. */
    public String hub() {
        return hub;
    }

    /** Product key and device key, as {@code pk/dk}. */
    public String device() {
        return device;
    }

    /**
     * Whose session sign-in and reply went through: {@code none}, {@code live} (the client's, which was up),
     * {@code joined} (the client's, which was asked to connect), {@code own} (one of the doctor, for a moment).
     */
    public String session() {
        return session;
    }

    /** How long all of it took. */
    public Duration duration() {
        return duration;
    }

    /** For people: the verdict with why and what to do, then each step. */
    public String text() {
        return text;
    }

    /**
     * For programs: one JSON object on one line, with {@code healthy complete exit_code hub device session duration_ms
     * failure steps}; a step has {@code step status cause error_kind hub_code detail next duration_ms}.
     */
    public String json() {
        return json;
    }

    /** As {@link #text()}. */
    @Override
    public String toString() {
        return text;
    }

    /** One step of a diagnosis. */
    public static final class Step {
        private final String step;
        private final String status;
        private final String cause;
        private final int kind;
        private final long hubCode;
        private final String detail;
        private final String next;
        private final Duration duration;

        private Step(Decoder told) {
            step = told.text();
            status = told.text();
            cause = told.text();
            kind = (int) told.i64();
            hubCode = told.i64();
            detail = told.text();
            next = told.text();
            duration = Duration.ofMillis(told.i64());
        }

        /** Its name: {@code configuration name tcp proxy clock tls sign_in reply}; over CoAP {@code reach}, not {@code tcp}. */
        public String step() {
            return step;
        }

        /** {@code ok}, {@code warning}, {@code failed} or {@code skipped}. */
        public String status() {
            return status;
        }

        /** What is wrong, as a stable code such as {@code hub_certificate_expired}; empty if nothing is. */
        public String cause() {
            return cause;
        }

        /** The kind of error that a connect or a post would end with. */
        public Optional<ErrorKind> kind() {
            return kind == 0 ? Optional.empty() : Optional.of(ErrorKind.of(kind));
        }

        /** The hub's code as it was sent; 0 where the hub said nothing. */
        public long hubCode() {
            return hubCode;
        }

        /** What was found. */
        public String detail() {
            return detail;
        }

        /** What to do; empty if there is nothing to do. */
        public String next() {
            return next;
        }

        /** How long it took; zero where it was not tried. */
        public Duration duration() {
            return duration;
        }

        /** Name, status and what was found. */
        @Override
        public String toString() {
            return step + " " + status + ": " + detail;
        }
    }
}
