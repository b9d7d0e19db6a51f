package io.enos.mockhub;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A hub in a process of its own, on free ports of 127.0.0.1, with all its state in memory: starts in some milliseconds,
 * and leaves nothing behind when it is closed.
 */
public final class MockHub implements AutoCloseable {
    private static final int LINES = 200;

    private final Process process;
    private final String mqtt;
    private final String mqtts;
    private final String coap;
    private final String http;
    private final String caPem;
    private final Thread errorReader;
    private final List<String> errors = new ArrayList<>();

    private MockHub(Process process) throws IOException {
        this.process = process;
        errorReader = new Thread(this::keepErrors, "enos-mock-hub");
        errorReader.setDaemon(true);
        errorReader.start();
        BufferedReader output = new BufferedReader(new InputStreamReader(process.getInputStream(), UTF_8));
        String ready = output.readLine();
        if (ready == null) {
            throw new IOException("the hub did not start: " + errorText());
        }
        mqtt = field(ready, "mqtt");
        mqtts = field(ready, "mqtts");
        coap = field(ready, "coap");
        http = field(ready, "http");
        caPem = field(ready, "ca_pem");
    }

    /** A hub with the devices of the example seed. */
    public static MockHub start() {
        return builder().start();
    }

    /** Starts making a hub. */
    public static Builder builder() {
        return new Builder();
    }

    /** What a seed looks like: models, products and devices, as JSON; that of a hub that is given none. */
    public static String exampleSeed() {
        try {
            Process process = new ProcessBuilder(Program.path().toString(), "seed", "--example").start();
            process.getOutputStream().close();
            String seed = new String(process.getInputStream().readAllBytes(), UTF_8);
            if (process.waitFor() != 0) {
                throw new IOException("the hub gives no seed: " + new String(process.getErrorStream().readAllBytes(), UTF_8));
            }
            return seed;
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while the hub gave its seed", interrupted);
        }
    }

    /** Where devices connect in clear: {@code tcp://127.0.0.1:PORT}. */
    public URI url() {
        return URI.create("tcp://" + mqtt);
    }

    /** Where devices connect with TLS: {@code ssl://127.0.0.1:PORT}. Trust {@link #caPem()}. */
    public URI tlsUrl() {
        return URI.create("ssl://" + mqtts);
    }

    /** Where small devices go in clear: {@code coap://127.0.0.1:PORT}. */
    public URI coapUrl() {
        return URI.create("coap://" + coap);
    }

    /** Where its REST interface and its page are: {@code http://127.0.0.1:PORT}. */
    public URI http() {
        return URI.create(http);
    }

    /** The certificate of its CA. */
    public String caPem() {
        return caPem;
    }

    /** What has happened at the hub, a JSON document of its newest entries. */
    public String journal() {
        return get("/hub/v1/journal?limit=1000");
    }

    /** Asks its REST interface; the answer's text. */
    public String get(String path) {
        return call("GET", path, null);
    }

    /** Sends JSON to its REST interface; the answer's text. */
    public String post(String path, String json) {
        return call("POST", path, json);
    }

    /** Whether its process runs. */
    public boolean isRunning() {
        return process.isAlive();
    }

    private String call(String method, String path, String json) {
        try {
            HttpURLConnection connection = (HttpURLConnection) URI.create(http + path).toURL().openConnection();
            connection.setRequestMethod(method);
            connection.setConnectTimeout(10_000);
            connection.setReadTimeout(60_000);
            if (json != null) {
                connection.setDoOutput(true);
                connection.setRequestProperty("Content-Type", "application/json");
                try (OutputStream to = connection.getOutputStream()) {
                    to.write(json.getBytes(UTF_8));
                }
            }
            boolean failed = connection.getResponseCode() >= 400;
            try (InputStream from = failed ? connection.getErrorStream() : connection.getInputStream()) {
                return from == null ? "" : new String(from.readAllBytes(), UTF_8);
            }
        } catch (IOException failure) {
            throw new UncheckedIOException(method + " " + path + ": " + failure.getMessage(), failure);
        }
    }

    private void keepErrors() {
        BufferedReader reader = new BufferedReader(new InputStreamReader(process.getErrorStream(), UTF_8));
        try {
            for (String line = reader.readLine(); line != null; line = reader.readLine()) {
                synchronized (errors) {
                    if (errors.size() == LINES) {
                        errors.remove(0);
                    }
                    errors.add(line);
                }
            }
        } catch (IOException ended) {
            // Its process is gone.
        }
    }

    private String errorText() {
        try {
            process.waitFor(5, TimeUnit.SECONDS);
            errorReader.join(5_000);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
        }
        synchronized (errors) {
            return String.join("\n", errors);
        }
    }

    /** A text of the line that says "ready"; it is flat, and what is escaped in it is line ends. */
    private static String field(String ready, String name) throws IOException {
        Matcher found = Pattern.compile("\"" + name + "\":\"((?:[^\"\\\\]|\\\\.)*)\"").matcher(ready);
        if (!found.find()) {
            throw new IOException("the hub tells no " + name + ": " + ready);
        }
        return found.group(1).replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\");
    }

    /** Ends the process, and waits for its end. */
    @Override
    public void close() {
        process.destroy();
        try {
            if (!process.waitFor(10, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException interrupted) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
    }

    /** Makes a hub. */
    public static final class Builder {
        private String seed;
        private boolean strict;

        private Builder() {}

        /** What the hub knows at its start, as JSON; {@link #exampleSeed()} shows the form. Default: that. */
        public Builder seed(String json) {
            this.seed = json;
            return this;
        }

        /** Refuses what the real cloud refuses, instead of warning; default false. */
        public Builder strict(boolean strict) {
            this.strict = strict;
            return this;
        }

        /** Starts it; returns when it takes connections. */
        public MockHub start() {
            Path file = null;
            try {
                String wanted = seed == null ? exampleSeed() : seed;
                file = Files.createTempFile("enos-", "-seed.json");
                Files.writeString(file, wanted);
                List<String> command = new ArrayList<>(List.of(Program.path().toString(), "serve", "--memory", "--seed",
                        file.toString()));
                for (String listener : List.of("--mqtt", "--mqtts", "--coap", "--http", "--https")) {
                    command.add(listener);
                    command.add("127.0.0.1:0");
                }
                if (strict) {
                    command.add("--strict");
                }
                Process process = new ProcessBuilder(command).start();
                process.getOutputStream().close();
                try {
                    return new MockHub(process);
                } catch (IOException | RuntimeException failure) {
                    process.destroyForcibly();
                    throw failure;
                }
            } catch (IOException failure) {
                throw new UncheckedIOException(failure.getMessage(), failure);
            } finally {
                if (file != null && !file.toFile().delete()) {
                    file.toFile().deleteOnExit();
                }
            }
        }
    }
}
