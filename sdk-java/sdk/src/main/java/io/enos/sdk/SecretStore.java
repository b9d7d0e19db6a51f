package io.enos.sdk;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Keeps the secret that a device receives at its activation.
 *
 * <p>Called on threads that may wait for a disk, one call at a time for a client.
 */
public interface SecretStore {
    /** The secret stored for this device; null if there is none yet. */
    String load(String productKey, String deviceKey) throws IOException;

    /**
     * Keeps the secret, in place of an earlier one. Must return only when the secret would survive a power cut: the hub
     * hands it out once.
     */
    void store(String productKey, String deviceKey, String secret) throws IOException;

    /**
     * Keeps secrets in files that only their owner can read, {@code <folder>/<product key>/<device key>.secret}. After a
     * power cut there is the old secret or the new one.
     */
    static SecretStore file(Path folder) {
        return new FileSecretStore(folder.toString());
    }

    /** Keeps secrets while the program lives: for tests, and where something else makes them last. */
    static SecretStore memory() {
        ConcurrentHashMap<String, String> secrets = new ConcurrentHashMap<>();
        return new SecretStore() {
            @Override
            public String load(String productKey, String deviceKey) {
                return secrets.get(productKey + '\n' + deviceKey);
            }

            @Override
            public void store(String productKey, String deviceKey, String secret) {
                secrets.put(productKey + '\n' + deviceKey, secret);
            }
        };
    }
}
