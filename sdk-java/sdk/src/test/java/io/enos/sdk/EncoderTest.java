package io.enos.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;

class EncoderTest {
    private static Object back(Object value) {
        return new Decoder(Native.tree(Inspect.valueJson(value).getBytes(StandardCharsets.UTF_8))).value();
    }

    @Property(tries = 500)
    void everyValueComesBack(@ForAll("values") Object value) {
        assertEquals(value, back(value));
    }

    @Property(tries = 200)
    void everyTextCrossesOrIsRefused(@ForAll String text) {
        boolean whole = StandardCharsets.UTF_8.newEncoder().canEncode(text);
        if (whole) {
            assertEquals(text, back(text));
        } else {
            assertThrows(EnosInvalidArgumentException.class, () -> back(text));
            assertThrows(EnosInvalidArgumentException.class, () -> Text.check(text));
        }
    }

    @Provide
    static Arbitrary<Object> values() {
        return values(3);
    }

    private static Arbitrary<Object> values(int depth) {
        Arbitrary<String> texts =
                Arbitraries.strings().all().ofMaxLength(12).filter(StandardCharsets.UTF_8.newEncoder()::canEncode);
        Arbitrary<Object> simple = Arbitraries.oneOf(
                Arbitraries.longs().map(number -> (Object) number),
                Arbitraries.doubles().map(number -> (Object) number),
                Arbitraries.of(true, false).map(truth -> (Object) truth),
                texts.map(text -> (Object) text),
                Arbitraries.just((Object) null));
        if (depth == 0) {
            return simple;
        }
        Arbitrary<Object> inner = values(depth - 1);
        return Arbitraries.oneOf(simple, inner.list().ofMaxSize(4).map(list -> (Object) list),
                Arbitraries.maps(texts, inner).ofMaxSize(4).map(map -> (Object) map));
    }

    @Test
    void everyTypeOfJavaHasItsJson() {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("byte", (byte) -1);
        map.put("short", (short) 2);
        map.put("int", 3);
        map.put("long", Long.MIN_VALUE);
        map.put("big", new BigInteger("9223372036854775807"));
        map.put("float", 0.5f);
        map.put("double", 1.0);
        map.put("decimal", new BigDecimal("2.5"));
        map.put("text", new StringBuilder("né\0\uD83D\uDE00"));
        map.put("list", Arrays.asList(1, null, true));
        map.put("ints", new int[] {1, 2});
        map.put("texts", new String[] {"a"});
        map.put("nested", new Object[] {new double[0], Map.of("x", 1)});
        assertEquals("{\"byte\":-1,\"short\":2,\"int\":3,\"long\":-9223372036854775808,\"big\":9223372036854775807,"
                + "\"float\":0.5,\"double\":1.0,\"decimal\":2.5,\"text\":\"né\\u0000\uD83D\uDE00\",\"list\":[1,null,true],"
                + "\"ints\":[1,2],\"texts\":[\"a\"],\"nested\":[[],{\"x\":1}]}", Inspect.valueJson(map));
    }

    @Test
    void whatIsNoValueIsNamed() {
        for (Object wrong : new Object[] {new Object(), 'c', Thread.State.NEW, BigInteger.ONE.shiftLeft(64),
            Point.of(1), List.of(Point.of(1)), Map.of(1, 2), "\uD83D", "\uDE00x", Map.of("\uD83Dx", 1)}) {
            EnosInvalidArgumentException refused =
                    assertThrows(EnosInvalidArgumentException.class, () -> Inspect.valueJson(wrong), String.valueOf(wrong));
            assertEquals(ErrorKind.INVALID_ARGUMENT, refused.kind());
        }
        assertThrows(EnosInvalidArgumentException.class, () -> Point.of(1, 256));
        assertThrows(EnosInvalidArgumentException.class, () -> Point.of(1, -1));
    }

    @Test
    void aRingAndWhatFansOutEnd() {
        List<Object> ring = new ArrayList<>();
        ring.add(ring);
        assertTrue(assertThrows(EnosInvalidArgumentException.class, () -> Inspect.valueJson(ring)).getMessage()
                .contains("nested"));
        Object fan = 1;
        for (int level = 0; level < 6; level++) {
            Object[] wider = new Object[100];
            Arrays.fill(wider, fan);
            fan = wider;
        }
        Object wide = fan;
        assertEquals(ErrorKind.PAYLOAD_TOO_LARGE,
                assertThrows(EnosHubException.class, () -> Inspect.valueJson(wide)).kind());
    }
}
