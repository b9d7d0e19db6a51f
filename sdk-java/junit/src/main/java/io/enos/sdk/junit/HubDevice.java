package io.enos.sdk.junit;

import io.enos.sdk.Login;

/** A device that the hub knows, with what it signs in with. */
public final class HubDevice {
    private final String productKey;
    private final String deviceKey;
    private final String deviceSecret;

    HubDevice(String productKey, String deviceKey, String deviceSecret) {
        this.productKey = productKey;
        this.deviceKey = deviceKey;
        this.deviceSecret = deviceSecret;
    }

    /** The product's key. */
    public String productKey() {
        return productKey;
    }

    /** The device's key. */
    public String deviceKey() {
        return deviceKey;
    }

    /** The device's secret: one of a test. */
    public String deviceSecret() {
        return deviceSecret;
    }

    /** Signs in as this device. */
    public Login login() {
        return Login.deviceSecret(productKey, deviceKey, deviceSecret);
    }

    /** Names the device in a query of the hub's REST interface. */
    public String query() {
        return "orgId=o1&productKey=" + productKey + "&deviceKey=" + deviceKey;
    }

    @Override
    public String toString() {
        return productKey + "/" + deviceKey;
    }
}
