/** A hub for each test of JUnit 5. */
module io.enos.sdk.junit {
    requires transitive io.enos.sdk;
    requires transitive io.enos.mockhub;
    requires transitive org.junit.jupiter.api;

    exports io.enos.sdk.junit;
}
