//! What can be wrong, once each: a stable code for programs, and what to do for people.

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $next:literal;)*) => {
        /// What is wrong. The codes are stable; new ones may come.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Cause {
            $($(#[$doc])* $name,)*
        }

        impl Cause {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in the JSON form.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$name => $code,)*
                }
            }

            /// What to do about it.
            pub const fn next(self) -> &'static str {
                match self {
                    $(Self::$name => $next,)*
                }
            }
        }
    };
}

causes! {
    /// A setting is wrong; there is no client.
    InvalidConfiguration = "invalid_configuration", "Correct the setting that is named.";
    /// The client was closed.
    ClientClosed = "client_closed", "Make a new client.";
    /// The process was forked after the client was made.
    AfterFork = "after_fork", "Make a new client in this process.";
    /// The stored device secret cannot be read.
    StorageFailed = "storage_failed", "Check path, permissions and free space of the secret store.";
    /// The client certificate has expired.
    ClientCertificateExpired = "client_certificate_expired", "Apply for a new client certificate, or set this device's clock if it is ahead.";
    /// The client certificate becomes valid later.
    ClientCertificateNotYetValid = "client_certificate_not_yet_valid", "Set this device's clock; if it is right, wait or apply for another certificate.";
    /// A key or secret begins or ends with white space.
    WhiteSpace = "white_space", "Take the blank or line end away: it counts as part of the key or secret.";

    /// The name of hub or proxy has no address.
    NameNotFound = "name_not_found", "Check the spelling of the host, and that this device's name server (DNS) knows it: try nslookup here.";
    /// The name server did not answer in time.
    NameTimeout = "name_timeout", "Check that this device has a name server (/etc/resolv.conf) and reaches it.";
    /// All addresses refused the connection.
    ConnectionRefused = "connection_refused", "Nobody listens there: check host and port of the hub URL, and that the hub runs; a firewall may refuse, too.";
    /// There is no route to any address.
    Unreachable = "unreachable", "Check this device's network: cable or radio, address, default route, and whether it has IPv4 or IPv6 as the hub does.";
    /// No address answered in time.
    ConnectTimeout = "connect_timeout", "A firewall may drop the packets, or the host is down: check outgoing rules for this port, and the hub.";
    /// The connection could not be made for another reason.
    ConnectFailed = "connect_failed", "Check host and port of the hub URL, the network, and the limits of this process (open files).";

    /// The proxy cannot be reached.
    ProxyUnreachable = "proxy_unreachable", "Check host and port of the proxy, and that it runs.";
    /// The proxy did not answer CONNECT.
    ProxySilent = "proxy_silent", "Check that host and port are those of an HTTP proxy, and look at its log.";
    /// The proxy demands a login.
    ProxyLoginRequired = "proxy_login_required", "Give the proxy's user and password.";
    /// The proxy refused the login.
    ProxyLoginRefused = "proxy_login_refused", "Check the proxy's user and password.";
    /// The proxy forbids the way to the hub.
    ProxyForbidden = "proxy_forbidden", "Ask the proxy's operator to allow CONNECT to the hub's host and port.";
    /// The proxy cannot reach the hub.
    ProxyCannotReachHub = "proxy_cannot_reach_hub", "Check host and port of the hub URL, and whether the proxy's network reaches them.";
    /// What answers as the proxy is none, or answers otherwise.
    ProxyFailed = "proxy_failed", "Check host and port of the proxy, and look at its log.";

    /// This device's clock is behind.
    ClockBehind = "clock_behind", "Set this device's clock (NTP); then certificates are valid again.";

    /// The port does not speak TLS.
    NotTls = "not_tls", "Check the port: 18883 is TLS, 11883 is in clear. For a port in clear write tcp:// in the hub URL.";
    /// The port speaks TLS, and the URL says otherwise.
    TlsExpected = "tls_expected", "Write ssl:// in the hub URL for this port, and give the hub's CA.";
    /// The peer took the connection and did not answer the handshake.
    TlsTimeout = "tls_timeout", "Check that the port speaks TLS, and that no firewall lets the connection in but nothing through.";
    /// The connection broke during the handshake.
    TlsBroken = "tls_broken", "Look at the hub's log for this handshake; a middlebox may cut TLS.";
    /// The hub's certificate was issued by a CA that is not trusted.
    HubCertificateUntrusted = "hub_certificate_untrusted", "Give the CA that issued the hub's certificate. If that was right before, somebody sits between: a captive portal or an inspecting proxy.";
    /// The hub's certificate has expired.
    HubCertificateExpired = "hub_certificate_expired", "The hub's operator must renew it; if this device's clock is ahead, set the clock.";
    /// The hub's certificate is for another name.
    HubCertificateMisnamed = "hub_certificate_misnamed", "Write a name in the hub URL that the certificate has. If the URL is right, another server answers: check DNS, and for a captive portal.";
    /// The hub's certificate was revoked.
    HubCertificateRevoked = "hub_certificate_revoked", "Do not connect; ask the hub's operator.";
    /// The hub's certificate is unfit otherwise.
    HubCertificateUnfit = "hub_certificate_unfit", "Give the CA that issued it (not the certificate itself), or ask the hub's operator.";
    /// No TLS version or algorithm in common.
    NoCommonTls = "no_common_tls", "The hub must offer TLS 1.2 or 1.3 with ECDHE and AES-GCM or ChaCha20: update it, or check that the port is the hub's.";
    /// This system has no CA certificates.
    NoSystemCas = "no_system_cas", "Install the system's CAs (package ca-certificates), or give the hub's CA.";
    /// The hub demands a client certificate.
    ClientCertificateRequired = "client_certificate_required", "Give the client certificate and key of this device.";
    /// The hub refused the client certificate.
    ClientCertificateRefused = "client_certificate_refused", "Check that the hub's CA issued it, that it has not expired, and that it belongs to this device.";
    /// The hub says that the client certificate was revoked.
    ClientCertificateRevoked = "client_certificate_revoked", "Apply for a new client certificate.";
    /// Nothing at all came back over UDP.
    NoAnswer = "no_answer", "Check host and port of the hub URL, that the hub listens for CoAP there, and that firewalls and NAT let UDP through both ways.";
    /// The hub does not know the DTLS identity.
    PskIdentityRefused = "psk_identity_refused", "Compare product key and device key with the cloud, letter by letter; was the device deleted? The hub's journal names the exact cause.";
    /// The hub has another key.
    PskRefused = "psk_refused", "Compare the device secret (for an activation: the product secret) with the cloud, letter by letter; the hub's journal names the exact cause.";
    /// No DTLS version or suite in common.
    NoCommonDtls = "no_common_dtls", "The hub must offer DTLS 1.2 with TLS_PSK_WITH_AES_128_CCM_8 and the extended master secret: update it, or check that the port is the hub's.";
    /// The handshake failed for another reason.
    TlsFailed = "tls_failed", "Look at the hub's log for this handshake.";

    /// CONNACK 4.
    CredentialsRefused = "credentials_refused", "Compare product key, device key and secret with the cloud, letter by letter; was the device deleted or its secret renewed? The hub's journal names the exact cause.";
    /// CONNACK 5.
    NotAuthorized = "not_authorized", "Enable the device in the cloud; if its product asks for a client certificate, give this device's own.";
    /// The activation was refused.
    ActivationRefused = "activation_refused", "Check that the product allows dynamic activation and the device is not active yet; an active device signs in with its own secret.";
    /// CONNACK 3.
    HubUnavailable = "hub_unavailable", "Wait five minutes without signing in, then try once. If it goes on, ask the hub's operator.";
    /// Another CONNACK.
    SignInRefused = "sign_in_refused", "Look the code up (MQTT 3.1.1 §3.2.2.3), and this attempt in the hub's journal.";
    /// The hub closed the connection instead of answering.
    ClosedBeforeConnack = "closed_before_connack", "Check the port, and ssl:// against tcp://: many servers close when they hear the other. Else a load balancer has no hub behind it.";
    /// Nothing came in answer to CONNECT.
    NoConnack = "no_connack", "Check that the port is the hub's MQTT port, and ssl:// against tcp://; else the hub hangs.";
    /// HTTP came in answer to CONNECT.
    HttpPort = "http_port", "This is an HTTP port or a captive portal: check the port of the hub URL; sign in to the network if it asks for it.";
    /// Something else than MQTT came.
    NotMqtt = "not_mqtt", "Check the port of the hub URL: something else listens there.";
    /// The dial budget is used up.
    BudgetSpent = "budget_spent", "Wait as long as is said, then ask again: EnOS blocks a device for 5 minutes that signs in more often.";

    /// The hub acknowledged a request and did not reply.
    NoReply = "no_reply", "The MQTT side of the hub works and its cloud side does not: ask the hub's operator, or look at its journal.";
    /// Neither acknowledgement nor reply.
    LinkDead = "link_dead", "The connection is dead, or the hub hangs: the client finds out by its keep alive and reconnects; look for a firewall that forgets idle connections.";
    /// The connection broke while the reply was awaited.
    ConnectionLost = "connection_lost", "See whether another client signs in with this device key (the newer one wins), or the hub cuts it; its journal knows.";
    /// The hub asks for fewer messages.
    RateLimited = "rate_limited", "Send less, or later.";
    /// The hub replied that the device is unknown or disabled.
    DeviceRefused = "device_refused", "Create or enable the device in the cloud.";
    /// The hub replied with an error of its own.
    HubError = "hub_error", "Ask the hub's operator; the code is the hub's.";

    /// The time for the whole diagnosis ran out.
    OutOfTime = "out_of_time", "Ask again with more time.";
    /// A bug of ours.
    Internal = "internal", "File a bug with this report.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_words_and_advice_is_a_sentence() {
        for (at, cause) in Cause::ALL.iter().enumerate() {
            let code = cause.code();
            assert!(!code.is_empty() && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{code}");
            assert!(cause.next().ends_with('.') && cause.next().len() < 240, "{code}");
            assert!(Cause::ALL[at + 1..].iter().all(|other| other.code() != code), "{code}");
        }
    }
}
