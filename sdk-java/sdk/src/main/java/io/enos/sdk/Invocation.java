package io.enos.sdk;

import java.util.Collections;
import java.util.Map;

/** A command of the hub. */
public final class Invocation {
    /** What a command asks for. */
    public enum Kind {
        /** Invoke a service. */
        SERVICE,
        /** Set measurepoints; the arguments are the points by identifier. */
        MEASUREPOINT_SET,
        /** Read measurepoints; the arguments name them. */
        MEASUREPOINT_GET,
    }

    private final Device device;
    private final Kind kind;
    private final String identifier;
    private final byte[] params;

    Invocation(Device device, Kind kind, String identifier, byte[] params) {
        this.device = device;
        this.kind = kind;
        this.identifier = identifier;
        this.params = params;
    }

    /** What is asked for. */
    public Kind kind() {
        return kind;
    }

    /** The service's identifier; empty for measurepoints. */
    public String identifier() {
        return identifier;
    }

    /** Who is meant. */
    public Device device() {
        return device;
    }

    /** The arguments as JSON text. */
    public String params() {
        return Text.of(params);
    }

    /**
     * The arguments as a tree: {@code Map}, {@code List}, {@code String}, {@code Long}, {@code Double}, {@code Boolean} or
     * null, and {@code BigInteger} where a long is too short. What is nested beyond 128 levels becomes null.
     */
    public Object value() {
        return new Decoder(Native.tree(params)).value();
    }

    /** The arguments by name; empty if they are no JSON object, as those of {@link Kind#MEASUREPOINT_GET}. */
    @SuppressWarnings("unchecked")
    public Map<String, Object> args() {
        Object value = value();
        return value instanceof Map ? (Map<String, Object>) value : Collections.emptyMap();
    }

    @Override
    public String toString() {
        return "Invocation[" + kind + " " + identifier + "]";
    }
}
