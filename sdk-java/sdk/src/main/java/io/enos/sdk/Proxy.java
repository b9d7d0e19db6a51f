package io.enos.sdk;

/** An HTTP proxy that is asked to CONNECT. Immutable. */
public final class Proxy {
    final String host;
    final int port;
    final String user;
    final String password;

    private Proxy(String host, int port, String user, String password) {
        this.host = host;
        this.port = port;
        this.user = user;
        this.password = password;
    }

    /** A proxy at this host (name or address) and port. */
    public static Proxy of(String host, int port) {
        return new Proxy(host, port, null, null);
    }

    /** Signs in at the proxy (Basic). The words go in clear: to the proxy only, but unencrypted. */
    public Proxy login(String user, String password) {
        return new Proxy(host, port, user, password);
    }
}
