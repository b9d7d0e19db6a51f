/*
 * Links that fail, secrets that cannot be stored, and commands of each kind: every number that the program may give comes out
 * as what it means.
 */
#include "check.h"

static enos_engine_t *engine;
static enos_engine_now_t now = { 1000, 1500000000000 };
static enos_engine_output_t out;
static char sent[4096];
static size_t sent_len;

/* Takes outputs up to this tag, or to the wait. Bytes are sent at once. */
static int32_t until(int32_t tag)
{
    for (;;) {
        EXPECT(ENOS_OK, engine, enos_engine_poll_output(engine, &now, &out));
        if (out.tag == tag || out.tag == ENOS_ENGINE_WAIT) return out.tag;
        if (out.tag == ENOS_ENGINE_TRANSMIT) {
            CHECK(sent_len + out.as.transmit.len < sizeof sent);
            memcpy(sent + sent_len, out.as.transmit.ptr, out.as.transmit.len);
            sent_len += out.as.transmit.len;
            EXPECT(ENOS_OK, engine, enos_engine_sent(engine, &now, out.as.transmit.len));
        }
    }
}

static int went_out(const char *part)
{
    size_t len = strlen(part), at;
    for (at = 0; at + len <= sent_len; at++)
        if (memcmp(sent + at, part, len) == 0) return 1;
    return 0;
}

static void hear(const void *bytes, size_t len)
{
    size_t room;
    uint8_t *buffer = enos_engine_receive_buffer(engine, &room);
    CHECK(buffer != NULL && room >= len);
    memcpy(buffer, bytes, len);
    EXPECT(ENOS_OK, engine, enos_engine_received(engine, &now, len));
}

static void hub_publishes(const char *topic, const char *payload)
{
    static char packet[1024];
    size_t topic_len = strlen(topic), len = 2 + topic_len + strlen(payload);
    CHECK(len < 128 * 128 && len + 3 < sizeof packet);
    packet[0] = 0x30;
    packet[1] = (char)(len % 128 + 128);
    packet[2] = (char)(len / 128);
    packet[3] = 0;
    packet[4] = (char)topic_len;
    memcpy(packet + 5, topic, topic_len);
    memcpy(packet + 5 + topic_len, payload, strlen(payload));
    hear(packet, len + 3);
}

static void begin(void *memory, size_t len, int32_t login)
{
    enos_engine_config_t config;
    turbine(&config);
    config.login = login;
    config.limit_calls = 3;
    config.dial_budget = 8;
    sent_len = 0;
    CHECK(enos_engine_init(memory, len, &config, ENTROPY, &engine, NULL) == ENOS_OK);
}

static void each_reason_has_its_kind(void *memory, size_t len)
{
    static const struct {
        int32_t reason;
        enos_status_t status;
        int32_t will_retry;
        const char *text;
    } REASONS[] = {
        { ENOS_ENGINE_LINK_RESOLVE, ENOS_ERR_RESOLVE_FAILED, 1, "has no address" },
        { ENOS_ENGINE_LINK_CONNECT, ENOS_ERR_CONNECT_FAILED, 1, "no address of the hub" },
        { ENOS_ENGINE_LINK_TLS, ENOS_ERR_TLS_FAILED, 0, "TLS handshake" },
        { ENOS_ENGINE_LINK_PEER_CLOSED, ENOS_ERR_LINK_LOST, 1, "closed the connection" },
        { ENOS_ENGINE_LINK_LOST, ENOS_ERR_LINK_LOST, 1, "broke" },
        { ENOS_ENGINE_LINK_TIMEOUT, ENOS_ERR_TIMEOUT, 1, "in time" },
    };
    size_t at;
    char text[300];
    for (at = 0; at < sizeof REASONS / sizeof *REASONS; at++) {
        begin(memory, len, ENOS_LOGIN_DEVICE_SECRET);
        EXPECT(ENOS_OK, engine, enos_engine_connect(engine, &now, 60000));
        CHECK(until(ENOS_ENGINE_DIAL) == ENOS_ENGINE_DIAL);
        EXPECT(ENOS_OK, engine, enos_engine_link_down(engine, &now, REASONS[at].reason));
        CHECK(until(ENOS_ENGINE_CONNECT_FAILED) == ENOS_ENGINE_CONNECT_FAILED);
        CHECK(out.as.failure.status == REASONS[at].status && out.as.failure.will_retry == REASONS[at].will_retry);
        CHECK((out.as.failure.retry_in_ms > 0) == REASONS[at].will_retry && out.as.failure.hub_code == 0);
        CHECK(enos_engine_message(engine, text, sizeof text) < sizeof text && holds(text, REASONS[at].text));
        CHECK(until(ENOS_ENGINE_DIAL) == ENOS_ENGINE_WAIT);
        CHECK((out.as.wait.until_ms == ENOS_ENGINE_NEVER) == !REASONS[at].will_retry);
        enos_engine_end(engine);
    }
}

static const char CONNACK[] = "\x20\x02\0\0", REFUSED[] = "\x20\x02\0\x04";

static void a_refusal_tells_the_hubs_code(void *memory, size_t len)
{
    begin(memory, len, ENOS_LOGIN_DEVICE_SECRET);
    EXPECT(ENOS_OK, engine, enos_engine_connect(engine, &now, ENOS_ENGINE_FOREVER));
    CHECK(until(ENOS_ENGINE_DIAL) == ENOS_ENGINE_DIAL);
    CHECK(until(ENOS_ENGINE_DIAL) == ENOS_ENGINE_WAIT && out.as.wait.until_ms == ENOS_ENGINE_NEVER);
    EXPECT(ENOS_OK, engine, enos_engine_link_up(engine, &now));
    until(ENOS_ENGINE_WAIT);
    CHECK(went_out("timestamp=1500000000000|"));
    hear(REFUSED, 4);
    CHECK(until(ENOS_ENGINE_HANG_UP) == ENOS_ENGINE_HANG_UP);
    EXPECT(ENOS_OK, engine, enos_engine_link_down(engine, &now, ENOS_ENGINE_LINK_HUNG_UP));
    CHECK(until(ENOS_ENGINE_CONNECT_FAILED) == ENOS_ENGINE_CONNECT_FAILED);
    CHECK(out.as.failure.status == ENOS_ERR_SIGNATURE_REJECTED && out.as.failure.hub_code == 4);
    CHECK(!out.as.failure.will_retry && out.as.failure.retry_in_ms == 0);
    enos_engine_end(engine);
}

/* Not stored: the hub is told nothing, and the engine asks again. */
static void a_secret_is_confirmed_only_once_it_is_stored(void *memory, size_t len)
{
    begin(memory, len, ENOS_LOGIN_DYNAMIC_ACTIVATION);
    EXPECT(ENOS_OK, engine, enos_engine_connect(engine, &now, ENOS_ENGINE_FOREVER));
    CHECK(until(ENOS_ENGINE_DIAL) == ENOS_ENGINE_DIAL);
    EXPECT(ENOS_OK, engine, enos_engine_link_up(engine, &now));
    hear(CONNACK, 4);
    until(ENOS_ENGINE_WAIT);
    hub_publishes("/ext/session/pk/dk/thing/activate/info",
                  "{\"id\":\"1\",\"version\":\"1.0\",\"method\":\"thing.activate.info\",\"params\":{\"assetId\":\"a\","
                  "\"productKey\":\"pk\",\"deviceKey\":\"dk\",\"deviceSecret\":\"cNk2Sf7R\"}}");
    CHECK(until(ENOS_ENGINE_STORE) == ENOS_ENGINE_STORE && same(out.as.store.device_secret, "cNk2Sf7R"));
    EXPECT(ENOS_OK, engine, enos_engine_stored(engine, &now, ENOS_ERR_STORAGE_FAILED));
    CHECK(until(ENOS_ENGINE_WARNING) == ENOS_ENGINE_WARNING);
    CHECK(out.as.warning.status == ENOS_ERR_STORAGE_FAILED && out.as.warning.number == 1000);
    CHECK(until(ENOS_ENGINE_STORE) == ENOS_ENGINE_WAIT && !went_out("info_reply"));
    now.mono_ms += 1000;
    CHECK(until(ENOS_ENGINE_STORE) == ENOS_ENGINE_STORE);
    EXPECT(ENOS_OK, engine, enos_engine_stored(engine, &now, ENOS_OK));
    CHECK(until(ENOS_ENGINE_ACTIVATED) == ENOS_ENGINE_ACTIVATED);
    CHECK(until(ENOS_ENGINE_HANG_UP) == ENOS_ENGINE_HANG_UP && went_out("info_reply"));
    enos_engine_end(engine);
}

static void commands_of_each_kind(void *memory, size_t len)
{
    static const struct {
        int32_t kind;
        const char *service, *topic;
    } KINDS[] = {
        { ENOS_INVOCATION_SERVICE, "reboot", "/sys/pk/dk/thing/service/reboot" },
        { ENOS_INVOCATION_MEASUREPOINT_SET, "", "/sys/pk/dk/thing/service/measurepoint/set" },
        { ENOS_INVOCATION_MEASUREPOINT_GET, "", "/sys/pk/dk/thing/service/measurepoint/get" },
    };
    uint32_t calls[3];
    size_t at;
    begin(memory, len, ENOS_LOGIN_DEVICE_SECRET);
    for (at = 0; at < 3; at++)
        EXPECT(ENOS_OK, engine,
               enos_engine_handle(engine, &now, ENOS_ENGINE_ROOT, KINDS[at].kind, enos_str(KINDS[at].service)));
    EXPECT(ENOS_OK, engine, enos_engine_connect(engine, &now, ENOS_ENGINE_FOREVER));
    CHECK(until(ENOS_ENGINE_DIAL) == ENOS_ENGINE_DIAL);
    EXPECT(ENOS_OK, engine, enos_engine_link_up(engine, &now));
    hear(CONNACK, 4);
    CHECK(until(ENOS_ENGINE_ONLINE) == ENOS_ENGINE_ONLINE);
    until(ENOS_ENGINE_WAIT);
    for (at = 0; at < 3; at++) CHECK(went_out(KINDS[at].topic));
    sent_len = 0;
    for (at = 0; at < 3; at++) {
        char payload[128];
        snprintf(payload, sizeof payload, "{\"id\":\"%d\",\"version\":\"1.0\",\"method\":\"m\",\"params\":{}}", (int)at);
        hub_publishes(KINDS[at].topic, payload);
        CHECK(until(ENOS_ENGINE_COMMAND) == ENOS_ENGINE_COMMAND && out.as.command.kind == KINDS[at].kind);
        CHECK(same(out.as.command.service, KINDS[at].service) && same(out.as.command.params, "{}"));
        calls[at] = out.as.command.call;
    }
    /* Later, in another order, by text and with a text for people. */
    for (at = 3; at-- > 0;)
        EXPECT(ENOS_OK, engine,
               enos_engine_reply(engine, &now, calls[at], 2000 + (int)at, ENOS_LIT("{\"a\":1}"), ENOS_LIT("why")));
    EXPECT(ENOS_ERR_INVALID_STATE, engine, enos_engine_reply(engine, &now, calls[0], 200, ENOS_LIT(""), ENOS_LIT("")));
    until(ENOS_ENGINE_WAIT);
    CHECK(went_out("{\"id\":\"1\",\"code\":2001,\"data\":{\"a\":1},\"message\":\"why\"}"));
    CHECK(went_out("measurepoint/get_reply") && went_out("measurepoint/set_reply") && went_out("reboot_reply"));
    enos_engine_end(engine);
}

int main(void)
{
    static uint8_t memory[16384];
    enos_engine_output_init(&out);
    each_reason_has_its_kind(memory, sizeof memory);
    a_refusal_tells_the_hubs_code(memory, sizeof memory);
    a_secret_is_confirmed_only_once_it_is_stored(memory, sizeof memory);
    commands_of_each_kind(memory, sizeof memory);
    puts("done");
    return 0;
}
