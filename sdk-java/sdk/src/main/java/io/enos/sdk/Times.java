package io.enos.sdk;

import java.time.Duration;

/** Durations as milliseconds. */
final class Times {
    private Times() {}

    /** What is longer than a long can say is as long as it can; a negative one is refused. */
    static long millis(Duration duration) {
        if (duration == null || duration.isNegative()) {
            throw Errors.invalid("a duration is " + duration + ". Give one that is not negative.");
        }
        return duration.getSeconds() > Long.MAX_VALUE / 2000 ? Long.MAX_VALUE : duration.toMillis();
    }
}
