package io.enos.sdk;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Collection;
import java.util.Map;
import java.util.concurrent.atomic.AtomicReference;

/** Writes a message of values into one array of bytes; {@code wire.rs} reads it. */
final class Encoder {
    static final byte NULL = 0;
    static final byte FALSE = 1;
    static final byte TRUE = 2;
    static final byte INT = 3;
    static final byte DOUBLE = 4;
    static final byte TEXT = 5;
    static final byte ARRAY = 6;
    static final byte STRUCT = 7;
    static final byte NUMBER = 8;

    /** As deep as the core takes; an array or map below that is written empty, and the core refuses it in its own words. */
    private static final int DEPTH = 16;

    /** What no message can hold: four times the largest payload. */
    private static final int MOST = 4 * 1024 * 1024;

    /** An array that is larger is not kept for the next message. */
    private static final int KEPT = 64 * 1024;

    private static final AtomicReference<Encoder> SPARE = new AtomicReference<>();

    private byte[] bytes = new byte[512];
    private int length;
    private int values;
    private int fields;

    private Encoder() {}

    /** An encoder with nothing in it. */
    static Encoder take() {
        Encoder spare = SPARE.getAndSet(null);
        Encoder encoder = spare == null ? new Encoder() : spare;
        encoder.length = 0;
        encoder.values = 0;
        encoder.fields = 0;
        return encoder;
    }

    /** Lets another message have the array. */
    void giveBack() {
        if (bytes.length <= KEPT) {
            SPARE.lazySet(this);
        }
    }

    byte[] bytes() {
        return bytes;
    }

    int length() {
        return length;
    }

    /** Writes points by identifier. */
    void points(Map<String, ?> points) {
        if (points == null) {
            throw Errors.invalid("points is null. Give a map of identifiers and values.");
        }
        length = 8;
        int counted = length;
        length += 4;
        int count = 0;
        for (Map.Entry<String, ?> entry : points.entrySet()) {
            String id = name(entry.getKey());
            Object value = entry.getValue();
            text(id);
            try {
                if (value instanceof Point) {
                    Point point = (Point) value;
                    if (point.hasQuality()) {
                        need(2);
                        bytes[length++] = 1;
                        bytes[length++] = (byte) point.quality();
                    } else {
                        u8(0);
                    }
                    value = point.value();
                } else {
                    u8(0);
                }
                value(value, DEPTH);
            } catch (EnosInvalidArgumentException wrong) {
                throw Errors.invalid("post refused, because of \"" + id + "\": " + wrong.getMessage());
            }
            count++;
        }
        finish(counted, count);
    }

    /** Writes named values. */
    void fields(Map<String, ?> outputs) {
        length = 8;
        int counted = length;
        length += 4;
        int count = 0;
        for (Map.Entry<String, ?> entry : outputs.entrySet()) {
            text(name(entry.getKey()));
            value(entry.getValue(), DEPTH);
            count++;
        }
        finish(counted, count);
    }

    /** Writes one value. */
    void single(Object value) {
        length = 8;
        value(value, DEPTH);
        put(0, values);
        put(4, fields);
    }

    private void finish(int counted, int count) {
        put(counted, count);
        put(0, values);
        put(4, fields);
    }

    private static String name(Object key) {
        if (key instanceof String) {
            return (String) key;
        }
        throw Errors.invalid("a name is " + (key == null ? "null" : "a " + key.getClass().getName()) + ". Give a text.");
    }

    private void value(Object value, int depth) {
        if (value instanceof Double) {
            number(DOUBLE, Double.doubleToRawLongBits((Double) value));
        } else if (value instanceof Integer) {
            number(INT, (Integer) value);
        } else if (value instanceof String) {
            u8(TEXT);
            text((String) value);
        } else if (value instanceof Boolean) {
            u8((Boolean) value ? TRUE : FALSE);
        } else if (value instanceof Number) {
            number((Number) value);
        } else if (value == null) {
            u8(NULL);
        } else if (value instanceof Map) {
            struct((Map<?, ?>) value, depth);
        } else if (value instanceof Collection) {
            array(((Collection<?>) value), depth);
        } else if (value instanceof CharSequence) {
            u8(TEXT);
            text(value.toString());
        } else if (value.getClass().isArray()) {
            array(value, depth);
        } else {
            throw Errors.invalid("a " + value.getClass().getName()
                    + " is no value. Give a number, a boolean, a text, a list, a map or null.");
        }
    }

    private void number(Number value) {
        if (value instanceof Long || value instanceof Short || value instanceof Byte) {
            number(INT, value.longValue());
        } else if (value instanceof Float) {
            number(DOUBLE, Double.doubleToRawLongBits(value.doubleValue()));
        } else if (value instanceof BigInteger && ((BigInteger) value).bitLength() < 64) {
            number(INT, value.longValue());
        } else if (value instanceof BigDecimal) {
            number(DOUBLE, Double.doubleToRawLongBits(value.doubleValue()));
        } else {
            throw Errors.invalid("the number " + value + " does not fit. Give a long or a double.");
        }
    }

    private void struct(Map<?, ?> map, int depth) {
        int counted = open(STRUCT);
        int count = 0;
        if (depth > 0) {
            for (Map.Entry<?, ?> entry : map.entrySet()) {
                text(name(entry.getKey()));
                value(entry.getValue(), depth - 1);
                count++;
            }
        }
        fields += count;
        put(counted, count);
    }

    private void array(Collection<?> list, int depth) {
        int counted = open(ARRAY);
        int count = 0;
        if (depth > 0) {
            for (Object item : list) {
                value(item, depth - 1);
                count++;
            }
        }
        values += count;
        put(counted, count);
    }

    private void array(Object array, int depth) {
        int counted = open(ARRAY);
        int count = depth > 0 ? java.lang.reflect.Array.getLength(array) : 0;
        for (int at = 0; at < count; at++) {
            value(java.lang.reflect.Array.get(array, at), depth - 1);
        }
        values += count;
        put(counted, count);
    }

    private int open(byte tag) {
        need(5);
        bytes[length] = tag;
        length += 5;
        return length - 4;
    }

    private void number(byte tag, long bits) {
        need(9);
        byte[] to = bytes;
        int at = length;
        to[at] = tag;
        for (int place = 1; place < 9; place++) {
            to[at + place] = (byte) bits;
            bits >>>= 8;
        }
        length = at + 9;
    }

    void u8(int number) {
        need(1);
        bytes[length++] = (byte) number;
    }

    /** Writes a text: its length in bytes and its UTF-8. */
    void text(String text) {
        int chars = text.length();
        // Three bytes for a char at the most; a pair takes four.
        need(4 + 3L * chars);
        byte[] to = bytes;
        int start = length + 4;
        int at = start;
        for (int place = 0; place < chars; place++) {
            char c = text.charAt(place);
            if (c < 0x80) {
                to[at++] = (byte) c;
            } else if (c < 0x800) {
                to[at++] = (byte) (0xC0 | c >> 6);
                to[at++] = (byte) (0x80 | c & 0x3F);
            } else if (!Character.isSurrogate(c)) {
                to[at++] = (byte) (0xE0 | c >> 12);
                to[at++] = (byte) (0x80 | c >> 6 & 0x3F);
                to[at++] = (byte) (0x80 | c & 0x3F);
            } else {
                if (Character.isLowSurrogate(c) || place + 1 == chars
                        || !Character.isLowSurrogate(text.charAt(place + 1))) {
                    throw Text.halfPair(place);
                }
                int whole = Character.toCodePoint(c, text.charAt(++place));
                to[at++] = (byte) (0xF0 | whole >> 18);
                to[at++] = (byte) (0x80 | whole >> 12 & 0x3F);
                to[at++] = (byte) (0x80 | whole >> 6 & 0x3F);
                to[at++] = (byte) (0x80 | whole & 0x3F);
            }
        }
        put(length, at - start);
        length = at;
    }

    private void put(int at, int number) {
        bytes[at] = (byte) number;
        bytes[at + 1] = (byte) (number >> 8);
        bytes[at + 2] = (byte) (number >> 16);
        bytes[at + 3] = (byte) (number >> 24);
    }

    private void need(long more) {
        long needed = length + more;
        if (needed <= bytes.length) {
            return;
        }
        if (needed > 3L * MOST) {
            throw Errors.of(ErrorKind.PAYLOAD_TOO_LARGE.number(), 0, false,
                    "the values are larger than any message. Split the message.");
        }
        bytes = java.util.Arrays.copyOf(bytes, (int) Math.max(needed, Math.min(2L * bytes.length, 3L * MOST)));
    }
}
