package io.enos.sdk;

import java.io.File;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;

/** Programs of {@link ProcessTest}: a stage, how to end there, and a hub. */
public final class Program {
    private Program() {}

    public static void main(String[] arguments) throws Exception {
        String stage = arguments[0];
        Runnable end = end(arguments[1]);
        if (stage.equals("two-loaders")) {
            twoLoaders();
            return;
        }
        EnosClient client;
        try {
            client = builder(arguments[2]).build();
        } catch (EnosUnsupportedException first) {
            try {
                builder(arguments[2]).build();
            } catch (EnosUnsupportedException second) {
                System.out.println("and again: " + second.getMessage().equals(first.getMessage()));
            }
            throw first;
        }
        CountDownLatch reached = new CountDownLatch(1);
        switch (stage) {
            case "built":
                break;
            case "connecting":
                client.async().connect(Duration.ofHours(1));
                break;
            case "online":
                client.connect(Duration.ofSeconds(30));
                break;
            case "posting":
                client.connect(Duration.ofSeconds(30));
                for (int post = 0; post < 500; post++) {
                    client.async().postMeasurepoints(Map.of("temp", 1)).thenRun(reached::countDown);
                }
                reached.await();
                break;
            case "in-callback":
                client.onLifecycle(step -> {
                    reached.countDown();
                    try {
                        Thread.sleep(3_600_000);
                    } catch (InterruptedException woken) {
                        Thread.currentThread().interrupt();
                    }
                });
                client.async().connect(Duration.ofSeconds(30));
                reached.await();
                break;
            case "in-close":
                client.connect(Duration.ofSeconds(30));
                for (int post = 0; post < 500; post++) {
                    client.async().postMeasurepoints(Map.of("temp", 1));
                }
                client.async().close(Duration.ofSeconds(10));
                break;
            case "locks":
                locks(client);
                break;
            default:
                throw new IllegalArgumentException(stage);
        }
        end.run();
    }

    private static EnosClient.Builder builder(String hub) {
        return EnosClient.builder().hub(hub).login(Login.deviceSecret("Tq4zR9Lw", "t-1", "u8Yp2QvKs0t1"));
    }

    private static Runnable end(String how) {
        switch (how) {
            case "exit":
                return () -> System.exit(3);
            case "halt":
                return () -> Runtime.getRuntime().halt(3);
            default:
                return () -> {};
        }
    }

    /** Called by another class loader. */
    public static String post(String hub) {
        try (EnosClient client = builder(hub).build()) {
            client.connect(Duration.ofSeconds(30));
            return client.postMeasurepoints(Map.of("temp", 1)).fate().toString();
        }
    }

    /** Posts under a lock that callbacks want too, from many threads, while the collector runs. */
    private static void locks(EnosClient client) throws InterruptedException {
        Object lock = new Object();
        CountDownLatch settled = new CountDownLatch(400);
        client.onLifecycle(step -> {
            synchronized (lock) {
                System.out.println(step);
            }
        });
        client.connect(Duration.ofSeconds(30));
        List<Thread> threads = new ArrayList<>();
        for (int number = 0; number < 4; number++) {
            Thread thread = new Thread(() -> {
                for (int post = 0; post < 100; post++) {
                    synchronized (lock) {
                        client.async().postMeasurepoints(Map.of("temp", 1)).thenRun(() -> {
                            synchronized (lock) {
                                settled.countDown();
                            }
                        });
                        // Waits for the hub while the callbacks wait for the lock.
                        client.postMeasurepoints(Map.of("temp", 2));
                    }
                    if (post % 10 == 0) {
                        System.gc();
                    }
                }
            });
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        settled.await();
        client.close(Duration.ofSeconds(30));
        System.out.println("no dead lock");
    }

    private static void twoLoaders() throws Exception {
        Loader.load();
        List<URL> path = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            path.add(new File(entry).toURI().toURL());
        }
        try (URLClassLoader other = new URLClassLoader(path.toArray(new URL[0]), ClassLoader.getPlatformClassLoader())) {
            Class<?> program = other.loadClass(Program.class.getName());
            try {
                program.getMethod("post", String.class).invoke(null, "tcp://h:1");
            } catch (java.lang.reflect.InvocationTargetException failed) {
                System.out.println(failed.getCause());
            }
        }
    }
}
