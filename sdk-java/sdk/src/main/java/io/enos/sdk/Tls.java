package io.enos.sdk;

import java.nio.file.Path;

/**
 * Whom to trust and what to show, in PEM. Immutable. Chain, dates and server name are always checked.
 *
 * <p>Files are read when the client is made.
 */
public final class Tls {
    private static final Tls SYSTEM = new Tls(null, null, null, null, null, null);

    final String caPem;
    final String caFile;
    final String certificatePem;
    final String keyPem;
    final String certificateFile;
    final String keyFile;

    private Tls(String caPem, String caFile, String certificatePem, String keyPem, String certificateFile,
            String keyFile) {
        this.caPem = caPem;
        this.caFile = caFile;
        this.certificatePem = certificatePem;
        this.keyPem = keyPem;
        this.certificateFile = certificateFile;
        this.keyFile = keyFile;
    }

    /** The system's CAs, and no client certificate. */
    public static Tls system() {
        return SYSTEM;
    }

    /** Trusts the CAs of this PEM file instead of the system's. */
    public static Tls of(Path ca) {
        return SYSTEM.ca(ca);
    }

    /** Trusts the CAs of the first file, and shows the certificate of the second with the key of the third. */
    public static Tls of(Path ca, Path certificate, Path key) {
        return SYSTEM.ca(ca).client(certificate, key);
    }

    /** Trusts the CAs of this PEM file instead of the system's. */
    public Tls ca(Path file) {
        return new Tls(null, file.toString(), certificatePem, keyPem, certificateFile, keyFile);
    }

    /** Trusts the CAs of this PEM text instead of the system's. */
    public Tls caPem(String pem) {
        return new Tls(pem, null, certificatePem, keyPem, certificateFile, keyFile);
    }

    /** Shows this certificate chain (the device's first), and signs with this key: PKCS#8, SEC1 or PKCS#1. */
    public Tls client(Path certificate, Path key) {
        return new Tls(caPem, caFile, null, null, certificate.toString(), key.toString());
    }

    /** As {@link #client(Path, Path)}, from PEM texts. */
    public Tls clientPem(String certificate, String key) {
        return new Tls(caPem, caFile, certificate, key, null, null);
    }
}
