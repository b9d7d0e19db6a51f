package io.enos.sdk;

import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.EnumSet;
import java.util.Set;

/**
 * Finds and loads the native library: an explicit path, the library path, or the one in a jar.
 *
 * <p>Never fails in a static initialiser: whoever needs the library gets the reason, each time.
 */
final class Loader {
    /** The path of the library, if it is not to be looked for. */
    static final String PROPERTY = "io.enos.sdk.library";

    private static final String[] PLATFORMS = {
        "linux-x86_64", "linux-aarch64", "linux-x86_64-musl", "linux-aarch64-musl",
        "macos-x86_64", "macos-aarch64", "windows-x86_64", "windows-aarch64",
    };

    private static volatile boolean loaded;
    private static String failure;

    private Loader() {}

    /**
     * Loads the library, unless that was done.
     *
     * @throws EnosUnsupportedException if it cannot be loaded; the text says where it was looked for
     */
    static void load() {
        if (!loaded) {
            loadOnce();
        }
    }

    private static synchronized void loadOnce() {
        if (loaded) {
            return;
        }
        if (failure == null) {
            failure = attempt();
        }
        if (failure != null) {
            throw new EnosUnsupportedException(ErrorKind.UNSUPPORTED, failure);
        }
        loaded = true;
    }

    /** Null if it went well. */
    private static String attempt() {
        StringBuilder tried = new StringBuilder();
        try {
            if (!find(tried)) {
                return explain(tried, "no library was found");
            }
            String version = Text.of(Native.version());
            if (!version.equals(Version.TEXT)) {
                return explain(tried, "the library is version " + version);
            }
            return null;
        } catch (LinkageError | IOException | RuntimeException error) {
            return explain(tried, String.valueOf(error.getMessage()));
        }
    }

    private static boolean find(StringBuilder tried) throws IOException {
        String explicit = System.getProperty(PROPERTY);
        if (explicit != null) {
            tried.append("\n  ").append(PROPERTY).append(" = ").append(explicit);
            System.load(new File(explicit).getAbsolutePath());
            return true;
        }
        String name = System.mapLibraryName("enos_jni");
        for (String folder : System.getProperty("java.library.path", "").split(File.pathSeparator)) {
            File file = new File(folder, name);
            if (!folder.isEmpty() && file.isFile()) {
                tried.append("\n  ").append(file);
                System.load(file.getAbsolutePath());
                return true;
            }
        }
        tried.append("\n  ").append(name).append(" in java.library.path");
        String resource = "native/" + platform() + "/" + name;
        URL bundled = resource(resource);
        if (bundled == null) {
            tried.append("\n  ").append(resource).append(" in the jars");
            return false;
        }
        tried.append("\n  ").append(bundled);
        unpack(bundled, name, tried);
        return true;
    }

    private static URL resource(String name) {
        ClassLoader loader = Loader.class.getClassLoader();
        return loader == null ? ClassLoader.getSystemResource(name) : loader.getResource(name);
    }

    /** Unpacks to a file that only the owner can read, loads it, and deletes it. */
    private static void unpack(URL bundled, String name, StringBuilder tried) throws IOException {
        Path file = create(System.getProperty("java.io.tmpdir"), name);
        tried.append("\n    unpacked as ").append(file);
        try {
            // Into the file as it is: one that replaced it would be readable for others.
            try (InputStream from = bundled.openStream();
                    OutputStream to = Files.newOutputStream(file, StandardOpenOption.WRITE)) {
                from.transferTo(to);
            }
            System.load(file.toString());
        } finally {
            if (!file.toFile().delete()) {
                // Windows keeps a loaded library's file.
                file.toFile().deleteOnExit();
            }
        }
    }

    /**
     * A new file of the owner's alone. The name need not be hard to guess: what is there already is never opened. So a
     * program that starts pays for no random source, as {@code createTempFile} would have it.
     */
    static Path create(String folder, String name) throws IOException {
        if (File.separatorChar == '\\') {
            return Files.createTempFile("enos-", "-" + name);
        }
        Set<PosixFilePermission> owner = EnumSet.of(PosixFilePermission.OWNER_READ, PosixFilePermission.OWNER_WRITE);
        for (int attempt = 0; ; attempt++) {
            Path file = Path.of(folder, "enos-" + Long.toHexString(System.nanoTime()) + "-" + attempt + "-" + name);
            try {
                return Files.createFile(file, PosixFilePermissions.asFileAttribute(owner));
            } catch (FileAlreadyExistsException taken) {
                if (attempt == 100) {
                    throw taken;
                }
            }
        }
    }

    private static String explain(StringBuilder tried, String cause) {
        StringBuilder held = new StringBuilder();
        for (String platform : PLATFORMS) {
            String name = platform.startsWith("windows") ? "enos_jni.dll"
                    : platform.startsWith("macos") ? "libenos_jni.dylib" : "libenos_jni.so";
            if (resource("native/" + platform + "/" + name) != null) {
                held.append(held.length() == 0 ? "" : ", ").append(platform);
            }
        }
        String folder = System.getProperty("java.io.tmpdir");
        String noexec = isNoexec(folder)
                ? "\n" + folder + " is mounted noexec: set -Djava.io.tmpdir to a folder that is not." : "";
        return "the native library of EnOS SDK " + Version.TEXT + " cannot be loaded: " + cause
                + "\nplatform: " + platform() + " (os.name " + System.getProperty("os.name") + ", os.arch "
                + System.getProperty("os.arch") + ")\ntried:" + tried + "\nthe jars hold: "
                + (held.length() == 0 ? "none" : held) + noexec
                + "\nAdd io.enos:enos-sdk:" + Version.TEXT + " with the classifier of your platform, or set -D" + PROPERTY
                + "=/path/of/the/library.";
    }

    /** {os}-{arch}, with -musl where the C library is that one. */
    static String platform() {
        String os = System.getProperty("os.name", "").toLowerCase(java.util.Locale.ROOT);
        String arch = System.getProperty("os.arch", "");
        os = os.startsWith("mac") ? "macos" : os.startsWith("win") ? "windows" : os;
        arch = arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch;
        return os + "-" + arch + (os.equals("linux") && isMusl() ? "-musl" : "");
    }

    private static boolean isMusl() {
        String[] files = new File("/lib").list();
        boolean found = false;
        for (int at = 0; files != null && at < files.length; at++) {
            found |= files[at].startsWith("ld-musl-");
        }
        if (!found) {
            return false;
        }
        try {
            // Both may be installed: what counts is the one that this JVM runs on.
            return Files.readString(Path.of("/proc/self/maps")).contains("ld-musl-");
        } catch (IOException | RuntimeException unknown) {
            return true;
        }
    }

    private static boolean isNoexec(String folder) {
        try {
            Path path = Path.of(folder).toRealPath();
            String longest = "";
            boolean noexec = false;
            for (String line : Files.readAllLines(Path.of("/proc/mounts"))) {
                String[] words = line.split(" ");
                if (words.length > 3 && path.startsWith(words[1]) && words[1].length() >= longest.length()) {
                    longest = words[1];
                    noexec = ("," + words[3] + ",").contains(",noexec,");
                }
            }
            return noexec;
        } catch (IOException | RuntimeException unknown) {
            return false;
        }
    }
}
