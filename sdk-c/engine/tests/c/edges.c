/* What only C can get wrong: each is refused with its name, and nothing is touched. */
#include "check.h"

static const enos_engine_now_t NOW = { 1000, ENOS_ENGINE_NO_CLOCK };

/* What the engine says of its last refusal. */
static const char *said(enos_engine_t *engine)
{
    static char text[300];
    enos_engine_message(engine, text, sizeof text);
    return text;
}

static enos_status_t init(void *memory, size_t len, const enos_engine_config_t *config, const char **why)
{
    static char name[64];
    enos_engine_t *engine = NULL;
    enos_str_t wrong = ENOS_STR("not written");
    enos_status_t status = enos_engine_init(memory, len, config, ENTROPY, &engine, &wrong);
    snprintf(name, sizeof name, "%.*s", ENOS_ARG(wrong));
    *why = name;
    CHECK((status == ENOS_OK) == (engine != NULL));
    enos_engine_end(engine);
    return status;
}

static void memory_is_asked_for_to_the_byte(void)
{
    enos_engine_config_t config;
    const char *why;
    size_t len, offset;
    turbine(&config);
    len = enos_engine_size(&config);
    CHECK(len > 3000 && len <= ENOS_ENGINE_SIZE(1024, 768, 768, 512, 4, 1, 4, 16));
    /* Any address will do, and no byte outside of the block is written. */
    for (offset = 0; offset < 17; offset++) {
        uint8_t *memory = (uint8_t *)malloc(len + 32);
        size_t at;
        memset(memory, 0xA5, len + 32);
        CHECK(init(memory + offset, len, &config, &why) == ENOS_OK && why[0] == '\0');
        for (at = 0; at < len + 32; at++) CHECK(memory[at] == (at < offset || at >= offset + len ? 0xA5 : 0));
        CHECK(init(memory + offset, len - 1, &config, &why) == ENOS_ERR_BUFFER_TOO_SMALL && holds(why, "len"));
        CHECK(init(memory + offset, 0, &config, &why) == ENOS_ERR_BUFFER_TOO_SMALL);
        for (at = 0; at < 32; at++) CHECK(memory[at < offset ? at : at + len] == 0xA5);
        free(memory);
    }
}

static void configurations_are_checked_by_name(void)
{
    static uint8_t memory[8192];
    enos_engine_config_t good, bad;
    enos_engine_t *engine;
    const char *why;
    turbine(&good);
#define REFUSED(status, field, value, name)                                        \
    do {                                                                           \
        bad = good;                                                                \
        bad.field = value;                                                         \
        CHECK(init(memory, sizeof memory, &bad, &why) == (status) && holds(why, name)); \
    } while (0)
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, size, good.size - 1, "config");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, login, ENOS_LOGIN_NONE, "login");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, login, 3, "login");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, hub, ENOS_LIT("http://hub"), "hub");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, hub, ENOS_LIT("tcp://h\xff"), "hub");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, product_key, ENOS_LIT("a/b"), "product_key");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, device_key, ENOS_LIT(""), "device_key");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, secret.ptr, NULL, "secret");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, secret.len, (size_t)-1, "secret");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, keep_alive_s, 43201, "keep_alive_s");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, dial_budget, 9, "dial_budget");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, dial_budget, 256, "dial_budget");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, clean_session, 2, "clean_session");
    REFUSED(ENOS_ERR_INVALID_ARGUMENT, limit_requests, 65536, "limit_requests");
    REFUSED(ENOS_ERR_BUFFER_TOO_SMALL, limit_requests, 0, "limit_requests");
    REFUSED(ENOS_ERR_BUFFER_TOO_SMALL, limit_receive, 255, "limit_receive");
    REFUSED(ENOS_ERR_BUFFER_TOO_SMALL, limit_transmit, 60, "limit_transmit");
    REFUSED(ENOS_ERR_BUFFER_TOO_SMALL, limit_names, 10, "limit_names");
    REFUSED(ENOS_ERR_BUFFER_TOO_SMALL, limit_outbox, INT32_MAX, "len");
    CHECK(enos_engine_size(NULL) == 0);
    CHECK(enos_engine_size(&bad) > (size_t)INT32_MAX);
    bad.size = 4;
    CHECK(enos_engine_size(&bad) == 0);
    CHECK(init(NULL, 8192, &good, &why) == ENOS_ERR_INVALID_ARGUMENT && holds(why, "memory"));
    CHECK(init(memory, sizeof memory, NULL, &why) == ENOS_ERR_INVALID_ARGUMENT && holds(why, "config"));
    CHECK(enos_engine_init(memory, sizeof memory, &good, NULL, &engine, NULL) == ENOS_ERR_INVALID_ARGUMENT);
    CHECK(enos_engine_init(memory, sizeof memory, &good, ENTROPY, NULL, NULL) == ENOS_ERR_INVALID_ARGUMENT);
    enos_engine_config_init(NULL);
    enos_engine_output_init(NULL);
    enos_engine_stats_init(NULL);
}

static void nothing_is_done_without_an_engine(enos_engine_t *engine, enos_status_t wanted)
{
    enos_engine_output_t output;
    enos_engine_stats_t stats;
    enos_str_t none = { NULL, 0 };
    size_t room = 5;
    char text[8] = "full";
    enos_engine_output_init(&output);
    enos_engine_stats_init(&stats);
    CHECK(enos_engine_connect(engine, &NOW, 1) == wanted);
    CHECK(enos_engine_close(engine, &NOW, 1) == wanted);
    CHECK(enos_engine_poll_output(engine, &NOW, &output) == wanted && output.tag == 0);
    CHECK(enos_engine_received(engine, &NOW, 0) == wanted);
    CHECK(enos_engine_sent(engine, &NOW, 0) == wanted);
    CHECK(enos_engine_link_up(engine, &NOW) == wanted);
    CHECK(enos_engine_link_down(engine, &NOW, ENOS_ENGINE_LINK_LOST) == wanted);
    CHECK(enos_engine_stored(engine, &NOW, ENOS_OK) == wanted);
    CHECK(enos_engine_post_measurepoints(engine, &NOW, 0, NULL, 0, ENOS_TIME_NOW, 1, NULL) == wanted);
    CHECK(enos_engine_reply(engine, &NOW, 0, 200, none, none) == wanted);
    CHECK(enos_engine_reply_values(engine, &NOW, 0, 200, NULL, 0, none) == wanted);
    CHECK(enos_engine_handle(engine, &NOW, 0, ENOS_INVOCATION_SERVICE, none) == wanted);
    CHECK(enos_engine_unhandle(engine, &NOW, 0, ENOS_INVOCATION_SERVICE, none) == wanted);
    CHECK(enos_engine_stats(engine, &stats) == wanted);
    CHECK(enos_engine_receive_buffer(engine, &room) == NULL && room == 0);
    CHECK(enos_engine_deadline(engine) == ENOS_ENGINE_NEVER);
    CHECK(enos_engine_message(engine, text, sizeof text) == 0 && text[0] == '\0');
    enos_engine_end(engine);
}

static enos_engine_t *made(uint8_t *memory, size_t len)
{
    enos_engine_config_t config;
    enos_engine_t *engine = NULL;
    turbine(&config);
    CHECK(enos_engine_init(memory, len, &config, ENTROPY, &engine, NULL) == ENOS_OK);
    return engine;
}

/* `before` ends where the engine's block begins. */
static void arguments_are_checked_by_name(enos_engine_t *engine, const uint8_t *before)
{
    enos_engine_output_t output;
    enos_point_t point = { ENOS_STR("temp"), enos_double(21.5) }, bad = point, many[17];
    enos_value_t ring[1];
    char text[8];
    size_t room, whole;
    uint8_t *buffer = enos_engine_receive_buffer(engine, &room);
    uint32_t request = 77;
    int at;
    CHECK(enos_engine_message(engine, NULL, 0) == 0);
#define WRONG(status, name, call) \
    do {                          \
        EXPECT(status, engine, call); \
        if (!holds(said(engine), name)) fprintf(stderr, "it says: %s\n", said(engine)); \
        CHECK(holds(said(engine), name)); \
    } while (0)
#define POST(points, count, time) enos_engine_post_measurepoints(engine, &NOW, 0, points, count, time, 9000, &request)
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "now", enos_engine_connect(engine, NULL, 1));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "output", enos_engine_poll_output(engine, &NOW, NULL));
    output.size = 8;
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "output", enos_engine_poll_output(engine, &NOW, &output));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "stats", enos_engine_stats(engine, NULL));
    CHECK(enos_engine_receive_buffer(engine, NULL) == NULL);
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "n ", enos_engine_received(engine, &NOW, room + 1));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "reason", enos_engine_link_down(engine, &NOW, 8));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "kind", enos_engine_handle(engine, &NOW, 0, 4, ENOS_LIT("reboot")));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "device", enos_engine_handle(engine, &NOW, 1, 1, ENOS_LIT("reboot")));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "service", enos_engine_handle(engine, &NOW, 0, 1, ENOS_LIT("a/b")));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "at least one", POST(NULL, 0, ENOS_TIME_NOW));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "points is NULL", POST(NULL, 1, ENOS_TIME_NOW));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "not aligned", POST((enos_point_t *)((uint8_t *)&point + 1), 1, ENOS_TIME_NOW));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "length", POST(&point, (size_t)-1, ENOS_TIME_NOW));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "time_ms", POST(&point, 1, -5));
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "lent", POST((enos_point_t *)(void *)((size_t)(buffer + 7) & ~(size_t)7), 1, ENOS_TIME_NOW));
    bad.id.ptr = (const char *)buffer;
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "identifier points to what the engine lent", POST(&bad, 1, ENOS_TIME_NOW));
    bad.id.ptr = (const char *)before;
    bad.id.len = 9; /* its last byte is the block's first */
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "identifier points to what the engine lent", POST(&bad, 1, ENOS_TIME_NOW));
    bad.id = ENOS_LIT("a\xff");
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "identifier is no UTF-8: byte 1", POST(&bad, 1, ENOS_TIME_NOW));
    bad = point;
    bad.value.type = 7;
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "type 7", POST(&bad, 1, ENOS_TIME_NOW));
    bad.value = enos_with_quality(point.value, 256);
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "quality 256", POST(&bad, 1, ENOS_TIME_NOW));
    bad.value = enos_array(NULL, 3);
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "items", POST(&bad, 1, ENOS_TIME_NOW));
    /* An array that is its own item ends at the room, and with more room at the core's depth. */
    ring[0] = enos_array(ring, 1);
    bad.value = ring[0];
    WRONG(ENOS_ERR_PAYLOAD_TOO_LARGE, "limit_values", POST(&bad, 1, ENOS_TIME_NOW));
    for (at = 0; at < 17; at++) many[at] = point;
    WRONG(ENOS_ERR_PAYLOAD_TOO_LARGE, "limit_values", POST(many, 17, ENOS_TIME_NOW));
    CHECK(request == 77);
    EXPECT(ENOS_OK, engine, POST(many, 16, ENOS_TIME_NOW));
    CHECK(request != 77);
    WRONG(ENOS_ERR_INVALID_STATE, "answered already", enos_engine_reply(engine, &NOW, 5, 200, ENOS_LIT("{}"), ENOS_LIT("")));
    /* The text is cut at a character's end, and its length is told whole. */
    whole = strlen(said(engine));
    CHECK(enos_engine_message(engine, text, sizeof text) == whole && strlen(text) == 7);
    CHECK(!holds(said(engine), "canary"));
}

/* With room for more values than the core goes deep, the core refuses. */
static void a_ring_ends(void)
{
    static uint8_t memory[ENOS_ENGINE_SIZE(256, 512, 512, 256, 1, 0, 0, 40)];
    enos_engine_config_t config;
    enos_engine_t *engine = NULL;
    enos_value_t ring[1];
    enos_point_t point = { ENOS_STR("ring"), enos_null() }, field = { ENOS_STR("f"), enos_null() };
    uint32_t request;
    turbine(&config);
    config.limit_receive = 256;
    config.limit_transmit = config.limit_outbox = 512;
    config.limit_names = 256;
    config.limit_requests = 1;
    config.limit_calls = config.limit_handlers = 0;
    config.limit_values = 40;
    CHECK(enos_engine_init(memory, sizeof memory, &config, ENTROPY, &engine, NULL) == ENOS_OK);
    ring[0] = enos_array(ring, 1);
    point.value = ring[0];
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "nested too deeply", POST(&point, 1, ENOS_TIME_NOW));
    field.value = enos_struct(&field, 1);
    point.value = field.value;
    WRONG(ENOS_ERR_INVALID_ARGUMENT, "nested too deeply", POST(&point, 1, ENOS_TIME_NOW));
    enos_engine_end(engine);
}

int main(void)
{
    static uint8_t memory[8192];
    enos_engine_t *engine;
    memset(memory, 'x', 8);
    memory_is_asked_for_to_the_byte();
    configurations_are_checked_by_name();
    nothing_is_done_without_an_engine(NULL, ENOS_ERR_INVALID_ARGUMENT);
    engine = made(memory + 8, sizeof memory - 8);
    arguments_are_checked_by_name(engine, memory);
    nothing_is_done_without_an_engine((enos_engine_t *)(void *)((uint8_t *)engine + 1), ENOS_ERR_INVALID_ARGUMENT);
    enos_engine_end(engine);
    nothing_is_done_without_an_engine(engine, ENOS_ERR_INVALID_STATE);
    a_ring_ends();
    puts("done");
    return 0;
}
