package io.enos.sdk;

import java.time.Instant;
import java.util.Map;

/** A device and its verbs. Every method may be called from every thread, callbacks too. */
public interface Device {
    /** The product's key. */
    String productKey();

    /** The device's key. */
    String deviceKey();

    /**
     * Posts points measured now, and waits for the hub's reply, 10 s at the most.
     *
     * <p>A value is a number, a boolean, a text, a list, a map, null, or one of these as a {@link Point} with its quality.
     * All points are of one moment. While the queue is full it waits for room.
     *
     * @throws EnosHubException with the hub's code, if it refuses them
     * @throws EnosTimeoutException if no reply came in time
     * @throws EnosLinkException if there was no connection in time
     */
    Delivery postMeasurepoints(Map<String, ?> points);

    /** As {@link #postMeasurepoints(Map)}, for points measured at this time. */
    Delivery postMeasurepoints(Map<String, ?> points, Instant time);

    /**
     * As {@link #postMeasurepoints(Map)}, with options. Without waiting it fails with {@link ErrorKind#QUEUE_FULL} while
     * there is no room, and otherwise returns at once.
     */
    Delivery postMeasurepoints(Map<String, ?> points, PostOptions options);

    /**
     * Calls the handler for each invocation of this service, in place of an earlier handler. Without one the hub is
     * answered with 1101.
     */
    Registration onService(String identifier, CommandHandler handler);

    /** Calls the handler when the hub sets measurepoints; as {@link #onService}. */
    Registration onMeasurepointSet(CommandHandler handler);

    /** Calls the handler when the hub reads measurepoints; as {@link #onService}. */
    Registration onMeasurepointGet(CommandHandler handler);

    /** The same verbs as futures. */
    AsyncDevice async();
}
