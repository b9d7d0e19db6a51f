/*
 * The engine against a scripted hub, in one process: activation, posts, a command, a message that is too large, a lost link,
 * the end. However the hub's bytes are cut and however few the link takes at once, the same bytes go out and the same events
 * come.
 */
#include "check.h"

/* How bytes travel in this run. */
static size_t cut, window;

static enos_engine_t *engine;
static enos_engine_now_t now;
static enos_engine_output_t out;
static uint32_t post, call, resent;
static int wanted_dials, dials;

/* What went out, and what was told. */
static uint8_t sent[16384];
static size_t sent_len;
static char told[8192];

static void note(const char *line)
{
    CHECK(strlen(told) + strlen(line) + 2 < sizeof told);
    strcat(told, line);
    strcat(told, "\n");
}

static void note_text(const char *name, enos_str_t text)
{
    char line[256];
    snprintf(line, sizeof line, "%s %.*s", name, ENOS_ARG(text));
    note(line);
}

static void note_number(const char *name, long number)
{
    char line[64];
    snprintf(line, sizeof line, "%s %ld", name, number);
    note(line);
}

/* Drains until it waits, or until the link takes no more: it takes `window` bytes each time it is writable. */
static void drain(void)
{
    size_t left = window;
    enos_point_t output = { ENOS_STR("accepted"), enos_bool(1) };
    for (;;) {
        EXPECT(ENOS_OK, engine, enos_engine_poll_output(engine, &now, &out));
        switch (out.tag) {
        case ENOS_ENGINE_WAIT:
            CHECK(out.as.wait.until_ms > now.mono_ms && out.as.wait.until_ms == enos_engine_deadline(engine));
            return;
        case ENOS_ENGINE_DIAL:
            note_text("dial", out.as.dial.host);
            CHECK(out.as.dial.port == 11883 && out.as.dial.scheme == ENOS_ENGINE_TCP);
            dials++;
            if (dials == wanted_dials) EXPECT(ENOS_OK, engine, enos_engine_link_up(engine, &now));
            break;
        case ENOS_ENGINE_TRANSMIT: {
            size_t n = out.as.transmit.len < left ? out.as.transmit.len : left;
            if (n == 0) {
                left = window; /* writable again */
                break;
            }
            CHECK(sent_len + n <= sizeof sent);
            memcpy(sent + sent_len, out.as.transmit.ptr, n);
            sent_len += n;
            left -= n;
            EXPECT(ENOS_OK, engine, enos_engine_sent(engine, &now, n));
            break;
        }
        case ENOS_ENGINE_STORE:
            note_text("store", out.as.store.device_secret);
            CHECK(same(out.as.store.product_key, "pk") && same(out.as.store.device_key, "dk"));
            EXPECT(ENOS_OK, engine, enos_engine_stored(engine, &now, ENOS_OK));
            break;
        case ENOS_ENGINE_HANG_UP:
            note("hang up");
            wanted_dials = dials + 1;
            EXPECT(ENOS_OK, engine, enos_engine_link_down(engine, &now, ENOS_ENGINE_LINK_HUNG_UP));
            break;
        case ENOS_ENGINE_SETTLED:
            note_number("settled", (long)out.as.settled.status);
            note_number("hub code", (long)out.as.settled.hub_code);
            note_text("message", out.as.settled.message);
            note(out.as.settled.request == post ? "the post" : out.as.settled.request == resent ? "the other" : "?");
            break;
        case ENOS_ENGINE_COMMAND:
            note_text("command", out.as.command.service);
            note_text("params", out.as.command.params);
            CHECK(out.as.command.kind == ENOS_INVOCATION_SERVICE && out.as.command.device == ENOS_ENGINE_ROOT);
            call = out.as.command.call;
            /* What was lent is no argument: an answer would be read while it is overwritten. */
            EXPECT(ENOS_ERR_INVALID_ARGUMENT, engine,
                   enos_engine_reply(engine, &now, call, 200, out.as.command.params, ENOS_LIT("")));
            EXPECT(ENOS_OK, engine,
                   enos_engine_reply_values(engine, &now, call, 200, &output, 1, ENOS_LIT("")));
            break;
        case ENOS_ENGINE_CONNECT_FAILED:
        case ENOS_ENGINE_OFFLINE:
            note_number("failure", (long)out.as.failure.status);
            note_number("will retry", (long)out.as.failure.will_retry);
            break;
        case ENOS_ENGINE_WARNING: {
            char text[200];
            note_number("warning", (long)out.as.warning.status);
            CHECK(enos_engine_message(engine, text, sizeof text) > 20);
            note(text);
            break;
        }
        default:
            CHECK(out.tag >= ENOS_ENGINE_CONNECTING && out.tag < ENOS_ENGINE_OTHER_EVENT);
            note_number("told", (long)out.tag);
        }
    }
}

/* The hub sends bytes: they come in pieces. */
static void hub_sends(const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        size_t room, n;
        uint8_t *buffer = enos_engine_receive_buffer(engine, &room);
        CHECK(buffer != NULL && room > 0);
        n = len < cut ? len : cut;
        n = n < room ? n : room;
        memcpy(buffer, bytes, n);
        bytes += n;
        len -= n;
        EXPECT(ENOS_OK, engine, enos_engine_received(engine, &now, n));
        drain();
    }
}

static void hub_publishes(const char *topic, const char *payload, size_t padding)
{
    static uint8_t packet[4096];
    size_t topic_len = strlen(topic), len = 2 + topic_len + 2 + strlen(payload) + padding, at = 0;
    CHECK(len + 8 < sizeof packet && len < 128 * 128);
    packet[at++] = 0x32;
    packet[at++] = (uint8_t)(len % 128 + 128);
    packet[at++] = (uint8_t)(len / 128);
    packet[at++] = (uint8_t)(topic_len / 256);
    packet[at++] = (uint8_t)(topic_len % 256);
    memcpy(packet + at, topic, topic_len);
    at += topic_len;
    packet[at++] = 0;
    packet[at++] = 9;
    memcpy(packet + at, payload, strlen(payload));
    at += strlen(payload);
    memset(packet + at, ' ', padding);
    hub_sends(packet, at + padding);
}

static void hub_replies(uint32_t id, int code, const char *message)
{
    char text[128];
    snprintf(text, sizeof text, "{\"id\":\"%lu\",\"code\":%d,\"message\":\"%s\",\"data\":\"\"}", (unsigned long)id, code,
             message);
    hub_publishes("/sys/pk/dk/thing/measurepoint/post_reply", text, 0);
}

static void post_one(double value, uint32_t *request)
{
    enos_value_t axis[2];
    enos_point_t fields[1] = { { ENOS_STR("b"), enos_text(ENOS_LIT("gr\xc3\xbc\xc3\x9f")) } };
    enos_point_t points[3] = { { ENOS_STR("temp"), enos_double(value) }, { ENOS_STR("axis"), enos_null() },
                               { ENOS_STR("s"), enos_null() } };
    axis[0] = enos_int(-1);
    axis[1] = enos_bool(1);
    points[1].value = enos_with_quality(enos_array(axis, 2), 9);
    points[2].value = enos_struct(fields, 1);
    EXPECT(ENOS_OK, engine,
           enos_engine_post_measurepoints(engine, &now, ENOS_ENGINE_ROOT, points, 3, 17, 60000, request));
    drain();
}

static const uint8_t CONNACK[] = { 0x20, 2, 0, 0 }, PUBACK[] = { 0x40, 2, 0, 1 };

/* One device's life, in a block that starts at an odd address and has not a byte too many. */
static void live(void)
{
    enos_engine_config_t config;
    enos_engine_stats_t stats;
    uint8_t *memory;
    size_t len;
    turbine(&config);
    config.login = ENOS_LOGIN_DYNAMIC_ACTIVATION;
    len = enos_engine_size(&config);
    memory = (uint8_t *)malloc(len + 1);
    sent_len = 0;
    told[0] = '\0';
    dials = 0;
    wanted_dials = 1;
    now.mono_ms = 1000;
    now.wall_ms = ENOS_ENGINE_NO_CLOCK;
    CHECK(enos_engine_init(memory + 1, len, &config, ENTROPY, &engine, NULL) == ENOS_OK);
    EXPECT(ENOS_OK, engine, enos_engine_handle(engine, &now, 0, ENOS_INVOCATION_SERVICE, ENOS_LIT("reboot")));
    EXPECT(ENOS_OK, engine, enos_engine_handle(engine, &now, 0, ENOS_INVOCATION_SERVICE, ENOS_LIT("gone")));
    EXPECT(ENOS_OK, engine, enos_engine_unhandle(engine, &now, 0, ENOS_INVOCATION_SERVICE, ENOS_LIT("gone")));
    EXPECT(ENOS_OK, engine, enos_engine_connect(engine, &now, ENOS_ENGINE_FOREVER));
    drain();
    hub_sends(CONNACK, sizeof CONNACK);
    hub_publishes("/ext/session/pk/dk/thing/activate/info",
                  "{\"id\":\"90000000001\",\"version\":\"1.0\",\"method\":\"thing.activate.info\",\"params\":{\"assetId\":"
                  "\"a1\",\"productKey\":\"pk\",\"deviceKey\":\"dk\",\"deviceSecret\":\"cNk2Sf7R\"}}", 0);
    hub_sends(CONNACK, sizeof CONNACK);
    post_one(21.5, &post);
    hub_sends(PUBACK, sizeof PUBACK);
    hub_replies(post, 200, "");
    hub_publishes("/sys/pk/dk/thing/service/reboot",
                  "{\"id\":\"90000000002\",\"version\":\"1.0\",\"method\":\"thing.service.reboot\",\"params\":{\"delay\":3}}", 0);
    hub_publishes("/sys/pk/dk/thing/service/gone",
                  "{\"id\":\"90000000003\",\"version\":\"1.0\",\"method\":\"thing.service.gone\",\"params\":{}}", 0);
    hub_publishes("/sys/pk/dk/thing/service/reboot", "{\"id\":\"9\"}", 1500);
    post_one(22.5, &resent);
    EXPECT(ENOS_OK, engine, enos_engine_link_down(engine, &now, ENOS_ENGINE_LINK_LOST));
    wanted_dials = dials + 1;
    drain();
    now.mono_ms = enos_engine_deadline(engine);
    drain();
    hub_sends(CONNACK, sizeof CONNACK);
    hub_replies(resent, 1204, "the model says \\\"no\\\"");
    hub_sends(PUBACK, sizeof PUBACK);
    enos_engine_stats_init(&stats);
    EXPECT(ENOS_OK, engine, enos_engine_stats(engine, &stats));
    CHECK(stats.acknowledged == 1 && stats.rejected == 1 && stats.retries == 1 && stats.dropped_oversize == 1);
    CHECK(stats.reconnects == 1 && stats.open_requests == 0 && stats.bytes_sent == sent_len);
    EXPECT(ENOS_OK, engine, enos_engine_close(engine, &now, 1000));
    EXPECT(ENOS_ERR_CLOSED, engine,
           enos_engine_handle(engine, &now, 0, ENOS_INVOCATION_MEASUREPOINT_SET, ENOS_LIT("")));
    for (;;) {
        EXPECT(ENOS_OK, engine, enos_engine_poll_output(engine, &now, &out));
        if (out.tag == ENOS_ENGINE_WAIT) break;
        if (out.tag == ENOS_ENGINE_TRANSMIT) {
            memcpy(sent + sent_len, out.as.transmit.ptr, 1);
            sent_len++;
            EXPECT(ENOS_OK, engine, enos_engine_sent(engine, &now, 1));
        } else if (out.tag == ENOS_ENGINE_HANG_UP) {
            EXPECT(ENOS_OK, engine, enos_engine_link_down(engine, &now, ENOS_ENGINE_LINK_HUNG_UP));
        } else {
            note_number("told", (long)out.tag);
        }
    }
    CHECK(out.as.wait.until_ms == ENOS_ENGINE_NEVER);
    enos_engine_end(engine);
    free(memory);
}

static int went_out(const char *part)
{
    size_t len = strlen(part), at;
    for (at = 0; at + len <= sent_len; at++)
        if (memcmp(sent + at, part, len) == 0) return 1;
    return 0;
}

static const char *EXPECTED =
    "dial hub\ntold 64\nstore cNk2Sf7R\ntold 69\nhang up\ndial hub\ntold 65\n"
    "settled 0\nhub code 0\nmessage \nthe post\n"
    "command reboot\nparams {\"delay\":3}\n"
    "warning 603\n";

int main(void)
{
    static const size_t CUTS[] = { 4096, 1024, 300, 64, 7, 3, 2, 1 }, WINDOWS[] = { 4096, 64, 5, 1 };
    static uint8_t first_sent[sizeof sent];
    static char first_told[sizeof told];
    size_t first_len = 0, c, w;
    enos_engine_output_init(&out);
    for (c = 0; c < sizeof CUTS / sizeof *CUTS; c++)
        for (w = 0; w < sizeof WINDOWS / sizeof *WINDOWS; w++) {
            cut = CUTS[c];
            window = WINDOWS[w];
            live();
            if (first_len == 0) {
                first_len = sent_len;
                memcpy(first_sent, sent, sent_len);
                strcpy(first_told, told);
                if (strncmp(told, EXPECTED, strlen(EXPECTED)) != 0) fprintf(stderr, "%s", told);
                CHECK(strncmp(told, EXPECTED, strlen(EXPECTED)) == 0);
                CHECK(holds(told, "is larger than limit_receive"));
                CHECK(holds(told, "failure 304\nwill retry 1\n"));
                CHECK(holds(told, "settled 604\nhub code 1204\nmessage the model says \\\"no\\\"\nthe other\n"));
                CHECK(holds(told, "told 67\ntold 68\n"));
                CHECK(went_out("dk|securemode=3,signmethod=sha256,timestamp=1000|"));
                CHECK(went_out("dk|securemode=2,"));
                CHECK(went_out("{\"id\":\"90000000001\",\"code\":200,\"data\":{}}"));
                CHECK(went_out("\"measurepoints\":{\"temp\":21.5,\"axis\":{\"value\":[-1,true],\"quality\":9},"
                               "\"s\":{\"b\":\"gr\xc3\xbc\xc3\x9f\"}},\"time\":17}"));
                CHECK(went_out("{\"id\":\"90000000002\",\"code\":200,\"data\":{\"accepted\":true}}"));
                CHECK(went_out("{\"id\":\"90000000003\",\"code\":1101,"));
                CHECK(!went_out("canary"));
            }
            CHECK(sent_len == first_len && memcmp(sent, first_sent, sent_len) == 0);
            CHECK(strcmp(told, first_told) == 0);
        }
    puts("done");
    return 0;
}
