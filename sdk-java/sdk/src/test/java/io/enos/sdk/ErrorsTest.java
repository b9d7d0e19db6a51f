package io.enos.sdk;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class ErrorsTest {
    @Test
    void everyKindHasItsException() {
        for (ErrorKind kind : ErrorKind.values()) {
            RuntimeException exception = Errors.of(kind.number(), 7, kind.retryable(), "words");
            EnosError error = assertInstanceOf(EnosError.class, exception);
            assertEquals(kind, error.kind());
            assertEquals(kind.retryable(), error.retryable());
            assertEquals("words", error.message());
            assertEquals("words", exception.getMessage());
            assertEquals(kind.number() < 200 ? 0 : 7, error.hubCode());
            assertEquals(kind.number() < 200, !(exception instanceof EnosException));
            assertTrue(kind.hint().endsWith("."), kind.hint());
            assertEquals(kind, ErrorKind.of(kind.number()));
        }
    }

    @Test
    void theJdksClassesCatchThem() {
        assertInstanceOf(IllegalArgumentException.class, Errors.of(101, 0, false, ""));
        assertInstanceOf(IllegalStateException.class, Errors.of(102, 0, false, ""));
        assertInstanceOf(UnsupportedOperationException.class, Errors.of(103, 0, false, ""));
        assertInstanceOf(IllegalStateException.class, Errors.of(104, 0, false, ""));
        assertInstanceOf(EnosInternalException.class, Errors.of(899, 0, false, ""));
        assertThrows(IllegalArgumentException.class, () -> ErrorKind.of(899));
    }
}
