package io.enos.sdk;

/** The version of the SDK: one number in all languages. */
final class Version {
    /** The library's must be the same. */
    static final String TEXT = "0.1.0";

    private Version() {}
}
