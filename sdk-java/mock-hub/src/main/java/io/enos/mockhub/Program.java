package io.enos.mockhub;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Locale;

/** The hub's program: the one that {@code io.enos.mockhub.program} names, or the one in the platform's jar. */
final class Program {
    /** The path of the program, if it is not to be unpacked. */
    static final String PROPERTY = "io.enos.mockhub.program";

    private static Path unpacked;

    private Program() {}

    /** Its path; unpacked once for this JVM, readable for its owner only, gone with the JVM. */
    static synchronized Path path() throws IOException {
        String explicit = System.getProperty(PROPERTY);
        if (explicit != null) {
            return Path.of(explicit);
        }
        if (unpacked == null || !Files.exists(unpacked)) {
            unpacked = unpack();
        }
        return unpacked;
    }

    private static Path unpack() throws IOException {
        String platform = platform();
        String name = platform.startsWith("windows") ? "mock-hub.exe" : "mock-hub";
        String resource = "native/" + platform + "/" + name;
        URL bundled = Program.class.getClassLoader().getResource(resource);
        if (bundled == null) {
            throw new IOException("no jar holds " + resource + ". Add io.enos:enos-mock-hub with the classifier " + platform
                    + ", or set -D" + PROPERTY + "=/path/of/mock-hub.");
        }
        Path file = Files.createTempFile("enos-", "-" + name);
        file.toFile().deleteOnExit();
        // Into the file as it is: one that replaced it would be readable for others.
        try (InputStream from = bundled.openStream();
                OutputStream to = Files.newOutputStream(file, StandardOpenOption.WRITE)) {
            from.transferTo(to);
        }
        if (!file.toFile().setExecutable(true, true)) {
            throw new IOException(file + " cannot be made executable. Set -Djava.io.tmpdir to another folder.");
        }
        return file;
    }

    private static String platform() {
        String os = System.getProperty("os.name", "").toLowerCase(Locale.ROOT);
        String arch = System.getProperty("os.arch", "");
        os = os.startsWith("mac") ? "macos" : os.startsWith("win") ? "windows" : os;
        return os + "-" + (arch.equals("amd64") ? "x86_64" : arch.equals("arm64") ? "aarch64" : arch);
    }
}
