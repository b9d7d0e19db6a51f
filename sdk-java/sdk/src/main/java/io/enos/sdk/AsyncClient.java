package io.enos.sdk;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/** The verbs of a client that wait, as futures. */
public final class AsyncClient extends AsyncDevice {
    AsyncClient(EnosClient client) {
        super(client);
    }

    /** As {@link EnosClient#connect(Duration)}. */
    public CompletableFuture<Void> connect(Duration timeout) {
        return client.submitConnect(timeout);
    }

    /** As {@link EnosClient#sleep(Duration)}. */
    public CompletableFuture<WakeReport> sleep(Duration timeout) {
        return client.submitSleep(timeout);
    }

    /** As {@link EnosClient#close(Duration)}; completed as the client's last callback. */
    public CompletableFuture<Void> close(Duration timeout) {
        return client.submitClose(timeout);
    }

    /** As {@link EnosClient#doctor(Duration)}. */
    public CompletableFuture<DoctorReport> doctor(Duration timeout) {
        return client.submitDoctor(timeout);
    }
}
