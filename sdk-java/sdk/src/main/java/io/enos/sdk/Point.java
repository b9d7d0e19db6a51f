package io.enos.sdk;

import java.util.Objects;

/** A value with its quality, for measurepoints whose model has one; elsewhere the bare value is enough. */
public final class Point {
    private final Object value;
    private final int quality;

    private Point(Object value, int quality) {
        this.value = value;
        this.quality = quality;
    }

    /** A value without a quality: a number, a boolean, a text, a list, a map or null. */
    public static Point of(Object value) {
        return new Point(value, -1);
    }

    /**
     * A value with a quality, 0 to 9.
     *
     * @throws EnosInvalidArgumentException if the quality is no byte; what the model allows is checked when it is posted
     */
    public static Point of(Object value, int quality) {
        if (quality < 0 || quality > 255) {
            throw Errors.invalid("the quality " + quality + " does not fit. Give 0 to 9, or none.");
        }
        return new Point(value, quality);
    }

    /** The value. */
    public Object value() {
        return value;
    }

    /** Whether it has a quality. */
    public boolean hasQuality() {
        return quality >= 0;
    }

    /** The quality; −1 for none. */
    public int quality() {
        return quality;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Point && ((Point) other).quality == quality
                && Objects.equals(((Point) other).value, value);
    }

    @Override
    public int hashCode() {
        return 31 * Objects.hashCode(value) + quality;
    }

    @Override
    public String toString() {
        return hasQuality() ? "Point[" + value + ", quality " + quality + "]" : "Point[" + value + "]";
    }
}
