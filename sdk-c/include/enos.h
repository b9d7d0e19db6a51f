/*
 * EnOS device SDK for C99 and C++11.
 *
 *   enos_config_t cfg;
 *   enos_error_t err;
 *   enos_client_t *client = NULL;
 *
 *   enos_config_init(&cfg);
 *   enos_error_init(&err);
 *   cfg.hub = ENOS_LIT("ssl://hub.example:18883");
 *   enos_config_login_device_secret(&cfg, ENOS_LIT("pk"), ENOS_LIT("dk"), ENOS_LIT("secret"));
 *   if (enos_client_new(&cfg, &client, &err) == ENOS_OK && enos_client_connect(client, 10000, &err) == ENOS_OK) {
 *       enos_point_t points[] = { { ENOS_STR("temp"), enos_double(21.5) } };
 *       points->value = enos_with_quality(points->value, 0);
 *       enos_device_post_measurepoints(enos_client_root(client), points, 1, ENOS_TIME_NOW, 5000, NULL, &err);
 *   }
 *   if (err.status != ENOS_OK) fprintf(stderr, "%s\n", err.message);
 *   enos_client_close(client, 2000, NULL);
 *   enos_client_free(client);
 *
 * What holds everywhere
 * - A pointer is NULL or valid. NULL where something is needed gives ENOS_ERR_INVALID_ARGUMENT; an `err`, and an `out`
 *   that says so, may be NULL. What `_new` gives, `_free` takes; `_free(NULL)` is fine.
 * - Arguments are borrowed for the call; a `const` one is only read. Results come last: `out`, then `err`.
 * - Structs that may grow start with `size` and have an `_init`; call it first. enos_value_t, enos_point_t, enos_str_t
 *   and enos_delivery_t never change.
 * - A callback is a function, a `user` pointer for it and, where it may be called more than once, a drop function that is
 *   told once. Callbacks of one client run in order, one at a time, on a thread of the SDK, under no lock: they may call
 *   anything here. A C++ exception or a longjmp must not leave one.
 * - A fault inside the SDK gives ENOS_ERR_INTERNAL and a client that answers nothing else; it does not end the process.
 * - After fork() the child's calls give ENOS_ERR_INVALID_STATE; it makes its own clients.
 *
 * @threads any       may be called from every thread at the same time
 * @blocking          whether it may wait for network, disk or other threads
 * @callback-safe     whether a callback of the same client may call it
 */

#ifndef ENOS_H
#define ENOS_H

/* Made by `ENOS_WRITE=1 cargo test -p sdk-c --test header` of the Rust sources; changes go there. */

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/** The version of this header. */
#define ENOS_VERSION "0.1.0"

/** It went well. */
#define ENOS_OK 0

/** Correct the argument that the message names. */
#define ENOS_ERR_INVALID_ARGUMENT 101

/** Call it in the state that the message names. */
#define ENOS_ERR_INVALID_STATE 102

/** Use the transport or build that the message names. */
#define ENOS_ERR_UNSUPPORTED 103

/** Make a new client. */
#define ENOS_ERR_CLOSED 104

/** Lend a larger buffer. */
#define ENOS_ERR_BUFFER_TOO_SMALL 201

/** Wait until open requests have settled, or raise the limit. Trying again may help. */
#define ENOS_ERR_QUEUE_FULL 202

/** Check free space and permissions of the store. Trying again may help. */
#define ENOS_ERR_STORAGE_FAILED 203

/** Lower the limits, or give the process more memory. Trying again may help. */
#define ENOS_ERR_OUT_OF_MEMORY 204

/** Check the host name in the hub URL and the name server. Trying again may help. */
#define ENOS_ERR_RESOLVE_FAILED 301

/** Check host, port, firewall and proxy, and that the hub runs. Trying again may help. */
#define ENOS_ERR_CONNECT_FAILED 302

/** Check CA, server name, client certificate and the clock. */
#define ENOS_ERR_TLS_FAILED 303

/** Wait for the client to reconnect, then try again. Trying again may help. */
#define ENOS_ERR_LINK_LOST 304

/** Try again, or allow more time. Trying again may help. */
#define ENOS_ERR_TIMEOUT 305

/** Check product key, device key and secret. */
#define ENOS_ERR_SIGNATURE_REJECTED 401

/** Register the device, or check its keys. */
#define ENOS_ERR_DEVICE_UNKNOWN 402

/** Enable the device in the cloud. */
#define ENOS_ERR_DEVICE_DISABLED 403

/** Allow dynamic activation for the product, and check that the device is registered and not yet active. */
#define ENOS_ERR_ACTIVATION_REFUSED 404

/** Check topology, log-in state and permissions. */
#define ENOS_ERR_NOT_AUTHORIZED 405

/** Check that the port speaks MQTT; keep a capture for the hub's operator. Trying again may help. */
#define ENOS_ERR_MALFORMED 501

/** Check that the port speaks MQTT; keep a capture for the hub's operator. Trying again may help. */
#define ENOS_ERR_UNEXPECTED_PACKET 502

/** Look the hub's code up; the hub's journal holds the cause. */
#define ENOS_ERR_HUB_REJECTED 601

/** Send less, or later. Trying again may help. */
#define ENOS_ERR_RATE_LIMITED 602

/** Split the message. */
#define ENOS_ERR_PAYLOAD_TOO_LARGE 603

/** Compare identifiers, types and ranges with the thing model. */
#define ENOS_ERR_MODEL_MISMATCH 604

/** Check the link and the file URL. Trying again may help. */
#define ENOS_ERR_DOWNLOAD_FAILED 701

/** Check the file that was uploaded to the cloud. */
#define ENOS_ERR_VERIFY_FAILED 702

/** Check free space and permissions. */
#define ENOS_ERR_WRITE_FAILED 703

/** Nothing: the device chose so. */
#define ENOS_ERR_DECLINED 704

/** File a bug with the log. */
#define ENOS_ERR_INTERNAL 900

/** An error that is ready, for its declaration: `enos_error_t err = ENOS_ERROR_INIT;` does what `enos_error_init` does. */
#define ENOS_ERROR_INIT { sizeof(enos_error_t), ENOS_OK, 0, 0, 0, "" }

/* In enos.h and in enos_engine.h. */
#ifndef ENOS_SHARED
#define ENOS_SHARED

/**
 * No value; a hub ignores or refuses such a point.
 */
#define ENOS_TYPE_NULL 0

/**
 * A whole number: `as.i`.
 */
#define ENOS_TYPE_INT 1

/**
 * A double, finite: `as.f`.
 */
#define ENOS_TYPE_DOUBLE 2

/**
 * True or false: `as.b`, 1 or 0.
 */
#define ENOS_TYPE_BOOL 3

/**
 * Text: `as.s`.
 */
#define ENOS_TYPE_STR 4

/**
 * Values in order: `as.a`.
 */
#define ENOS_TYPE_ARRAY 5

/**
 * Named values in order: `as.o`.
 */
#define ENOS_TYPE_STRUCT 6

/**
 * What a call came to: `ENOS_OK`, or one of `ENOS_ERR_…`. The numbers are stable, and the same in every language.
 */
typedef int32_t enos_status_t;

/**
 * Text: UTF-8 of so many bytes, which need not end in NUL.
 *
 * As an argument it is borrowed for the call. `{NULL, 0}` is the empty text. `ENOS_LIT("…")` makes one of a literal,
 * `enos_str(s)` of a text that ends in NUL.
 */
typedef struct enos_str_t {
    /**
     * The first byte.
     */
    const char *ptr;
    /**
     * How many bytes.
     */
    size_t len;
} enos_str_t;

/**
 * The values of an array, the caller's.
 */
typedef struct enos_array_t {
    /**
     * The first value.
     */
    const struct enos_value_t *items;
    /**
     * How many.
     */
    size_t count;
} enos_array_t;

/**
 * The fields of a struct, the caller's.
 */
typedef struct enos_struct_t {
    /**
     * The first field; a field is a point whose quality counts for nothing.
     */
    const struct enos_point_t *fields;
    /**
     * How many.
     */
    size_t count;
} enos_struct_t;

/**
 * The value itself; `type` says which member counts.
 */
typedef union enos_as_t {
    /**
     * `ENOS_TYPE_INT`.
     */
    int64_t i;
    /**
     * `ENOS_TYPE_DOUBLE`.
     */
    double f;
    /**
     * `ENOS_TYPE_BOOL`: 1 or 0.
     */
    int32_t b;
    /**
     * `ENOS_TYPE_STR`.
     */
    struct enos_str_t s;
    /**
     * `ENOS_TYPE_ARRAY`.
     */
    struct enos_array_t a;
    /**
     * `ENOS_TYPE_STRUCT`.
     */
    struct enos_struct_t o;
} enos_as_t;

/**
 * A value. Its layout never changes, so arrays of it are safe.
 *
 * Made by `enos_int(5)`, `enos_double(2.5)`, `enos_bool(1)`, `enos_text("…")`, `enos_array(items, count)`,
 * `enos_struct(fields, count)`, `enos_null()`, and `enos_with_quality(value, quality)`.
 */
typedef struct enos_value_t {
    /**
     * `ENOS_TYPE_…`.
     */
    int32_t type;
    /**
     * The quality of the value, 0 to 255; -1 where the model has none.
     */
    int32_t quality;
    /**
     * The value itself.
     */
    union enos_as_t as;
} enos_value_t;

/**
 * A measurepoint: its identifier in the thing model, and its value. Its layout never changes.
 */
typedef struct enos_point_t {
    /**
     * The identifier.
     */
    struct enos_str_t id;
    /**
     * The value, with its quality.
     */
    struct enos_value_t value;
} enos_point_t;

/** Measured now: for `time_ms`. */
#define ENOS_TIME_NOW INT64_MIN

/** A text from a string literal, in an initialiser: `{ ENOS_STR("temp"), enos_double(21.5) }`. */
#define ENOS_STR(literal) { "" literal, sizeof("" literal) - 1 }

/** A text from a string literal, as an argument or in an assignment. */
#ifdef __cplusplus
#define ENOS_LIT(literal) (enos_str_t{ "" literal, sizeof("" literal) - 1 })
#else
#define ENOS_LIT(literal) ((enos_str_t)ENOS_STR(literal))
#endif

/** A text for printf: `printf("%.*s", ENOS_ARG(text))`. */
#define ENOS_ARG(text) ((int)(text).len), ((text).ptr != NULL ? (text).ptr : "")

/** A text that ends in NUL; NULL is the empty one. */
static inline enos_str_t enos_str(const char *text)
{
    enos_str_t made;
    made.ptr = text;
    made.len = text != NULL ? strlen(text) : 0;
    return made;
}

/** No value. */
static inline enos_value_t enos_null(void)
{
    enos_value_t made;
    memset(&made, 0, sizeof made);
    made.type = ENOS_TYPE_NULL;
    made.quality = -1;
    return made;
}

/** A whole number. */
static inline enos_value_t enos_int(int64_t value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_INT;
    made.as.i = value;
    return made;
}

/** A double; it must be finite. */
static inline enos_value_t enos_double(double value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_DOUBLE;
    made.as.f = value;
    return made;
}

/** True (any number but 0) or false. */
static inline enos_value_t enos_bool(int value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_BOOL;
    made.as.b = value != 0;
    return made;
}

/** A text; borrowed. */
static inline enos_value_t enos_text(enos_str_t value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_STR;
    made.as.s = value;
    return made;
}

/** Values in order; borrowed. */
static inline enos_value_t enos_array(const enos_value_t *items, size_t count)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_ARRAY;
    made.as.a.items = items;
    made.as.a.count = count;
    return made;
}

/** Named values in order; borrowed. */
static inline enos_value_t enos_struct(const enos_point_t *fields, size_t count)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_STRUCT;
    made.as.o.fields = fields;
    made.as.o.count = count;
    return made;
}

/** The same value with a quality, 0 to 255. */
static inline enos_value_t enos_with_quality(enos_value_t value, int quality)
{
    value.quality = quality;
    return value;
}

#endif /* ENOS_SHARED */


/**
 * Bytes of an error's text, with the NUL at its end.
 */
#define ENOS_MESSAGE_SIZE 1000

/**
 * No login was set yet.
 */
#define ENOS_LOGIN_NONE 0

/**
 * The device's own secret.
 */
#define ENOS_LOGIN_DEVICE_SECRET 1

/**
 * The product's secret, for the device's own, which a store keeps.
 */
#define ENOS_LOGIN_DYNAMIC_ACTIVATION 2

/**
 * A step that this header does not name yet.
 */
#define ENOS_LIFECYCLE_OTHER 0

/**
 * A dial begins; an activation and the sign-in that follows it are one.
 */
#define ENOS_LIFECYCLE_CONNECTING 1

/**
 * Signed in: posts flow and commands arrive.
 */
#define ENOS_LIFECYCLE_ONLINE 2

/**
 * The attempt failed: `error`, `retry_in_ms`.
 */
#define ENOS_LIFECYCLE_CONNECT_FAILED 3

/**
 * The connection is gone: `error` (`ENOS_ERR_CLOSED` if it was asked for), `will_retry`.
 */
#define ENOS_LIFECYCLE_OFFLINE 4

/**
 * The device received its own secret and stored it.
 */
#define ENOS_LIFECYCLE_ACTIVATED 5

/**
 * The client was closed; nothing follows.
 */
#define ENOS_LIFECYCLE_CLOSED 6

/**
 * A fate that this header does not name yet.
 */
#define ENOS_DELIVERY_OTHER 0

/**
 * The hub has accepted it.
 */
#define ENOS_DELIVERY_ACKNOWLEDGED 1

/**
 * It was taken, and the caller did not wait: sent as soon as there is a connection, and again after a lost one.
 */
#define ENOS_DELIVERY_QUEUED 2

/**
 * A kind that this header does not name yet.
 */
#define ENOS_INVOCATION_OTHER 0

/**
 * Invoke a service.
 */
#define ENOS_INVOCATION_SERVICE 1

/**
 * Set measurepoints; the parameters are the points by identifier.
 */
#define ENOS_INVOCATION_MEASUREPOINT_SET 2

/**
 * Read measurepoints; the parameters name them.
 */
#define ENOS_INVOCATION_MEASUREPOINT_GET 3

/**
 * Nothing.
 */
#define ENOS_LOG_OFF 0

/**
 * A bug of the SDK.
 */
#define ENOS_LOG_ERROR 1

/**
 * Somebody should act.
 */
#define ENOS_LOG_WARN 2

/**
 * Lifecycle.
 */
#define ENOS_LOG_INFO 3

/**
 * Topics and ids.
 */
#define ENOS_LOG_DEBUG 4

/**
 * Bytes.
 */
#define ENOS_LOG_TRACE 5

/**
 * The topic of a request or command.
 */
#define ENOS_TOPIC_REQUEST 1

/**
 * The topic of its reply.
 */
#define ENOS_TOPIC_REPLY 2

/**
 * The method in its envelope; empty where such messages carry none.
 */
#define ENOS_TOPIC_METHOD 3

/**
 * A device's connection to the hub, which heals itself once it has been online.
 */
typedef struct enos_client_t enos_client_t;

/**
 * A device of a client. Borrowed, never freed by the program.
 */
typedef struct enos_device_t enos_device_t;

/**
 * What a diagnosis found. Immutable; its texts live as long as it does.
 */
typedef struct enos_doctor_report_t enos_doctor_report_t;

/**
 * A command of the hub; the SDK's, for the time of the callback.
 */
typedef struct enos_invocation_t enos_invocation_t;

/**
 * A handler that was registered.
 */
typedef struct enos_registration_t enos_registration_t;

/**
 * The right and the duty to answer a command: now or later, from any thread. Each function that takes one consumes it,
 * whatever it returns. One that could not answer, and `enos_responder_free`, answer with the failure 1102.
 */
typedef struct enos_responder_t enos_responder_t;

/**
 * Threads for many clients: one moves bytes, four run callbacks, up to four dial.
 */
typedef struct enos_runtime_t enos_runtime_t;

/**
 * Where devices keep the secrets that they receive. Clients hold it too, so it may be freed at any time.
 */
typedef struct enos_secret_store_t enos_secret_store_t;

/**
 * How a call went, with the text for people. The caller's: there is nothing to free, and every call takes NULL too.
 *
 * Give it to `enos_error_init` once; each call that gets it then writes it, `ENOS_OK` and the empty text included.
 */
typedef struct enos_error_t {
    /**
     * `sizeof(enos_error_t)` of the program; `enos_error_init` sets it.
     */
    uint32_t size;
    /**
     * The kind.
     */
    enos_status_t status;
    /**
     * The hub's code as it was sent; 0 where the hub said nothing.
     */
    int64_t hub_code;
    /**
     * 1 if the same call may succeed later without anybody changing anything, else 0.
     */
    int32_t retryable;
    /**
     * Zero.
     */
    int32_t reserved;
    /**
     * Thing, cause and next step, for people; UTF-8, ends in NUL, cut at a character's end if it is too long. Never
     * holds a secret.
     */
    char message[ENOS_MESSAGE_SIZE];
} enos_error_t;

/**
 * Loads a device's secret: writes it to `buffer` (so many bytes at the most) and its length to `*length`; 0 if there
 * is none yet. Any other status than `ENOS_OK` is a failure; `enos_error_set(err, …)` may say why.
 *
 * May run on any thread, and may wait for a disk; one call at a time for a client. All arguments are lent for the call.
 */
typedef enos_status_t (*enos_secret_load_fn)(void *user,
                                             enos_str_t product_key,
                                             enos_str_t device_key,
                                             char *buffer,
                                             size_t capacity,
                                             size_t *length,
                                             struct enos_error_t *err);

/**
 * Keeps a device's secret in place of an earlier one. Must return `ENOS_OK` only when the secret would survive a power
 * cut: the hub hands it out once.
 *
 * Threads and failures as for `enos_secret_load_fn`.
 */
typedef enos_status_t (*enos_secret_store_fn)(void *user,
                                              enos_str_t product_key,
                                              enos_str_t device_key,
                                              enos_str_t secret,
                                              struct enos_error_t *err);

/**
 * Told once, when the `user` pointer that was given along will not be used any more. May be NULL.
 *
 * It runs on a callback thread, or within the call that failed, and may call anything.
 */
typedef void (*enos_drop_fn)(void *user);

/**
 * How a client is made. Give it to `enos_config_init` first; set what differs; give it to `enos_client_new`.
 *
 * Nothing in it is copied before `enos_client_new`, and nothing is used after: texts and handles must stay until then.
 * In a number, any negative value means the SDK's default. Later versions append fields.
 */
typedef struct enos_config_t {
    /**
     * `sizeof(enos_config_t)` of the program; `enos_config_init` sets it.
     */
    uint32_t size;
    /**
     * `ENOS_LOGIN_…`; set by `enos_config_login_…`.
     */
    int32_t login;
    /**
     * The hub: `ssl://host:18883`, or `tcp://host:11883` in clear; for small devices `coaps://host:5684`, or
     * `coap://host:5683` in clear. Needed.
     */
    enos_str_t hub;
    /**
     * The product's key.
     */
    enos_str_t product_key;
    /**
     * The device's key.
     */
    enos_str_t device_key;
    /**
     * The device's secret, or the product's.
     */
    enos_str_t secret;
    /**
     * Where an activation keeps the device's secret.
     */
    const struct enos_secret_store_t *store;
    /**
     * Threads to share; NULL: the client makes its own.
     */
    const struct enos_runtime_t *runtime;
    /**
     * CAs to trust instead of the system's, PEM text.
     */
    enos_str_t tls_ca;
    /**
     * The same as a file's path.
     */
    enos_str_t tls_ca_file;
    /**
     * The client certificate to show, the device's first, PEM text.
     */
    enos_str_t tls_cert;
    /**
     * Its key: PKCS#8, SEC1 or PKCS#1, PEM text.
     */
    enos_str_t tls_key;
    /**
     * The certificate as a file's path.
     */
    enos_str_t tls_cert_file;
    /**
     * The key as a file's path.
     */
    enos_str_t tls_key_file;
    /**
     * An HTTP proxy to go through: its name or address. Empty: none.
     */
    enos_str_t proxy_host;
    /**
     * Who signs in at the proxy. Empty: nobody.
     */
    enos_str_t proxy_user;
    /**
     * The password for the proxy.
     */
    enos_str_t proxy_password;
    /**
     * The proxy's port.
     */
    int32_t proxy_port;
    /**
     * MQTT clean session: 1 or 0. Default 1.
     */
    int32_t clean_session;
    /**
     * MQTT keep alive in seconds; 0 switches it off. Default 60.
     */
    int32_t keep_alive_s;
    /**
     * QoS 1 messages sent and not yet acknowledged, at the most. Default 256.
     */
    int32_t in_flight;
    /**
     * So many dials (1 to 8) within `dial_window_s`. Default 4, since EnOS blocks a device that dials more.
     */
    int32_t dial_budget;
    /**
     * Goes with `dial_budget`. Default 120.
     */
    int32_t dial_window_s;
    /**
     * First pause between dials. Default 1000.
     */
    int32_t backoff_first_ms;
    /**
     * Largest pause between dials; goes with `backoff_first_ms`. Default 64000.
     */
    int32_t backoff_largest_ms;
    /**
     * Longest wait for CONNACK. Default 10000.
     */
    int32_t sign_in_timeout_ms;
    /**
     * Longest wait for the activation message. Default 30000.
     */
    int32_t activation_timeout_ms;
    /**
     * Longest wait for the answer to a keep-alive ping. Default 10000.
     */
    int32_t pong_timeout_ms;
    /**
     * Longest wait for one address to accept. Default 5000.
     */
    int32_t address_timeout_ms;
    /**
     * Longest wait for proxy and TLS handshake together. Default 10000.
     */
    int32_t handshake_timeout_ms;
    /**
     * Longest time of one dial: look-up, all addresses, proxy, TLS. Default 30000.
     */
    int32_t dial_timeout_ms;
    /**
     * Bytes of received packets held at once.
     */
    int64_t limit_receive;
    /**
     * Bytes encoded but not yet sent.
     */
    int64_t limit_transmit;
    /**
     * Bytes of messages waiting to be sent or answered.
     */
    int64_t limit_outbox;
    /**
     * Bytes of names: host, keys, secrets, service identifiers.
     */
    int64_t limit_names;
    /**
     * Requests open at once.
     */
    int32_t limit_requests;
    /**
     * Commands taken but not yet answered.
     */
    int32_t limit_calls;
    /**
     * Handlers registered.
     */
    int32_t limit_handlers;
    /**
     * Zero.
     */
    int32_t reserved;
    /**
     * CoAP: the silence in seconds after which the hub takes the device as gone, 30 to 86400. Default 3600.
     */
    int32_t coap_lifetime_s;
    /**
     * CoAP: 1 for a device that sleeps between its posts; nothing is sent by itself then. Default 0.
     */
    int32_t sleepy;
    /**
     * CoAP: bytes sent per second, on average; 0: no limit. Default 10240, which is what EnOS takes.
     */
    int32_t coap_rate_limit;
    /**
     * Zero.
     */
    int32_t reserved2;
} enos_config_t;

/**
 * Counters since the client was made; the same names in every language.
 *
 * Give it to `enos_stats_init` once.
 */
typedef struct enos_stats_t {
    /**
     * `sizeof(enos_stats_t)` of the program; `enos_stats_init` sets it.
     */
    uint32_t size;
    /**
     * Requests open now.
     */
    uint32_t open_requests;
    /**
     * Bytes of messages waiting now.
     */
    uint64_t queued_bytes;
    /**
     * Bytes sent.
     */
    uint64_t bytes_sent;
    /**
     * Bytes received.
     */
    uint64_t bytes_received;
    /**
     * Messages sent: posts and answers, repetitions included.
     */
    uint64_t messages_sent;
    /**
     * Messages received: replies and commands.
     */
    uint64_t messages_received;
    /**
     * Messages that were sent again after a lost link.
     */
    uint64_t retries;
    /**
     * Times that the client came online after its first.
     */
    uint64_t reconnects;
    /**
     * Requests that the hub accepted.
     */
    uint64_t acknowledged;
    /**
     * Requests that the hub rejected.
     */
    uint64_t rejected;
    /**
     * Requests that failed: time-out, offline, closed.
     */
    uint64_t failed;
    /**
     * Messages dropped because they were larger than the limits.
     */
    uint64_t dropped_oversize;
    /**
     * Messages dropped because no feature knows their topic.
     */
    uint64_t dropped_unknown;
    /**
     * Messages dropped because they were malformed.
     */
    uint64_t dropped_malformed;
    /**
     * Replies that belonged to no open request.
     */
    uint64_t dropped_stray;
    /**
     * Answers lost with their link, or refused offline.
     */
    uint64_t dropped_answers;
    /**
     * CoAP: datagrams sent, repetitions and DTLS included.
     */
    uint64_t datagrams_sent;
    /**
     * CoAP: datagrams received.
     */
    uint64_t datagrams_received;
    /**
     * CoAP: milliseconds during which an answer was waited for; as long the radio had to be on.
     */
    uint64_t radio_on_ms;
} enos_stats_t;

/**
 * Hears how something asked for came out, once, on a callback thread. `error` is never NULL: with `ENOS_OK` its text is
 * empty. It is the SDK's, for the time of the callback.
 */
typedef void (*enos_done_fn)(void *user, enos_status_t status, const struct enos_error_t *error);

/**
 * A step in the life of a connection; the SDK's, for the time of the callback. Later versions append fields.
 *
 * Each `CONNECTING` is followed by exactly one `ONLINE` or `CONNECT_FAILED`, each `ONLINE` by exactly one `OFFLINE`;
 * `CLOSED` is last.
 */
typedef struct enos_lifecycle_t {
    /**
     * Bytes of this struct in the library.
     */
    uint32_t size;
    /**
     * `ENOS_LIFECYCLE_…`.
     */
    int32_t step;
    /**
     * Milliseconds until the next dial; -1 if none follows.
     */
    int64_t retry_in_ms;
    /**
     * 1 if the client dials again by itself, else 0.
     */
    int32_t will_retry;
    /**
     * Zero.
     */
    int32_t reserved;
    /**
     * Why; NULL where there is nothing to tell.
     */
    const struct enos_error_t *error;
} enos_lifecycle_t;

/**
 * Hears of each step in the life of a connection, in order, on a callback thread.
 */
typedef void (*enos_lifecycle_fn)(void *user, const struct enos_lifecycle_t *step);

/**
 * What a device did between two sleeps, as UDP payload: DTLS and its handshake included, IP and UDP headers not.
 *
 * Give it to `enos_wake_report_init` once. Later versions append fields.
 */
typedef struct enos_wake_report_t {
    /**
     * `sizeof(enos_wake_report_t)` of the program; `enos_wake_report_init` sets it.
     */
    uint32_t size;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * Datagrams sent, repetitions included.
     */
    uint64_t datagrams_sent;
    /**
     * Datagrams received.
     */
    uint64_t datagrams_received;
    /**
     * Bytes sent.
     */
    uint64_t bytes_sent;
    /**
     * Bytes received.
     */
    uint64_t bytes_received;
    /**
     * Milliseconds during which an answer was waited for; as long the radio had to be on.
     */
    uint64_t radio_on_ms;
} enos_wake_report_t;

/**
 * Hears how a sleep came out, once, on a callback thread. `report` is NULL unless `status` is `ENOS_OK`; `error` is
 * never NULL. Both are the SDK's, for the time of the callback.
 */
typedef void (*enos_slept_fn)(void *user,
                              enos_status_t status,
                              const struct enos_error_t *error,
                              const struct enos_wake_report_t *report);

/**
 * The fate of a post.
 */
typedef struct enos_delivery_t {
    /**
     * `ENOS_DELIVERY_…`.
     */
    int32_t fate;
    /**
     * The request's number.
     */
    uint32_t request;
} enos_delivery_t;

/**
 * Handles a command, on a callback thread. `call` is lent for the time of the callback; `reply` is the program's to answer.
 *
 * It may block and may call anything here, `enos_client_close` and `enos_client_free` too. A C++ exception must not leave
 * it: the process would end.
 */
typedef void (*enos_command_fn)(void *user,
                                const struct enos_invocation_t *call,
                                struct enos_responder_t *reply);

/**
 * Hears of a diagnosis, once, on a thread of its own, where anything may be called. `report` is the program's from then
 * on: free it with `enos_doctor_report_free`.
 */
typedef void (*enos_doctor_fn)(void *user, struct enos_doctor_report_t *report);

/**
 * Hears a line of the log: its level, the part of the SDK that wrote it, and its text, without a line end. Lent for the
 * call. Lines come in order, one at a time, on a thread of their own; it may call anything here.
 */
typedef void (*enos_log_fn)(void *user, int32_t level, enos_str_t target, enos_str_t message);

/**
 * A parameter to sign. Its layout never changes, so arrays of it are safe.
 */
typedef struct enos_parameter_t {
    /**
     * Its name.
     */
    enos_str_t name;
    /**
     * Its value.
     */
    enos_str_t value;
} enos_parameter_t;

/**
 * A topic taken apart. Its layout never changes.
 */
typedef struct enos_topic_t {
    /**
     * The product's key: a part of the topic that was given. Empty if the topic is none of EnOS's.
     */
    enos_str_t product_key;
    /**
     * The device's key, likewise; empty too for the `integration.…` kinds.
     */
    enos_str_t device_key;
    /**
     * 1 if it is the topic of a reply, else 0.
     */
    int32_t is_reply;
    /**
     * Zero.
     */
    int32_t reserved;
} enos_topic_t;

/**
 * A hub's URL taken apart. Its layout never changes.
 */
typedef struct enos_hub_url_t {
    /**
     * `tcp`, `ssl`, `coap` or `coaps`. Static.
     */
    enos_str_t scheme;
    /**
     * Name or address, without brackets: a part of the URL that was given.
     */
    enos_str_t host;
    /**
     * The port, or the scheme's own where the URL names none.
     */
    int32_t port;
    /**
     * Zero.
     */
    int32_t reserved;
} enos_hub_url_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes an error ready: its size, `ENOS_OK` and the empty text.
 *
 * NULL is ignored.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_error_init(struct enos_error_t *err);

/**
 * Fills an error in: for callbacks that tell the SDK why they failed, such as those of a secret store.
 *
 * NULL is ignored, and so is an error that is not made ready. A number that is no `ENOS_ERR_…` becomes
 * `ENOS_ERR_INTERNAL`. A text that is no UTF-8 is repaired.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_error_set(struct enos_error_t *err, enos_status_t status, enos_str_t message);

/**
 * A status in C's words, such as `ENOS_ERR_TIMEOUT`; the empty text for what is none. Static.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_status_name(enos_status_t status);

/**
 * The next step for whoever meets this status; the empty text for what is none. Static.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_status_hint(enos_status_t status);

/**
 * 1 if a call that ended with this status may succeed later without anybody changing anything, else 0.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
int32_t enos_status_retryable(enos_status_t status);

/**
 * Keeps secrets in files that only their owner can read, `<folder>/<product key>/<device key>.secret`; the folder is
 * made when the first one is stored.
 *
 * Free it with `enos_secret_store_free`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_secret_store_new_file(enos_str_t folder,
                                         struct enos_secret_store_t **out,
                                         struct enos_error_t *err);

/**
 * Keeps secrets while the process lives: for tests, and where something else makes them last.
 *
 * Free it with `enos_secret_store_free`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_secret_store_new_memory(struct enos_secret_store_t **out, struct enos_error_t *err);

/**
 * Keeps secrets by two functions of the program.
 *
 * `drop` is told once `user` will not be used any more: when the handle is freed and the last client that holds it is
 * gone, or before this returns if it fails. Free it with `enos_secret_store_free`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_secret_store_new_custom(enos_secret_load_fn load,
                                           enos_secret_store_fn store,
                                           void *user,
                                           enos_drop_fn drop,
                                           struct enos_secret_store_t **out,
                                           struct enos_error_t *err);

/**
 * Lets go of a store; clients that use it keep it. NULL is fine.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_secret_store_free(struct enos_secret_store_t *store);

/**
 * Makes threads for many clients: set `config.runtime` to it. A client without one makes its own.
 *
 * Free it with `enos_runtime_free`. Fails if the operating system gives no poller or thread.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_runtime_new(struct enos_runtime_t **out, struct enos_error_t *err);

/**
 * Lets go of the threads; they end when the last client on them is gone. NULL is fine.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_runtime_free(struct enos_runtime_t *runtime);

/**
 * The version of the library that runs, such as "0.1.0"; compare it with `ENOS_VERSION`, that of the header. Static.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
const char *enos_version(void);

/**
 * Makes a configuration ready: its size, nothing set, every number the SDK's default. NULL is ignored.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_config_init(struct enos_config_t *config);

/**
 * Signs in with the device's own secret. The texts are borrowed until `enos_client_new`.
 *
 * Fails only with `ENOS_ERR_INVALID_ARGUMENT`, if the configuration is NULL or was not made ready.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_login_device_secret(struct enos_config_t *config,
                                              enos_str_t product_key,
                                              enos_str_t device_key,
                                              enos_str_t device_secret);

/**
 * Receives the device's own secret once, for the product's, and keeps it in the store; signs in with it then, and at
 * each later start. Texts and store are borrowed until `enos_client_new`.
 *
 * Fails as `enos_config_login_device_secret`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_login_dynamic_activation(struct enos_config_t *config,
                                                   enos_str_t product_key,
                                                   enos_str_t device_key,
                                                   enos_str_t product_secret,
                                                   const struct enos_secret_store_t *store);

/**
 * Trusts the CAs of this PEM text instead of the system's. The text is borrowed until `enos_client_new`.
 *
 * Fails as `enos_config_login_device_secret`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_tls_ca(struct enos_config_t *config, enos_str_t pem);

/**
 * As `enos_config_tls_ca`, from a file, which `enos_client_new` reads.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_tls_ca_file(struct enos_config_t *config, enos_str_t path);

/**
 * Shows this certificate chain (the device's first), and signs with this key: PKCS#8, SEC1 or PKCS#1, in PEM. The texts
 * are borrowed until `enos_client_new`.
 *
 * Fails as `enos_config_login_device_secret`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_tls_client(struct enos_config_t *config,
                                     enos_str_t certificate,
                                     enos_str_t key);

/**
 * As `enos_config_tls_client`, from files, which `enos_client_new` reads.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_tls_client_files(struct enos_config_t *config,
                                           enos_str_t certificate,
                                           enos_str_t key);

/**
 * Goes through an HTTP proxy, which is asked to CONNECT. The text is borrowed until `enos_client_new`.
 *
 * Fails as `enos_config_login_device_secret`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_proxy(struct enos_config_t *config, enos_str_t host, int32_t port);

/**
 * Signs in at the proxy (Basic). The texts are borrowed until `enos_client_new`; they go to the proxy unencrypted.
 *
 * Fails as `enos_config_login_device_secret`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_config_proxy_login(struct enos_config_t *config,
                                      enos_str_t user,
                                      enos_str_t password);

/**
 * Makes counters ready: their size, and zeros. NULL is ignored.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_stats_init(struct enos_stats_t *stats);

/**
 * Makes a client; it does not connect yet. Reads files and the secret store that the configuration names.
 *
 * Fails with `ENOS_ERR_INVALID_ARGUMENT` on whatever is wrong with the configuration, and with
 * `ENOS_ERR_STORAGE_FAILED` if the store cannot be read; `*out` is NULL then. Free it with `enos_client_free`.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_client_new(const struct enos_config_t *config,
                              struct enos_client_t **out,
                              struct enos_error_t *err);

/**
 * The device that signs in. Borrowed: it lives as long as the client. NULL for NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
struct enos_device_t *enos_client_root(struct enos_client_t *client);

/**
 * Connects and signs in; from then on every loss is healed in the background.
 *
 * Tries until its time is over, but returns at once on what trying again cannot cure: a wrong secret, a refused
 * certificate. Then the client stops, and may be asked again. Register handlers first: a command may come with the first
 * byte. Returns at once if the client is online.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_client_connect(struct enos_client_t *client,
                                  uint32_t timeout_ms,
                                  struct enos_error_t *err);

/**
 * As `enos_client_connect`, without waiting: if it returns `ENOS_OK`, `done` is told once, on a callback thread;
 * otherwise never. `done` may be NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_client_connect_async(struct enos_client_t *client,
                                        uint32_t timeout_ms,
                                        enos_done_fn done,
                                        void *user,
                                        struct enos_error_t *err);

/**
 * Takes nothing new, lets open posts settle within the time, signs off, and waits for callbacks that run.
 *
 * What has not settled fails with `ENOS_ERR_CLOSED`, and so does whatever is asked of the client later. Called from a
 * callback of this client it only starts closing. A second close waits for the first. Fails with `ENOS_ERR_TIMEOUT` if a
 * callback does not return in time.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_client_close(struct enos_client_t *client,
                                uint32_t timeout_ms,
                                struct enos_error_t *err);

/**
 * As `enos_client_close`, without waiting: if it returns `ENOS_OK`, `done` is told once, as the client's last callback;
 * otherwise never. `done` may be NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_client_close_async(struct enos_client_t *client,
                                      uint32_t timeout_ms,
                                      enos_done_fn done,
                                      void *user,
                                      struct enos_error_t *err);

/**
 * Frees a client, and closes it first, within a short time, if that was not done. NULL is fine.
 *
 * Calls of other threads that have begun end with `ENOS_ERR_CLOSED`; none may begin any more, with the client or with
 * its devices. From a callback of this client it only starts closing.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
void enos_client_free(struct enos_client_t *client);

/**
 * Calls `handler` with each step in the connection's life, in order, on a callback thread.
 *
 * `drop` is told once `user` will not be used any more: when the handler was taken away or the client is gone, or before
 * this returns if it fails. `out` may be NULL: then the handler stays until the client is closed.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_client_on_lifecycle(struct enos_client_t *client,
                                       enos_lifecycle_fn handler,
                                       void *user,
                                       enos_drop_fn drop,
                                       struct enos_registration_t **out,
                                       struct enos_error_t *err);

/**
 * Counters since the client was made. `out` must have been given to `enos_stats_init`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_client_stats(struct enos_client_t *client,
                                struct enos_stats_t *out,
                                struct enos_error_t *err);

/**
 * Makes a report ready: its size, and zeros. NULL is ignored.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_wake_report_init(struct enos_wake_report_t *report);

/**
 * Finishes what is open, so that the device may sleep: waits until all posts are settled, the commands that wait at the
 * hub are fetched, and their answers delivered. `out`, which may be NULL, tells what it took to be awake since the last
 * sleep; it must have been given to `enos_wake_report_init`.
 *
 * The client stays as it is: what is asked of it next wakes it, and signs in first if the lifetime has ended. CoAP only:
 * over MQTT it fails with `ENOS_ERR_UNSUPPORTED`. Fails with `ENOS_ERR_TIMEOUT` if something is still open then.
 *
 * @threads any
 * @blocking yes
 * @callback-safe no: the commands' handlers have to run meanwhile
 */
enos_status_t enos_client_sleep(struct enos_client_t *client,
                                uint32_t timeout_ms,
                                struct enos_wake_report_t *out,
                                struct enos_error_t *err);

/**
 * As `enos_client_sleep`, without waiting: if it returns `ENOS_OK`, `done` is told once, on a callback thread; otherwise
 * never. `done` may be NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_client_sleep_async(struct enos_client_t *client,
                                      uint32_t timeout_ms,
                                      enos_slept_fn done,
                                      void *user,
                                      struct enos_error_t *err);

/**
 * The product's key. Lent: it lives as long as the device. Empty for NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_device_product_key(const struct enos_device_t *device);

/**
 * The device's key. Lent: it lives as long as the device. Empty for NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_device_key(const struct enos_device_t *device);

/**
 * Posts points and waits for the hub's reply, with the wait for a connection and for room in the queue.
 *
 * All points are of one moment: milliseconds since 1970, or `ENOS_TIME_NOW`. Of an identifier that is there twice the hub
 * keeps one value. `out` may be NULL. Fails with the hub's code, or with `ENOS_ERR_TIMEOUT` or `ENOS_ERR_LINK_LOST`.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_device_post_measurepoints(struct enos_device_t *device,
                                             const enos_point_t *points,
                                             size_t count,
                                             int64_t time_ms,
                                             uint32_t timeout_ms,
                                             struct enos_delivery_t *out,
                                             struct enos_error_t *err);

/**
 * Posts points without waiting: if it returns `ENOS_OK`, `done` is told once, on a callback thread; otherwise never.
 *
 * `done` may be NULL: the post goes its way, and if its time runs out, that is logged and counted only. `out` may be NULL;
 * it gets the request's number, and `done` may be told before that. Fails with `ENOS_ERR_QUEUE_FULL` while there is no
 * room. The points are read before this returns.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_device_post_measurepoints_async(struct enos_device_t *device,
                                                   const enos_point_t *points,
                                                   size_t count,
                                                   int64_t time_ms,
                                                   uint32_t timeout_ms,
                                                   enos_done_fn done,
                                                   void *user,
                                                   struct enos_delivery_t *out,
                                                   struct enos_error_t *err);

/**
 * Calls `handler` for each invocation of this service, in place of an earlier handler.
 *
 * Handlers of one client run one after the other, on a callback thread. Without a handler the client answers 1101; a
 * handler that lets its responder go without an answer has answered 1102. `drop` is told once `user` will not be used any
 * more: when the handler was taken away or replaced or the client is gone, or before this returns if it fails. `out` may
 * be NULL: then the handler stays until the client is closed.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_device_on_service(struct enos_device_t *device,
                                     enos_str_t identifier,
                                     enos_command_fn handler,
                                     void *user,
                                     enos_drop_fn drop,
                                     struct enos_registration_t **out,
                                     struct enos_error_t *err);

/**
 * Calls `handler` when the hub sets measurepoints; as `enos_device_on_service`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_device_on_measurepoint_set(struct enos_device_t *device,
                                              enos_command_fn handler,
                                              void *user,
                                              enos_drop_fn drop,
                                              struct enos_registration_t **out,
                                              struct enos_error_t *err);

/**
 * Calls `handler` when the hub reads measurepoints; as `enos_device_on_service`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_device_on_measurepoint_get(struct enos_device_t *device,
                                              enos_command_fn handler,
                                              void *user,
                                              enos_drop_fn drop,
                                              struct enos_registration_t **out,
                                              struct enos_error_t *err);

/**
 * What is asked for: `ENOS_INVOCATION_…`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
int32_t enos_invocation_kind(const struct enos_invocation_t *call);

/**
 * The service's identifier; empty for measurepoints. Lent: it lives as long as the call.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_invocation_identifier(const struct enos_invocation_t *call);

/**
 * The parameters as JSON text. Lent: it lives as long as the call.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_invocation_params(const struct enos_invocation_t *call);

/**
 * Who is meant. Borrowed: it lives as long as the call. NULL for NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
struct enos_device_t *enos_invocation_device(const struct enos_invocation_t *call);

/**
 * Takes the handler away, unless another has taken its place, and frees the registration. A call that runs goes on. NULL
 * is fine.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_registration_close(struct enos_registration_t *registration);

/**
 * Frees the registration and leaves the handler where it is, until the client is closed. NULL is fine.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_registration_free(struct enos_registration_t *registration);

/**
 * Answers with a code of the device (200 is done, own ones from 2000 on), and outputs as the text of a JSON object;
 * empty for none. Consumes `reply`.
 *
 * Waits for room while the queue is full, 10 s at the most. Fails with `ENOS_ERR_LINK_LOST` if there is no connection to
 * carry it: the hub has given the command up then. A failure is logged too, so it may be ignored.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_responder_reply(struct enos_responder_t *reply,
                                   int32_t code,
                                   enos_str_t json,
                                   struct enos_error_t *err);

/**
 * As `enos_responder_reply`, with outputs as named values; a field is a point whose quality counts for nothing.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_responder_reply_values(struct enos_responder_t *reply,
                                          int32_t code,
                                          const enos_point_t *outputs,
                                          size_t count,
                                          struct enos_error_t *err);

/**
 * Not done: a code of the device (from 2000 on), and a text for people. Consumes `reply`; as `enos_responder_reply`.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_responder_fail(struct enos_responder_t *reply,
                                  int32_t code,
                                  enos_str_t message,
                                  struct enos_error_t *err);

/**
 * Any answer: code, outputs as the text of a JSON object (empty for none), and a text for people. Consumes `reply`; as
 * `enos_responder_reply`.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_responder_answer(struct enos_responder_t *reply,
                                    int32_t code,
                                    enos_str_t json,
                                    enos_str_t message,
                                    struct enos_error_t *err);

/**
 * As `enos_responder_reply`, without waiting. Consumes `reply`, whatever it returns.
 *
 * If it returns `ENOS_OK`, `done` is told once, on a callback thread: `ENOS_OK` when the answer has found its place in the
 * queue, `ENOS_ERR_QUEUE_FULL` if there was none for 10 s, `ENOS_ERR_LINK_LOST` or `ENOS_ERR_CLOSED` if there is nobody to
 * carry it any more; otherwise never. `done` may be NULL. The texts are read before this returns.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_responder_reply_async(struct enos_responder_t *reply,
                                         int32_t code,
                                         enos_str_t json,
                                         enos_done_fn done,
                                         void *user,
                                         struct enos_error_t *err);

/**
 * As `enos_responder_reply_values`, without waiting; `done` as for `enos_responder_reply_async`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_responder_reply_values_async(struct enos_responder_t *reply,
                                                int32_t code,
                                                const enos_point_t *outputs,
                                                size_t count,
                                                enos_done_fn done,
                                                void *user,
                                                struct enos_error_t *err);

/**
 * As `enos_responder_fail`, without waiting; `done` as for `enos_responder_reply_async`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_responder_fail_async(struct enos_responder_t *reply,
                                        int32_t code,
                                        enos_str_t message,
                                        enos_done_fn done,
                                        void *user,
                                        struct enos_error_t *err);

/**
 * As `enos_responder_answer`, without waiting; `done` as for `enos_responder_reply_async`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_responder_answer_async(struct enos_responder_t *reply,
                                          int32_t code,
                                          enos_str_t json,
                                          enos_str_t message,
                                          enos_done_fn done,
                                          void *user,
                                          struct enos_error_t *err);

/**
 * Lets a command go without an answer of its own: the client answers 1102. NULL is fine.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_responder_free(struct enos_responder_t *reply);

/**
 * Walks the client's own way to the hub and back, and says which step fails, why, and what to do: settings, name look-up,
 * TCP, proxy, clock, TLS, sign-in, a reply. `timeout_ms` is for all of it, 0 for 10,000.
 *
 * What is wrong stands in the report; the call itself fails only on what C can get wrong. It changes nothing at the hub. A
 * client that is online stays so, and its own session asks for the reply. One that is connecting is asked to connect now.
 * Otherwise the doctor signs in as the device for a moment, which counts against the dial budget; commands that wait come
 * then, and go to the client's handlers. A device that was not activated yet is not signed in. No secret is in the report.
 * Free it with `enos_doctor_report_free`.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_client_doctor(struct enos_client_t *client,
                                 uint32_t timeout_ms,
                                 struct enos_doctor_report_t **out,
                                 struct enos_error_t *err);

/**
 * As `enos_client_doctor`, without waiting: if it returns `ENOS_OK`, `done` is told once; otherwise never. `done` must not
 * be NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_client_doctor_async(struct enos_client_t *client,
                                       uint32_t timeout_ms,
                                       enos_doctor_fn done,
                                       void *user,
                                       struct enos_error_t *err);

/**
 * As `enos_client_doctor` for a configuration of which no client was made; what is wrong with it, so that
 * `enos_client_new` fails, is the report's first step. What only C can get wrong fails the call.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_config_doctor(const struct enos_config_t *config,
                                 uint32_t timeout_ms,
                                 struct enos_doctor_report_t **out,
                                 struct enos_error_t *err);

/**
 * 1 if no step failed (warnings do not count), else 0; 0 for NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
int32_t enos_doctor_report_healthy(const struct enos_doctor_report_t *report);

/**
 * 1 if the whole way was walked, sign-in and reply too, else 0; 0 for NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
int32_t enos_doctor_report_complete(const struct enos_doctor_report_t *report);

/**
 * What a program may end with: 0 if healthy, else by the step that failed first: 10 configuration, 11 name, 12 tcp,
 * 13 proxy, 14 clock, 15 tls, 16 sign_in, 17 reply; over CoAP 12 is reach. -1 for NULL.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
int32_t enos_doctor_report_exit_code(const struct enos_doctor_report_t *report);

/**
 * The name of the step that failed first: `configuration name tcp proxy clock tls sign_in reply`, over CoAP `reach`
 * instead of `tcp`; empty if none did.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_doctor_report_step(const struct enos_doctor_report_t *report);

/**
 * Why it failed, as a stable code such as `hub_certificate_expired`; empty if no step failed.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_doctor_report_cause(const struct enos_doctor_report_t *report);

/**
 * Whose session sign-in and reply went through: `none`, `live` (the client's, which was up), `joined` (the client's, which
 * was asked to connect), `own` (one of the doctor, for a moment).
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_doctor_report_session(const struct enos_doctor_report_t *report);

/**
 * The report for people: the verdict with why and what to do, then each step. Lines end in a line feed. Lives as long as
 * the report.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_doctor_report_text(const struct enos_doctor_report_t *report);

/**
 * The report for programs: one JSON object on one line with `healthy complete exit_code hub device session duration_ms
 * failure steps`; a step has `step status cause error_kind hub_code detail next duration_ms`. The names are stable. Lives as
 * long as the report.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_doctor_report_json(const struct enos_doctor_report_t *report);

/**
 * Frees a report. NULL is fine.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
void enos_doctor_report_free(struct enos_doctor_report_t *report);

/**
 * Hands the SDK's log to a function: all lines of this level and of those before it. Replaces an earlier function.
 *
 * `ENOS_LOG_OFF` or a NULL function ends it. An earlier function hears what was written before, and then its drop
 * function is told, before this returns; called from the log function itself, soon after. Up to 1,024 lines wait; what is
 * too many is lost, and the next line says how many. `drop` is told once; if this fails, before it returns. No line ever
 * holds a secret; payloads are shown from `ENOS_LOG_DEBUG` on.
 *
 * @threads any
 * @blocking yes
 * @callback-safe yes
 */
enos_status_t enos_log_set(int32_t level,
                           enos_log_fn function,
                           void *user,
                           enos_drop_fn drop,
                           struct enos_error_t *err);

/**
 * Signs parameters as a device does: names and values in ascending order of the names, then the secret.
 *
 * `method` is a name as the vendor's clients write it: `sha256`, `sha1`, `md5`, in any case, with or without `hmac` in
 * front, which changes nothing; `real-hmac-sha1` is the one HMAC. This SDK's devices send `sha256` only. The sign is in
 * lower-case hexadecimal digits.
 *
 * The text goes to `buffer` with a NUL behind it, its length without the NUL to `*length`, which may be NULL. Fails with
 * `ENOS_ERR_BUFFER_TOO_SMALL` if `capacity` is not larger than that length, which is written all the same; with
 * `ENOS_ERR_INVALID_ARGUMENT` on another name.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_sign(enos_str_t method,
                                enos_str_t secret,
                                const struct enos_parameter_t *parameters,
                                size_t count,
                                char *buffer,
                                size_t capacity,
                                size_t *length,
                                struct enos_error_t *err);

/**
 * The MQTT client identifier that a device signs in with.
 *
 * `client` is the device key (in secure mode 4 the product key), `secure_mode` 2 with a device's secret and 3 for an
 * activation. Buffer, length and errors as for `enos_inspect_sign`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_mqtt_client_id(enos_str_t client,
                                          int32_t secure_mode,
                                          uint64_t timestamp_ms,
                                          char *buffer,
                                          size_t capacity,
                                          size_t *length,
                                          struct enos_error_t *err);

/**
 * The sign of CoAP's sign-in in clear, in upper-case hexadecimal digits. Buffer, length and errors as for
 * `enos_inspect_sign`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_coap_sign(enos_str_t product_key,
                                     enos_str_t device_key,
                                     uint32_t lifetime_s,
                                     enos_str_t device_secret,
                                     char *buffer,
                                     size_t capacity,
                                     size_t *length,
                                     struct enos_error_t *err);

/**
 * Who a device is in a DTLS handshake with a pre-shared key. `secure_mode` is 2 with a device's secret and 3 for an
 * activation. Buffer, length and errors as for `enos_inspect_sign`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_coap_psk_identity(enos_str_t product_key,
                                             enos_str_t device_key,
                                             int32_t secure_mode,
                                             uint32_t lifetime_s,
                                             char *buffer,
                                             size_t capacity,
                                             size_t *length,
                                             struct enos_error_t *err);

/**
 * The pre-shared key of a device's or product's secret, in lower-case hexadecimal digits: keep it out of logs. Buffer,
 * length and errors as for `enos_inspect_sign`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_coap_psk_key(enos_str_t secret,
                                        char *buffer,
                                        size_t capacity,
                                        size_t *length,
                                        struct enos_error_t *err);

/**
 * The MQTT user name that a device signs in with. Buffer, length and errors as for `enos_inspect_sign`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_mqtt_username(enos_str_t device_key,
                                         enos_str_t product_key,
                                         char *buffer,
                                         size_t capacity,
                                         size_t *length,
                                         struct enos_error_t *err);

/**
 * The MQTT password that a device signs in with; whoever has it can do the same for a while, so keep it out of logs.
 *
 * `client` and `timestamp_ms` must be those of `enos_inspect_mqtt_client_id`; the secret is the device's in secure mode
 * 2, the product's in 3 and 4. Buffer, length and errors as for `enos_inspect_sign`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_mqtt_password(enos_str_t client,
                                         enos_str_t device_key,
                                         enos_str_t product_key,
                                         uint64_t timestamp_ms,
                                         enos_str_t secret,
                                         char *buffer,
                                         size_t capacity,
                                         size_t *length,
                                         struct enos_error_t *err);

/**
 * A topic or the method of a kind of message: `part` is one of `ENOS_TOPIC_…`.
 *
 * `kind` is a name such as `measurepoint.post`; `enos_inspect_topic_kind` tells them all. `argument` is the identifier
 * of the event (`event.post`) or service (`service.invoke`), or the message id (`rrpc`), else empty. The
 * `integration.…` kinds name no device. Buffer, length and errors as for `enos_inspect_sign`;
 * `ENOS_ERR_INVALID_ARGUMENT` also on what cannot be a level of a topic.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_topic(enos_str_t kind,
                                 enos_str_t argument,
                                 enos_str_t product_key,
                                 enos_str_t device_key,
                                 int32_t part,
                                 char *buffer,
                                 size_t capacity,
                                 size_t *length,
                                 struct enos_error_t *err);

/**
 * The name of the kind of message at this place, from 0 on; the empty text behind the last. Static.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_str_t enos_inspect_topic_kind(size_t at);

/**
 * Takes a topic apart as a device does; one that is none of EnOS's gives empty keys and no error.
 *
 * The keys are parts of `topic`, which the caller keeps. The method of such messages goes to `buffer`, empty where they
 * carry none. Buffer, length and errors as for `enos_inspect_sign`.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_parse_topic(enos_str_t topic,
                                       struct enos_topic_t *out,
                                       char *buffer,
                                       size_t capacity,
                                       size_t *length,
                                       struct enos_error_t *err);

/**
 * The JSON text of a value as a post carries it. Its quality counts for nothing.
 *
 * Buffer, length and errors as for `enos_inspect_sign`; `ENOS_ERR_INVALID_ARGUMENT` also on NaN, on an infinity, and on
 * what is nested deeper than 16.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_value_json(const enos_value_t *value,
                                      char *buffer,
                                      size_t capacity,
                                      size_t *length,
                                      struct enos_error_t *err);

/**
 * Reads a hub's URL as a client does: `scheme://host[:port][/]`. The host is a part of `url`, which the caller keeps.
 *
 * Fails with `ENOS_ERR_INVALID_ARGUMENT`, and says what is wrong with it.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_hub_url(enos_str_t url,
                                   struct enos_hub_url_t *out,
                                   struct enos_error_t *err);

/**
 * The status that a code of the hub's replies becomes: `ENOS_ERR_HUB_REJECTED` if the table does not have it.
 *
 * @threads any
 * @blocking no
 * @callback-safe yes
 */
enos_status_t enos_inspect_kind_of_hub_code(int64_t code);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ENOS_H */
