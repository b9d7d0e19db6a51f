/*
 * The EnOS protocol engine for C99 and C++11: for firmware, and for programs with an event loop of their own.
 *
 * It opens no socket, starts no thread, reads no clock, allocates nothing: bytes and requests go in, bytes and events come
 * out, and all of it lives in one block of the program's memory. enos.h is the layer with threads, TLS and files; a program
 * may include both.
 *
 *   static uint8_t memory[ENOS_ENGINE_SIZE(1024, 768, 768, 512, 4, 1, 4, 16)];      what enos_engine_config_init sets
 *
 *   enos_engine_config_init(&config);
 *   config.hub = ENOS_LIT("tcp://192.0.2.1:11883");
 *   config.login = ENOS_LOGIN_DEVICE_SECRET;
 *   config.product_key = ENOS_LIT("pk"); config.device_key = ENOS_LIT("dk"); config.secret = ENOS_LIT("secret");
 *   enos_engine_init(memory, sizeof memory, &config, random_bytes, &engine, NULL);
 *   enos_engine_connect(engine, &now, ENOS_ENGINE_FOREVER);
 *
 * and after this and each other call that tells or asks something, until it waits:
 *
 *   enos_engine_output_init(&out);
 *   while (enos_engine_poll_output(engine, &now, &out) == ENOS_OK && out.tag != ENOS_ENGINE_WAIT)
 *       switch (out.tag) {
 *       case ENOS_ENGINE_DIAL: dial(out.as.dial.host, out.as.dial.port); break;    later: enos_engine_link_up or _link_down
 *       case ENOS_ENGINE_TRANSMIT:
 *           n = write(fd, out.as.transmit.ptr, out.as.transmit.len);               fewer is normal
 *           if (n == 0) return;                                                    until it is writable, or the deadline
 *           enos_engine_sent(engine, &now, n); break;
 *       case ENOS_ENGINE_STORE: store(out.as.store.device_secret); break;          later: enos_engine_stored
 *       case ENOS_ENGINE_HANG_UP: hang_up(); break;                                later: enos_engine_link_down
 *       case ENOS_ENGINE_COMMAND: …
 *       }
 *
 * What holds everywhere
 * - A pointer is NULL or valid. NULL where something is needed gives ENOS_ERR_INVALID_ARGUMENT; after enos_engine_end every
 *   call gives ENOS_ERR_INVALID_STATE as long as the block stays as it is. enos_engine_message says what was wrong.
 * - Arguments are borrowed for the call; a `const` one is only read. None may point to what the engine lent (the receive
 *   buffer, the texts of an output): that is refused, pass a copy. What it lent is valid until the next call with the engine.
 * - Structs that may grow start with `size` and have an `_init`; call it first. enos_engine_now_t, enos_value_t,
 *   enos_point_t and enos_str_t never change.
 * - No call waits, calls back, or keeps anything outside of the block. A bug of the SDK itself ends in the processor's
 *   undefined instruction, where the fault handler or a debugger finds it.
 *
 * @threads any       may be called from every thread at the same time
 * @threads owner     one call with an engine at a time: by one thread, or under a lock; never from an interrupt during one
 * @blocking          whether it may wait: none does
 */

#ifndef ENOS_ENGINE_H
#define ENOS_ENGINE_H

/* Made by `ENOS_WRITE=1 cargo test -p sdk-c-engine --test header` of the Rust sources; changes go there. */

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
 * Bytes of a block, as a constant for `static uint8_t memory[…]`: at least what `enos_engine_size` asks for with the same
 * limits, and little more.
 */
#define ENOS_ENGINE_SIZE(receive, transmit, outbox, names, requests, calls, handlers, values) \
    ((sizeof(void *) > 4 ? 1664 : 1248) + (receive) + (transmit) + (outbox) + (names) + 24 * (requests) + 52 * (calls) \
     + 16 * (handlers) + (sizeof(void *) > 4 ? 48 : 32) * (values))

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
 * The device does not know the time: for `wall_ms`.
 */
#define ENOS_ENGINE_NO_CLOCK -1

/**
 * Never: for moments.
 */
#define ENOS_ENGINE_NEVER UINT64_MAX

/**
 * Bring a link up (`as.dial`); answered by `enos_engine_link_up` or `enos_engine_link_down`.
 */
#define ENOS_ENGINE_DIAL 1

/**
 * Send these bytes (`as.transmit`); the same are offered until `enos_engine_sent`.
 */
#define ENOS_ENGINE_TRANSMIT 2

/**
 * Store this secret (`as.store`) so that it survives a power cut; answered by `enos_engine_stored`, link or no link.
 */
#define ENOS_ENGINE_STORE 3

/**
 * Close the link or give the dial up; confirmed by `enos_engine_link_down`.
 */
#define ENOS_ENGINE_HANG_UP 4

/**
 * Nothing more until something comes, or until this moment (`as.wait`). Always last.
 */
#define ENOS_ENGINE_WAIT 5

/**
 * A dial begins; an activation and the sign-in that follows it are one. This and higher tags only tell: a program may
 * pass over those that it does not know.
 */
#define ENOS_ENGINE_CONNECTING 64

/**
 * Signed in: posts flow and commands arrive.
 */
#define ENOS_ENGINE_ONLINE 65

/**
 * The attempt failed (`as.failure`).
 */
#define ENOS_ENGINE_CONNECT_FAILED 66

/**
 * The connection is gone (`as.failure`); `ENOS_ERR_CLOSED` if it was asked for.
 */
#define ENOS_ENGINE_OFFLINE 67

/**
 * The engine was closed; nothing follows.
 */
#define ENOS_ENGINE_CLOSED 68

/**
 * The device received its own secret, and it is stored.
 */
#define ENOS_ENGINE_ACTIVATED 69

/**
 * A request is over (`as.settled`); each accepted post gets exactly one of these.
 */
#define ENOS_ENGINE_SETTLED 70

/**
 * A command for a registered handler (`as.command`); answered by `enos_engine_reply`, now or later.
 */
#define ENOS_ENGINE_COMMAND 71

/**
 * Something that somebody should look at (`as.warning`); the engine goes on. `enos_engine_message` says what.
 */
#define ENOS_ENGINE_WARNING 72

/**
 * Something that this header does not name yet.
 */
#define ENOS_ENGINE_OTHER_EVENT 127

/**
 * MQTT over TCP, in clear.
 */
#define ENOS_ENGINE_TCP 1

/**
 * MQTT over TLS, which the program does.
 */
#define ENOS_ENGINE_SSL 2

/**
 * The program closed the link, since `ENOS_ENGINE_HANG_UP` asked for it.
 */
#define ENOS_ENGINE_LINK_HUNG_UP 0

/**
 * The host name has no address.
 */
#define ENOS_ENGINE_LINK_RESOLVE 1

/**
 * No address accepted a connection.
 */
#define ENOS_ENGINE_LINK_CONNECT 2

/**
 * The TLS handshake failed, or a certificate was refused. The engine does not dial again by itself.
 */
#define ENOS_ENGINE_LINK_TLS 3

/**
 * The hub closed the connection.
 */
#define ENOS_ENGINE_LINK_PEER_CLOSED 4

/**
 * The connection broke.
 */
#define ENOS_ENGINE_LINK_LOST 5

/**
 * The link did not come up in time.
 */
#define ENOS_ENGINE_LINK_TIMEOUT 6

/**
 * The program replaces the link: `enos_engine_link_up` follows without a dial.
 */
#define ENOS_ENGINE_LINK_REPLACED 7

/**
 * The connection's own device: for `device`.
 */
#define ENOS_ENGINE_ROOT 0

/**
 * Without an end: for `timeout_ms` of `enos_engine_connect`.
 */
#define ENOS_ENGINE_FOREVER UINT32_MAX

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
 * The engine of one client. It lives in the block that `enos_engine_init` was given.
 */
typedef struct enos_engine_t enos_engine_t;

/**
 * How an engine is made. Give it to `enos_engine_config_init` first; set what differs.
 *
 * The engine copies what it needs: the texts may go after `enos_engine_init`. In a number, any negative value means the
 * SDK's default. Later versions append fields.
 */
typedef struct enos_engine_config_t {
    /**
     * `sizeof(enos_engine_config_t)` of the program; `enos_engine_config_init` sets it.
     */
    uint32_t size;
    /**
     * `ENOS_LOGIN_…`. Needed.
     */
    int32_t login;
    /**
     * The hub: `ssl://host:18883`, or `tcp://host:11883` in clear. Needed.
     */
    enos_str_t hub;
    /**
     * The product's key. Needed.
     */
    enos_str_t product_key;
    /**
     * The device's key. Needed.
     */
    enos_str_t device_key;
    /**
     * The device's secret, or the product's for `ENOS_LOGIN_DYNAMIC_ACTIVATION`. Needed.
     */
    enos_str_t secret;
    /**
     * For `ENOS_LOGIN_DYNAMIC_ACTIVATION`: the secret that an earlier activation gave to `ENOS_ENGINE_STORE`; empty if
     * none did.
     */
    enos_str_t stored_secret;
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
     * Largest pause between dials. Default 64000.
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
     * Bytes to receive into: a larger message of the hub is acknowledged and passed over. At least 256. Default 1024.
     */
    int32_t limit_receive;
    /**
     * Bytes encoded and not yet sent: the largest message, with 11 bytes of MQTT around topic and payload. Default 768.
     */
    int32_t limit_transmit;
    /**
     * Bytes of messages waiting to be sent or answered, 8 more for each. Default 768.
     */
    int32_t limit_outbox;
    /**
     * Bytes of names: host, keys, secrets (an activation takes 256 for the new one), service identifiers. Default 512.
     */
    int32_t limit_names;
    /**
     * Requests open at once, 1 to 16384. Default 4.
     */
    int32_t limit_requests;
    /**
     * Commands taken but not yet answered. Default 1.
     */
    int32_t limit_calls;
    /**
     * Handlers registered. Default 4.
     */
    int32_t limit_handlers;
    /**
     * Points, array items and struct fields together in one post or reply. Default 16.
     */
    int32_t limit_values;
} enos_engine_config_t;

/**
 * Where to connect to.
 */
typedef struct enos_engine_dial_t {
    /**
     * Host name or address.
     */
    enos_str_t host;
    /**
     * Port.
     */
    uint32_t port;
    /**
     * `ENOS_ENGINE_TCP` or `ENOS_ENGINE_SSL`.
     */
    int32_t scheme;
} enos_engine_dial_t;

/**
 * Bytes for the link.
 */
typedef struct enos_engine_transmit_t {
    /**
     * The first.
     */
    const uint8_t *ptr;
    /**
     * How many; at least 1.
     */
    size_t len;
} enos_engine_transmit_t;

/**
 * A device secret to be stored.
 */
typedef struct enos_engine_store_t {
    /**
     * The product's key.
     */
    enos_str_t product_key;
    /**
     * The device's key.
     */
    enos_str_t device_key;
    /**
     * The device's own secret.
     */
    enos_str_t device_secret;
} enos_engine_store_t;

/**
 * When to call again.
 */
typedef struct enos_engine_wait_t {
    /**
     * The moment on the clock of `mono_ms`; `ENOS_ENGINE_NEVER`: not by itself.
     */
    uint64_t until_ms;
} enos_engine_wait_t;

/**
 * Why there is no connection.
 */
typedef struct enos_engine_failure_t {
    /**
     * The kind. `enos_engine_message` gives the text.
     */
    enos_status_t status;
    /**
     * 1 if the engine dials again by itself, else 0.
     */
    int32_t will_retry;
    /**
     * The hub's code as it was sent; 0 where the hub said nothing.
     */
    int64_t hub_code;
    /**
     * After so many milliseconds it dials again; 0 where it does not or the event does not tell.
     */
    uint32_t retry_in_ms;
    /**
     * Zero.
     */
    uint32_t reserved;
} enos_engine_failure_t;

/**
 * How a request ended.
 */
typedef struct enos_engine_settled_t {
    /**
     * Its number, as the call gave it.
     */
    uint32_t request;
    /**
     * `ENOS_OK`: the hub has accepted it. `enos_engine_message` gives the text of anything else.
     */
    enos_status_t status;
    /**
     * The hub's code as it was sent; 0 where the hub said nothing.
     */
    int64_t hub_code;
    /**
     * The reply's `data` as JSON text; empty if it was absent, null or `""`.
     */
    enos_str_t data;
    /**
     * The hub's words where it refused: the inside of a JSON string, escapes as sent. May be empty.
     */
    enos_str_t message;
} enos_engine_settled_t;

/**
 * A command of the hub.
 */
typedef struct enos_engine_command_t {
    /**
     * For the reply.
     */
    uint32_t call;
    /**
     * Who is meant; `ENOS_ENGINE_ROOT`.
     */
    uint32_t device;
    /**
     * `ENOS_INVOCATION_…`.
     */
    int32_t kind;
    /**
     * Zero.
     */
    uint32_t reserved;
    /**
     * The service's identifier; empty for measurepoints.
     */
    enos_str_t service;
    /**
     * The parameters as JSON text, checked to be valid.
     */
    enos_str_t params;
} enos_engine_command_t;

/**
 * Something to look at.
 */
typedef struct enos_engine_warning_t {
    /**
     * The kind of error that it comes close to: `ENOS_ERR_…`. `enos_engine_message` gives the text.
     */
    enos_status_t status;
    /**
     * Milliseconds, bytes or a count, as the text says; 0 where it says none.
     */
    uint32_t number;
} enos_engine_warning_t;

/**
 * What belongs to a tag.
 */
typedef union enos_engine_as_t {
    /**
     * `ENOS_ENGINE_DIAL`.
     */
    struct enos_engine_dial_t dial;
    /**
     * `ENOS_ENGINE_TRANSMIT`.
     */
    struct enos_engine_transmit_t transmit;
    /**
     * `ENOS_ENGINE_STORE`.
     */
    struct enos_engine_store_t store;
    /**
     * `ENOS_ENGINE_WAIT`.
     */
    struct enos_engine_wait_t wait;
    /**
     * `ENOS_ENGINE_CONNECT_FAILED`, `ENOS_ENGINE_OFFLINE`.
     */
    struct enos_engine_failure_t failure;
    /**
     * `ENOS_ENGINE_SETTLED`.
     */
    struct enos_engine_settled_t settled;
    /**
     * `ENOS_ENGINE_COMMAND`.
     */
    struct enos_engine_command_t command;
    /**
     * `ENOS_ENGINE_WARNING`.
     */
    struct enos_engine_warning_t warning;
    /**
     * Room for what later versions tell: the size stays.
     */
    uint64_t reserved[12];
} enos_engine_as_t;

/**
 * One output. What it points to is lent by the engine until the next call with it.
 */
typedef struct enos_engine_output_t {
    /**
     * `sizeof(enos_engine_output_t)` of the program; `enos_engine_output_init` sets it.
     */
    uint32_t size;
    /**
     * `ENOS_ENGINE_…`: what it is.
     */
    int32_t tag;
    /**
     * What belongs to the tag; zero where nothing does.
     */
    union enos_engine_as_t as;
} enos_engine_output_t;

/**
 * The moment of a call, sampled by the program. Its layout never changes.
 */
typedef struct enos_engine_now_t {
    /**
     * Milliseconds of a clock that never goes back; its zero is the program's choice.
     */
    uint64_t mono_ms;
    /**
     * Milliseconds since 1970-01-01 UTC; `ENOS_ENGINE_NO_CLOCK` where the device does not know the time.
     */
    int64_t wall_ms;
} enos_engine_now_t;

/**
 * Counters since the engine was made; the same names in every language.
 *
 * Give it to `enos_engine_stats_init` once.
 */
typedef struct enos_engine_stats_t {
    /**
     * `sizeof(enos_engine_stats_t)` of the program; `enos_engine_stats_init` sets it.
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
     * Times that the engine came online after its first.
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
} enos_engine_stats_t;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Makes a configuration ready: its size, nothing set, every number the SDK's default. NULL is ignored.
 *
 * @threads any
 * @blocking no
 */
void enos_engine_config_init(struct enos_engine_config_t *config);

/**
 * Bytes of a block for an engine with these limits, wherever it starts; 0 if the configuration is NULL, was not made
 * ready, or has a limit that cannot be. Reads the limits only. `ENOS_ENGINE_SIZE` is the same at compile time, rounded up.
 *
 * @threads any
 * @blocking no
 */
size_t enos_engine_size(const struct enos_engine_config_t *config);

/**
 * Makes an engine in the caller's block: `len` bytes, at least `enos_engine_size`, at any address.
 *
 * The block is the engine's until `enos_engine_end`; its content does not matter before. `entropy` points to 32 bytes that
 * must differ from start to start: they seed jitter and message numbers, and are no key. `*out` gets the engine, NULL if it
 * fails. `why` may be NULL; it gets the argument or field that is wrong, as a static text, empty if none is.
 *
 * Fails with `ENOS_ERR_BUFFER_TOO_SMALL` if `len` or one of the limits is too small, with `ENOS_ERR_INVALID_ARGUMENT`
 * otherwise.
 *
 * @threads any
 * @blocking no
 */
enos_status_t enos_engine_init(void *memory,
                               size_t len,
                               const struct enos_engine_config_t *config,
                               const uint8_t *entropy,
                               struct enos_engine_t **out,
                               enos_str_t *why);

/**
 * Ends an engine and wipes its block: keys and secrets are gone, and the memory is the caller's again. The hub is told
 * nothing: for that `enos_engine_close` comes first. NULL, and an engine that has ended, are fine.
 *
 * @threads owner
 * @blocking no
 */
void enos_engine_end(struct enos_engine_t *engine);

/**
 * Makes an output ready: its size, and nothing in it. Once is enough. NULL is ignored.
 *
 * @threads any
 * @blocking no
 */
void enos_engine_output_init(struct enos_engine_output_t *output);

/**
 * What is to be done or told next. To be called after each other call with the engine, until it gives
 * `ENOS_ENGINE_WAIT`; where the link takes no byte of a `ENOS_ENGINE_TRANSMIT`, the program may stop, and go on once the
 * link takes more or `enos_engine_deadline` is reached.
 *
 * What `*output` points to is lent until the next call with this engine. A command may be answered there and then, from the
 * program's own memory. Fails only on wrong arguments.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_poll_output(struct enos_engine_t *engine,
                                      const struct enos_engine_now_t *now,
                                      struct enos_engine_output_t *output);

/**
 * The moment at which the engine has something to do by itself, on the clock of `mono_ms`; `ENOS_ENGINE_NEVER` if there is
 * none, or no engine.
 *
 * @threads owner
 * @blocking no
 */
uint64_t enos_engine_deadline(const struct enos_engine_t *engine);

/**
 * Where to put what is read from the link, and in `*room` how many bytes at the most; then `enos_engine_received`.
 *
 * NULL and 0: read nothing now, and wait until bytes were sent or for the deadline. Lent: it is the program's to write until
 * the next call with this engine.
 *
 * @threads owner
 * @blocking no
 */
uint8_t *enos_engine_receive_buffer(struct enos_engine_t *engine,
                                    size_t *room);

/**
 * So many bytes were read into `enos_engine_receive_buffer`; a stream may be cut anywhere.
 *
 * Fails with `ENOS_ERR_INVALID_ARGUMENT` if that is more than there was room for.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_received(struct enos_engine_t *engine,
                                   const struct enos_engine_now_t *now,
                                   size_t n);

/**
 * So many bytes of the last `ENOS_ENGINE_TRANSMIT` were taken by the link, from its front; fewer than all is normal.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_sent(struct enos_engine_t *engine,
                               const struct enos_engine_now_t *now,
                               size_t n);

/**
 * The link that `ENOS_ENGINE_DIAL` asked for is up, TLS handshake included: bytes may flow.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_link_up(struct enos_engine_t *engine, const struct enos_engine_now_t *now);

/**
 * The dial failed, the link broke, or `ENOS_ENGINE_HANG_UP` is done: `reason` is `ENOS_ENGINE_LINK_…`.
 *
 * Each dial is answered by one `enos_engine_link_up` or `enos_engine_link_down`, and each link that came up by one
 * `enos_engine_link_down`. What comes late is ignored.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_link_down(struct enos_engine_t *engine,
                                    const struct enos_engine_now_t *now,
                                    int32_t reason);

/**
 * The answer to `ENOS_ENGINE_STORE`, link or no link: `ENOS_OK` once the secret survives a power cut, any other number
 * where that failed; then the engine asks again later.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_stored(struct enos_engine_t *engine,
                                 const struct enos_engine_now_t *now,
                                 enos_status_t status);

/**
 * Signs in and stays signed in. Without `ENOS_ENGINE_ONLINE` within the time, or on what retrying cannot cure, the engine
 * stops with `ENOS_ENGINE_CONNECT_FAILED` and `will_retry` 0; once online it heals every loss by itself.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_connect(struct enos_engine_t *engine,
                                  const struct enos_engine_now_t *now,
                                  uint32_t timeout_ms);

/**
 * Takes nothing new, lets what is open settle within the time, signs off, and ends with `ENOS_ENGINE_CLOSED`.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_close(struct enos_engine_t *engine,
                                const struct enos_engine_now_t *now,
                                uint32_t timeout_ms);

/**
 * Posts points of one moment: `time_ms` is milliseconds since 1970, or `ENOS_TIME_NOW`. `*request` gets the number that
 * `ENOS_ENGINE_SETTLED` will tell exactly once; it may be NULL.
 *
 * The points are read before this returns. Without a connection the post waits, and a lost one sends it again, with the same
 * number and time. Fails with `ENOS_ERR_QUEUE_FULL` while there is no room, with `ENOS_ERR_PAYLOAD_TOO_LARGE` if there never
 * will be, or if points, items and fields are more than `limit_values`; then nothing is kept of it.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_post_measurepoints(struct enos_engine_t *engine,
                                             const struct enos_engine_now_t *now,
                                             uint32_t device,
                                             const enos_point_t *points,
                                             size_t count,
                                             int64_t time_ms,
                                             uint32_t timeout_ms,
                                             uint32_t *request);

/**
 * Answers a command, now or later: a code of the device (200 is done, own ones from 2000 on), the outputs as the text of a
 * JSON object (empty for none), a text for people (may be empty).
 *
 * Neither text may point into the command itself, which the engine lent: pass a copy. Fails with `ENOS_ERR_LINK_LOST` if
 * there is no connection to carry it; the command is over then. Otherwise a refused answer leaves it open.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_reply(struct enos_engine_t *engine,
                                const struct enos_engine_now_t *now,
                                uint32_t call,
                                int32_t code,
                                enos_str_t json,
                                enos_str_t message);

/**
 * As `enos_engine_reply`, with outputs as named values; a field is a point whose quality counts for nothing.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_reply_values(struct enos_engine_t *engine,
                                       const struct enos_engine_now_t *now,
                                       uint32_t call,
                                       int32_t code,
                                       const enos_point_t *outputs,
                                       size_t count,
                                       enos_str_t message);

/**
 * Takes commands of this kind (`ENOS_INVOCATION_…`) from now on: each comes as `ENOS_ENGINE_COMMAND`. `service` is the
 * service's identifier; it counts for `ENOS_INVOCATION_SERVICE` only. Commands that nobody takes are answered with 1101.
 *
 * Fails with `ENOS_ERR_QUEUE_FULL` if `limit_handlers` or `limit_names` has no room for it.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_handle(struct enos_engine_t *engine,
                                 const struct enos_engine_now_t *now,
                                 uint32_t device,
                                 int32_t kind,
                                 enos_str_t service);

/**
 * No longer takes commands of this kind; those that came may still be answered.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_unhandle(struct enos_engine_t *engine,
                                   const struct enos_engine_now_t *now,
                                   uint32_t device,
                                   int32_t kind,
                                   enos_str_t service);

/**
 * The text of what this engine last refused, failed or warned of, for people: thing, cause and next step; never a secret.
 * Empty if nothing has gone wrong yet.
 *
 * Writes at most `size` bytes with the NUL at the end, cut at a character's end; gives the bytes of the whole text without
 * the NUL, as `snprintf` does. `buffer` may be NULL if `size` is 0.
 *
 * @threads owner
 * @blocking no
 */
size_t enos_engine_message(const struct enos_engine_t *engine,
                           char *buffer,
                           size_t size);

/**
 * Makes counters ready: their size, and zeros. NULL is ignored.
 *
 * @threads any
 * @blocking no
 */
void enos_engine_stats_init(struct enos_engine_stats_t *stats);

/**
 * Writes the engine's counters.
 *
 * @threads owner
 * @blocking no
 */
enos_status_t enos_engine_stats(struct enos_engine_t *engine, struct enos_engine_stats_t *stats);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* ENOS_ENGINE_H */
