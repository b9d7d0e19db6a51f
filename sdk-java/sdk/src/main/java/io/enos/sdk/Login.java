package io.enos.sdk;

/** How the device proves who it is. A client certificate belongs to {@link Tls} instead. Never shows a secret. */
public final class Login {
    final String productKey;
    final String deviceKey;
    final String secret;
    /** Null for a login with the device's own secret. */
    final SecretStore store;

    private Login(String productKey, String deviceKey, String secret, SecretStore store) {
        this.productKey = productKey;
        this.deviceKey = deviceKey;
        this.secret = secret;
        this.store = store;
    }

    /** Signs in with the device's own secret. */
    public static Login deviceSecret(String productKey, String deviceKey, String deviceSecret) {
        return new Login(productKey, deviceKey, deviceSecret, null);
    }

    /**
     * Receives the device's own secret once, for the product's, and keeps it in the store; signs in with it then, and at
     * each later start.
     */
    public static Login dynamicActivation(
            String productKey, String deviceKey, String productSecret, SecretStore store) {
        if (store == null) {
            throw Errors.invalid("store is null. Give one: the hub hands the device's secret out once.");
        }
        return new Login(productKey, deviceKey, productSecret, store);
    }

    @Override
    public String toString() {
        return "Login[" + productKey + "/" + deviceKey + "]";
    }
}
