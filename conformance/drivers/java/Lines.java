import io.enos.sdk.EnosError;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The line protocol: words between tabs, percent-encoded. */
final class Lines {
    private final OutputStream out;

    Lines(OutputStream out) {
        this.out = out;
    }

    void ok(String id, List<String> results) {
        List<String> words = new ArrayList<>(List.of(id, "ok"));
        words.addAll(results);
        write(words);
    }

    void failed(String id, List<String> error) {
        List<String> words = new ArrayList<>(List.of(id, "err"));
        words.addAll(error);
        write(words);
    }

    void event(String... words) {
        event(Arrays.asList(words), List.of());
    }

    void event(List<String> head, List<String> rest) {
        List<String> words = new ArrayList<>(List.of("*"));
        words.addAll(head);
        words.addAll(rest);
        write(words);
    }

    private synchronized void write(List<String> words) {
        StringBuilder line = new StringBuilder();
        for (String word : words) {
            line.append(line.length() == 0 ? "" : "\t").append(encode(word));
        }
        try {
            out.write(line.append('\n').toString().getBytes(StandardCharsets.UTF_8));
            out.flush();
        } catch (IOException gone) {
            System.err.println("nobody reads the driver: " + gone);
        }
    }

    /** The four words of an error. */
    static List<String> words(EnosError error) {
        return List.of(String.valueOf(error.kind().number()), String.valueOf(error.hubCode()),
                String.valueOf(error.retryable()), error.message());
    }

    static List<String> words(Throwable failure) {
        return failure instanceof EnosError ? words((EnosError) failure)
                : List.of("900", "0", "false", String.valueOf(failure));
    }

    private static String encode(String word) {
        return word.replace("%", "%25").replace("\t", "%09").replace("\n", "%0A").replace("\r", "%0D");
    }

    static List<String> decode(String line) throws CharacterCodingException {
        List<String> words = new ArrayList<>();
        for (String word : line.split("\t", -1)) {
            byte[] from = word.getBytes(StandardCharsets.UTF_8);
            ByteBuffer to = ByteBuffer.allocate(from.length);
            for (int at = 0; at < from.length; at++) {
                if (from[at] == '%') {
                    to.put((byte) Integer.parseInt(new String(from, at + 1, 2, StandardCharsets.US_ASCII), 16));
                    at += 2;
                } else {
                    to.put(from[at]);
                }
            }
            words.add(StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT).decode(to.flip())
                    .toString());
        }
        return words;
    }
}
