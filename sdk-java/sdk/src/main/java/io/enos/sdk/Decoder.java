package io.enos.sdk;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Reads a tree of values that {@code wire.rs} wrote. */
final class Decoder {
    private final byte[] bytes;
    private int at;

    Decoder(byte[] bytes) {
        this.bytes = bytes;
    }

    /** The next value: null, Boolean, Long, Double, BigInteger, String, List or Map; the last two unmodifiable. */
    Object value() {
        switch (bytes[at++]) {
            case Encoder.NULL:
                return null;
            case Encoder.FALSE:
                return Boolean.FALSE;
            case Encoder.TRUE:
                return Boolean.TRUE;
            case Encoder.INT:
                return i64();
            case Encoder.DOUBLE:
                return Double.longBitsToDouble(i64());
            case Encoder.TEXT:
                return text();
            case Encoder.NUMBER:
                return new BigInteger(text());
            case Encoder.ARRAY:
                return list();
            case Encoder.STRUCT:
                return map();
            default:
                throw new IllegalStateException("a value of no type");
        }
    }

    private List<Object> list() {
        int count = u32();
        List<Object> list = new ArrayList<>(count);
        for (int item = 0; item < count; item++) {
            list.add(value());
        }
        return Collections.unmodifiableList(list);
    }

    private Map<String, Object> map() {
        int count = u32();
        Map<String, Object> map = new LinkedHashMap<>();
        for (int field = 0; field < count; field++) {
            String name = text();
            map.put(name, value());
        }
        return Collections.unmodifiableMap(map);
    }

    String text() {
        int length = u32();
        String text = new String(bytes, at, length, UTF_8);
        at += length;
        return text;
    }

    int u8() {
        return bytes[at++] & 0xFF;
    }

    boolean isEmpty() {
        return at == bytes.length;
    }

    int u32() {
        int number = bytes[at] & 0xFF | (bytes[at + 1] & 0xFF) << 8 | (bytes[at + 2] & 0xFF) << 16
                | (bytes[at + 3] & 0xFF) << 24;
        at += 4;
        return number;
    }

    long i64() {
        long low = u32() & 0xFFFFFFFFL;
        return low | (long) u32() << 32;
    }
}
