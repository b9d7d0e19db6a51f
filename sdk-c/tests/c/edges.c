/* What only C can get wrong: NULL, sizes, tags, texts, numbers. Needs no hub. */
#include "check.h"

static counter dropped = COUNTER;

static void never(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    (void)user;
    (void)call;
    (void)reply;
    CHECK(0);
}

static void never_done(void *user, int32_t status, const enos_error_t *error)
{
    (void)user;
    (void)status;
    (void)error;
    CHECK(0);
}

static int says(const enos_error_t *err, const char *word)
{
    if (strstr(err->message, word) != NULL) return 1;
    fprintf(stderr, "\"%s\" is not in: %s\n", word, err->message);
    return 0;
}

static void null_is_refused(void)
{
    enos_config_t cfg;
    enos_client_t *client = NULL;
    enos_error_t err;
    enos_str_t none = enos_str(NULL);

    enos_config_init(&cfg);
    enos_error_init(&err);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(NULL, &client, &err));
    CHECK(says(&err, "config is NULL"));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, NULL));
    CHECK(client == NULL);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_connect(NULL, 1, &err));
    CHECK(says(&err, "client is NULL"));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_connect_async(NULL, 1, never_done, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_close(NULL, 1, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_close_async(NULL, 1, never_done, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_stats(NULL, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_runtime_new(NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_secret_store_new_memory(NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_post_measurepoints(NULL, NULL, 0, 0, 0, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_responder_reply(NULL, 200, none, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_config_login_device_secret(NULL, none, none, none));
    CHECK(enos_client_root(NULL) == NULL && enos_invocation_device(NULL) == NULL);
    CHECK(enos_device_key(NULL).len == 0 && enos_invocation_params(NULL).len == 0 && enos_invocation_kind(NULL) == 0);
    enos_client_free(NULL);
    enos_runtime_free(NULL);
    enos_secret_store_free(NULL);
    enos_responder_free(NULL);
    enos_registration_close(NULL);
    enos_registration_free(NULL);
    enos_config_init(NULL);
    enos_error_init(NULL);
    enos_error_set(NULL, 1, none);
    enos_stats_init(NULL);

    /* A drop function runs once even where nothing was registered. */
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_on_service(NULL, ENOS_LIT("a"), never, &dropped, count_drop, NULL, &err));
    CHECK(counted(&dropped) == 1);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_on_lifecycle(NULL, NULL, &dropped, count_drop, NULL, &err));
    CHECK(counted(&dropped) == 2);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_log_set(9, NULL, &dropped, count_drop, &err));
    CHECK(counted(&dropped) == 3);
}

static void sizes_are_checked(void)
{
    enos_config_t cfg;
    enos_client_t *client = NULL;
    enos_stats_t stats;
    enos_error_t err, small;

    enos_config_init(&cfg);
    enos_error_init(&err);
    cfg.size = 0;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "enos_config_init"));
    cfg.size = (uint32_t)sizeof cfg + 8;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "newer"));

    enos_error_init(&small);
    small.size = 8;
    small.status = 77;
    CHECK(enos_client_connect(NULL, 1, &small) == ENOS_ERR_INVALID_ARGUMENT && small.status == 77);

    client = turbine("tcp://127.0.0.1:1");
    enos_stats_init(&stats);
    stats.size = 4;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_stats(client, &stats, &err));
    CHECK(says(&err, "enos_stats_init"));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_stats(client, NULL, &err));
    enos_client_free(client);
}

static void settings_are_named(void)
{
    enos_config_t cfg;
    enos_client_t *client = NULL;
    enos_error_t err;

    enos_error_init(&err);
    enos_config_init(&cfg);
    cfg.hub = ENOS_LIT("tcp://127.0.0.1:1");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "login"));
    cfg.login = 9;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "config.login"));
    CHECK(enos_config_login_device_secret(&cfg, ENOS_LIT("p"), ENOS_LIT("d"), ENOS_LIT("canary")) == ENOS_OK);
    cfg.hub = ENOS_LIT("gopher://127.0.0.1");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    cfg.hub = ENOS_LIT("tcp://\xff");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "config.hub is no UTF-8"));
    cfg.hub.ptr = NULL;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "config.hub is NULL"));
    cfg.hub = ENOS_LIT("tcp://127.0.0.1:1");
    cfg.in_flight = 70000;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "config.in_flight is 70000"));
    cfg.in_flight = -1;
    cfg.dial_budget = 2;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "config.dial_window_s"));
    cfg.dial_budget = -1;
    cfg.proxy_port = 70000;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "config.proxy_port"));
    CHECK(enos_config_proxy(&cfg, enos_str(NULL), 0) == ENOS_OK);
    cfg.tls_ca = ENOS_LIT("a");
    cfg.tls_ca_file = ENOS_LIT("b");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "both set"));
    CHECK(enos_config_tls_ca_file(&cfg, ENOS_LIT("/nowhere/ca.pem")) == ENOS_OK);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_new(&cfg, &client, &err));
    CHECK(says(&err, "/nowhere/ca.pem") && client == NULL);
    CHECK(strstr(err.message, "canary") == NULL);
}

static void values_are_named(void)
{
    enos_client_t *client = turbine("tcp://127.0.0.1:1");
    enos_device_t *root = enos_client_root(client);
    enos_point_t points[2] = { { ENOS_STR("a"), enos_int(1) }, { ENOS_STR("b"), enos_int(1) } };
    enos_value_t ring[1];
    double zero = 0.0;
    enos_error_t err;

    enos_error_init(&err);
#define REFUSED(word)                                                                                              \
    do {                                                                                                           \
        EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_post_measurepoints(root, points, 2, ENOS_TIME_NOW, 1000, NULL, &err)); \
        CHECK(says(&err, word));                                                                                   \
        EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_post_measurepoints_async(root, points, 2, ENOS_TIME_NOW, 1000, never_done, NULL, NULL, &err)); \
    } while (0)
    points[1].value = enos_double(zero / zero);
    REFUSED("NaN");
    points[1].value = enos_double(1.0 / zero);
    REFUSED("\"b\"");
    points[1].value = enos_text(ENOS_LIT("\xc3"));
    REFUSED("points[1]: a text value is no UTF-8");
    points[1].value = enos_int(1);
    points[1].value.type = 42;
    REFUSED("type 42");
    points[1].value = enos_with_quality(enos_int(1), 300);
    REFUSED("quality 300");
    ring[0] = enos_array(ring, 1);
    points[1].value = ring[0];
    REFUSED("deep");
    points[1].value = enos_struct(NULL, 3);
    REFUSED("is NULL");
    points[1].value = enos_int(1);
    points[1].id = enos_str(NULL);
    REFUSED("");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_post_measurepoints(root, NULL, 2, ENOS_TIME_NOW, 1000, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_post_measurepoints(root, points, 1, -1, 1000, NULL, &err));
    CHECK(says(&err, "1970"));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_on_service(root, ENOS_LIT("\xff"), never, NULL, NULL, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_device_on_service(root, ENOS_LIT("a"), NULL, NULL, NULL, NULL, &err));
    enos_client_free(client);
}

static void statuses_have_names(void)
{
    CHECK(same(enos_status_name(ENOS_ERR_TIMEOUT), "ENOS_ERR_TIMEOUT") && enos_status_retryable(ENOS_ERR_TIMEOUT) == 1);
    CHECK(enos_status_hint(ENOS_ERR_CLOSED).len > 0 && enos_status_name(1).len == 0);
    CHECK(strcmp(enos_version(), ENOS_VERSION) == 0);
}

int main(void)
{
    null_is_refused();
    sizes_are_checked();
    settings_are_named();
    values_are_named();
    statuses_have_names();
    say("done");
    return 0;
}
