import io.enos.sdk.Point;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Values in prefix notation: {@code i:5 f:2.5 b:true s:text n}, {@code a:2} and two values, {@code o:1} and a field. */
final class Values {
    private Values() {}

    static Object value(Iterator<String> words) {
        String word = words.next();
        if (word.equals("n")) {
            return null;
        }
        String text = word.substring(2);
        switch (word.charAt(0)) {
            case 'i':
                return Long.valueOf(text);
            case 'f':
                return text.equals("inf") ? Double.valueOf(Double.POSITIVE_INFINITY)
                        : text.equals("-inf") ? Double.valueOf(Double.NEGATIVE_INFINITY) : Double.valueOf(text);
            case 'b':
                return Boolean.valueOf(text);
            case 's':
                return text;
            case 'a': {
                List<Object> items = new ArrayList<>();
                for (int left = Integer.parseInt(text); left > 0; left--) {
                    items.add(value(words));
                }
                return items;
            }
            case 'o': {
                Map<String, Object> fields = new LinkedHashMap<>();
                for (int left = Integer.parseInt(text); left > 0; left--) {
                    String name = words.next();
                    fields.put(name, value(words));
                }
                return fields;
            }
            default:
                throw new IllegalArgumentException("no value: " + word);
        }
    }

    /** Points up to the end: identifier, quality or {@code -}, value. */
    static Map<String, Object> points(Iterator<String> words) {
        Map<String, Object> points = new LinkedHashMap<>();
        while (words.hasNext()) {
            String id = words.next();
            String quality = words.next();
            Object value = value(words);
            points.put(id, quality.equals("-") ? value : Point.of(value, Integer.parseInt(quality)));
        }
        return points;
    }
}
