package io.enos.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.enos.mockhub.MockHub;
import java.io.File;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What needs a JVM of its own: ends, dead locks, loading. Each has a limit. */
class ProcessTest {
    private static final long LIMIT_S = 120;

    private static String run(int status, List<String> options, String... arguments) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + "/bin/java", "-Xcheck:jni"));
        command.addAll(options);
        if (!options.contains("-cp")) {
            command.addAll(List.of("-cp", System.getProperty("java.class.path")));
        }
        command.add(Program.class.getName());
        command.addAll(List.of(arguments));
        Path output = Files.createTempFile("enos-", ".out");
        try {
            Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile()).start();
            boolean ended = process.waitFor(LIMIT_S, TimeUnit.SECONDS);
            if (!ended) {
                process.destroyForcibly().waitFor();
            }
            String said = Files.readString(output);
            assertTrue(ended, "it hangs: " + said);
            assertEquals(status, process.exitValue(), said);
            assertFalse(said.contains("WARNING in native method") || said.contains("FATAL ERROR"), said);
            return said;
        } finally {
            Files.delete(output);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"built", "online", "posting", "in-callback", "in-close"})
    void theJvmEndsWithALiveClient(String stage) throws Exception {
        try (MockHub hub = MockHub.start()) {
            for (String how : List.of("return", "exit", "halt")) {
                run(how.equals("return") ? 0 : 3, List.of(), stage, how, hub.url().toString());
            }
        }
    }

    @Test
    void theJvmEndsWhileAClientConnects() throws Exception {
        try (ServerSocket silent = new ServerSocket(0)) {
            for (String how : List.of("return", "exit", "halt")) {
                run(how.equals("return") ? 0 : 3, List.of(), "connecting", how, "tcp://127.0.0.1:" + silent.getLocalPort());
            }
        }
    }

    @Test
    void locksOfTheProgramLockNothing() throws Exception {
        try (MockHub hub = MockHub.start()) {
            assertTrue(run(0, List.of(), "locks", "return", hub.url().toString()).contains("no dead lock"));
        }
    }

    @Test
    void aWrongPathIsExplained() throws Exception {
        String said = run(1, List.of("-Dio.enos.sdk.library=/nowhere/libenos_jni.so"), "built", "return", "tcp://h:1");
        for (String word : List.of("EnosUnsupportedException", "/nowhere/libenos_jni.so", "platform: ", "tried:",
                "the jars hold: " + Loader.platform(), "io.enos:enos-sdk:" + Version.TEXT)) {
            assertTrue(said.contains(word), said);
        }
        // The second attempt says the same, and no static initialiser is to blame.
        assertTrue(said.contains("and again: ") && !said.contains("ExceptionInInitializerError"), said);
    }

    @Test
    void aMissingJarIsExplained(@TempDir Path empty) throws Exception {
        String path = List.of(System.getProperty("java.class.path").split(File.pathSeparator)).stream()
                .filter(entry -> !new File(entry, "native").isDirectory()).collect(Collectors.joining(File.pathSeparator));
        String said = run(1, List.of("-cp", path), "built", "return", "tcp://h:1");
        assertTrue(said.contains("native/" + Loader.platform()) && said.contains("the jars hold: none"), said);
        String library = run(1, List.of("-cp", path, "-Djava.library.path=" + broken(empty)), "built", "return", "tcp://h:1");
        assertTrue(library.contains(empty.toString()), library);
    }

    private static Path broken(Path folder) throws IOException {
        Files.writeString(folder.resolve(System.mapLibraryName("enos_jni")), "no library");
        return folder;
    }

    @Test
    void theUnpackedFileIsGone(@TempDir Path folder) throws Exception {
        run(0, List.of("-Djava.io.tmpdir=" + folder), "built", "return", "tcp://127.0.0.1:1");
        try (var left = Files.list(folder)) {
            assertEquals(List.of(), left.filter(file -> file.toString().contains("enos")).collect(Collectors.toList()));
        }
    }

    @Test
    void whatIsUnpackedIsTheOwnersAlone(@TempDir Path folder) throws Exception {
        Path one = Loader.create(folder.toString(), "lib.so");
        Path two = Loader.create(folder.toString(), "lib.so");
        assertFalse(one.equals(two));
        for (Path file : List.of(one, two)) {
            assertEquals("rw-------", PosixFilePermissions.toString(Files.getPosixFilePermissions(file)));
        }
    }

    /** A class loader that shares nothing of the SDK with this one. */
    private static URLClassLoader loader() throws IOException {
        List<URL> path = new ArrayList<>();
        for (String entry : System.getProperty("java.class.path").split(File.pathSeparator)) {
            path.add(new File(entry).toURI().toURL());
        }
        return new URLClassLoader(path.toArray(new URL[0]), ClassLoader.getPlatformClassLoader());
    }

    @Test
    void twoClassLoadersHaveALibraryEach() throws Exception {
        try (MockHub hub = MockHub.start();
                URLClassLoader one = loader();
                URLClassLoader two = loader()) {
            for (URLClassLoader loader : List.of(one, two)) {
                Class<?> program = loader.loadClass(Program.class.getName());
                assertEquals("ACKNOWLEDGED", program.getMethod("post", String.class).invoke(null, hub.url().toString()));
            }
        }
    }

    @Test
    void oneFileForTwoClassLoadersIsExplained() throws Exception {
        assertTrue(run(0, List.of("-Dio.enos.sdk.library=" + library()), "two-loaders", "return", "tcp://h:1")
                .contains("already loaded in another classloader"));
    }

    private static String library() {
        String name = "native/" + Loader.platform() + "/" + System.mapLibraryName("enos_jni");
        return new File(Loader.class.getClassLoader().getResource(name).getPath()).getPath();
    }
}
