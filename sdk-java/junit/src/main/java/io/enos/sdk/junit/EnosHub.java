package io.enos.sdk.junit;

import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.junit.jupiter.api.extension.ExtendWith;

/**
 * Gives each test a hub of its own: a process on free ports of 127.0.0.1, with nothing of other tests in it.
 *
 * <pre>{@code
 * @EnosHub
 * class PumpTest {
 *     @Test
 *     void posts(Hub hub) {
 *         try (EnosClient client = hub.client(hub.device())) {
 *             client.connect(Duration.ofSeconds(10));
 *             client.postMeasurepoints(Map.of("temp", 21.5));
 *         }
 *     }
 * }
 * }</pre>
 *
 * <p>Tests and {@code @BeforeEach} methods take a {@link Hub}, a {@link HubDevice} (that of {@link Hub#device()}) or the
 * {@link io.enos.mockhub.MockHub} itself as parameters. When a test fails, the hub's journal is printed to standard error.
 *
 * <p>Isolation is by process, not by organisation: the hub keeps one organisation, and starts in some milliseconds.
 */
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@Inherited
@ExtendWith(HubExtension.class)
public @interface EnosHub {
    /** The seed: a resource on the class path, beside the test class or from the root with {@code /}. Default: the example. */
    String seed() default "";

    /** Refuses what the real cloud refuses, instead of warning. */
    boolean strict() default false;
}
