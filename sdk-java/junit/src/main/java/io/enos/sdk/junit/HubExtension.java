package io.enos.sdk.junit;

import io.enos.mockhub.MockHub;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolutionException;
import org.junit.jupiter.api.extension.ParameterResolver;
import org.junit.platform.commons.support.AnnotationSupport;

/** Starts the hub of each test and ends it; {@link EnosHub} brings it. */
public final class HubExtension implements BeforeEachCallback, AfterEachCallback, ParameterResolver {
    private static final Namespace NAMESPACE = Namespace.create(HubExtension.class);

    /** Made by JUnit. */
    public HubExtension() {}

    @Override
    public void beforeEach(ExtensionContext context) {
        EnosHub wanted = wanted(context);
        String seed = wanted.seed().isEmpty() ? MockHub.exampleSeed() : resource(context, wanted.seed());
        MockHub hub = MockHub.builder().seed(seed).strict(wanted.strict()).start();
        context.getStore(NAMESPACE).put(Hub.class, new Hub(hub, seed));
    }

    @Override
    public void afterEach(ExtensionContext context) {
        Hub hub = context.getStore(NAMESPACE).remove(Hub.class, Hub.class);
        if (hub == null) {
            return;
        }
        try {
            if (context.getExecutionException().isPresent()) {
                System.err.println("the hub's journal of " + context.getDisplayName() + ":\n" + hub.journal());
            }
        } catch (UncheckedIOException gone) {
            System.err.println("the hub's journal of " + context.getDisplayName() + " is lost: " + gone.getMessage());
        } finally {
            hub.mockHub().close();
        }
    }

    /** The method's own annotation, or that of the nearest class round it. */
    private static EnosHub wanted(ExtensionContext context) {
        for (Optional<ExtensionContext> at = Optional.of(context); at.isPresent(); at = at.get().getParent()) {
            Optional<EnosHub> found = AnnotationSupport.findAnnotation(at.get().getElement(), EnosHub.class);
            if (found.isPresent()) {
                return found.get();
            }
        }
        throw new IllegalStateException("HubExtension comes by @EnosHub. Use that");
    }

    private static String resource(ExtensionContext context, String name) {
        try (InputStream from = context.getRequiredTestClass().getResourceAsStream(name)) {
            if (from == null) {
                throw new IllegalStateException("no resource is called " + name + ", as seen from "
                        + context.getRequiredTestClass().getName());
            }
            return new String(from.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException failure) {
            throw new UncheckedIOException(failure);
        }
    }

    @Override
    public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
        Class<?> type = parameter.getParameter().getType();
        return type == Hub.class || type == HubDevice.class || type == MockHub.class;
    }

    @Override
    public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
        Hub hub = context.getStore(NAMESPACE).get(Hub.class, Hub.class);
        if (hub == null) {
            throw new ParameterResolutionException(
                    "each test has a hub of its own, so only tests and @BeforeEach and @AfterEach methods can take one");
        }
        Class<?> type = parameter.getParameter().getType();
        return type == Hub.class ? hub : type == HubDevice.class ? hub.device() : hub.mockHub();
    }
}
