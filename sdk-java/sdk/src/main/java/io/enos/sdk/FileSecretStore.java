package io.enos.sdk;

import java.io.IOException;

/** The native side's file store; a client that is given one does not come back here. */
final class FileSecretStore implements SecretStore {
    final String folder;

    FileSecretStore(String folder) {
        this.folder = folder;
    }

    @Override
    public String load(String productKey, String deviceKey) throws IOException {
        Loader.load();
        byte[] path = Text.bytes(folder, "folder");
        try {
            byte[] secret = Native.secretLoad(path, Text.bytes(productKey, "productKey"), Text.bytes(deviceKey, "deviceKey"));
            return secret == null ? null : Text.of(secret);
        } catch (EnosResourceException failed) {
            throw new IOException(failed.getMessage(), failed);
        }
    }

    @Override
    public void store(String productKey, String deviceKey, String secret) throws IOException {
        Loader.load();
        byte[] path = Text.bytes(folder, "folder");
        try {
            Native.secretStore(path, Text.bytes(productKey, "productKey"), Text.bytes(deviceKey, "deviceKey"),
                    Text.bytes(secret, "secret"));
        } catch (EnosResourceException failed) {
            throw new IOException(failed.getMessage(), failed);
        }
    }
}
