package io.enos.sdk;

import java.io.ByteArrayOutputStream;
import java.util.Arrays;

/** Writes a client's settings; {@code config.rs} reads them. What is not written is the core's default. */
final class Settings extends ByteArrayOutputStream {
    /** Words for a question without a client. */
    Settings() {
        super(256);
    }

    Settings(String hub) {
        super(256);
        text("hub", hub);
    }

    Settings number(int setting, long number) {
        write(setting);
        return number(number);
    }

    Settings number(long number) {
        for (int place = 0; place < 8; place++) {
            write((int) (number >>> 8 * place));
        }
        return this;
    }

    Settings key(int setting) {
        write(setting);
        return this;
    }

    Settings text(String name, String text) {
        byte[] bytes = Text.bytes(text, name);
        for (int place = 0; place < 4; place++) {
            write(bytes.length >>> 8 * place);
        }
        write(bytes, 0, bytes.length);
        return this;
    }

    /** Secrets went through it. */
    void wipe() {
        Arrays.fill(buf, (byte) 0);
    }

    void login(Login login) {
        key(login.store == null ? 1 : 2);
        text("productKey", login.productKey).text("deviceKey", login.deviceKey).text("secret", login.secret);
        if (login.store instanceof FileSecretStore) {
            key(1).text("folder", ((FileSecretStore) login.store).folder);
        } else if (login.store != null) {
            key(0);
        }
    }

    void tls(Tls tls) {
        if (tls.caPem != null) {
            key(3).text("ca", tls.caPem);
        } else if (tls.caFile != null) {
            key(4).text("ca", tls.caFile);
        }
        if (tls.certificatePem != null) {
            key(5).text("certificate", tls.certificatePem).text("key", tls.keyPem);
        } else if (tls.certificateFile != null) {
            key(6).text("certificate", tls.certificateFile).text("key", tls.keyFile);
        }
    }

    void proxy(Proxy proxy) {
        key(7).text("proxy host", proxy.host).number(proxy.port);
        if (proxy.user != null) {
            key(8).text("proxy user", proxy.user).text("proxy password", proxy.password);
        }
    }
}
