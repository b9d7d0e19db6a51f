package io.enos.sdk;

import java.time.Instant;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/**
 * The verbs of a device that wait, as futures. None of them waits.
 *
 * <p>A future is completed once, on the client's callback thread or its executor, with a failure as its exception.
 * What is wrong with the arguments is thrown at once. Cancelling a future stops nothing: the post goes on.
 */
public class AsyncDevice {
    final EnosClient client;

    AsyncDevice(EnosClient client) {
        this.client = client;
    }

    /**
     * Posts points measured now.
     *
     * @throws EnosResourceException at once, of kind {@link ErrorKind#QUEUE_FULL}, while there is no room
     */
    public CompletableFuture<Delivery> postMeasurepoints(Map<String, ?> points) {
        return client.submit(points, PostOptions.DEFAULT);
    }

    /** As {@link #postMeasurepoints(Map)}, for points measured at this time. */
    public CompletableFuture<Delivery> postMeasurepoints(Map<String, ?> points, Instant time) {
        return client.submit(points, PostOptions.DEFAULT.time(time));
    }

    /** As {@link #postMeasurepoints(Map)}, with options. */
    public CompletableFuture<Delivery> postMeasurepoints(Map<String, ?> points, PostOptions options) {
        return client.submit(points, options);
    }
}
