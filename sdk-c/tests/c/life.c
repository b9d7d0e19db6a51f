/* Ends of things: drop functions, use after close, callbacks that call anything, free while a call runs, the log.
 * Arguments: the hub's URL, and the URL of a port that accepts and says nothing. */
#include "check.h"

static counter dropped = COUNTER, told = COUNTER, lines = COUNTER, log_dropped = COUNTER;

static void ignore(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    (void)user;
    (void)call;
    enos_responder_free(reply);
}

static void drop_functions_run_once(const char *url)
{
    enos_client_t *client = turbine(url);
    enos_device_t *root = enos_client_root(client);
    enos_registration_t *first = NULL, *second = NULL, *third = NULL;
    enos_error_t err;
    int before = counted(&dropped);

    enos_error_init(&err);
    EXPECT(ENOS_OK, enos_device_on_service(root, ENOS_LIT("a"), ignore, &dropped, count_drop, &first, &err));
    /* Replaced. */
    EXPECT(ENOS_OK, enos_device_on_service(root, ENOS_LIT("a"), ignore, &dropped, count_drop, &second, &err));
    wait_for(&dropped, before + 1);
    /* It is not there any more: nothing happens. */
    enos_registration_close(first);
    enos_registration_close(second);
    wait_for(&dropped, before + 2);
    EXPECT(ENOS_OK, enos_device_on_measurepoint_get(root, ignore, &dropped, count_drop, &third, &err));
    enos_registration_free(third);
    EXPECT(ENOS_OK, enos_device_on_measurepoint_set(root, ignore, &dropped, count_drop, NULL, &err));
    CHECK(counted(&dropped) == before + 2);
    enos_client_free(client);
    wait_for(&dropped, before + 4);
}

static void on_done(void *user, int32_t status, const enos_error_t *error)
{
    CHECK(status == error->status);
    *(int32_t *)user = status;
    count(&told);
}

static void after_close_everything_says_so(const char *url)
{
    enos_client_t *client = turbine(url);
    enos_device_t *root = enos_client_root(client);
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(1) } };
    enos_stats_t stats;
    enos_error_t err;
    int32_t status = -1;
    int before = counted(&dropped), answers = counted(&told);

    enos_error_init(&err);
    enos_stats_init(&stats);
    EXPECT(ENOS_OK, enos_client_connect_async(client, 20000, on_done, &status, &err));
    wait_for(&told, answers + 1);
    CHECK(status == ENOS_OK);
    EXPECT(ENOS_OK, enos_client_close_async(client, 10000, on_done, &status, &err));
    wait_for(&told, answers + 2);
    CHECK(status == ENOS_OK);
    EXPECT(ENOS_OK, enos_client_close(client, 1000, &err));
    EXPECT(ENOS_ERR_CLOSED, enos_client_connect(client, 1000, &err));
    EXPECT(ENOS_ERR_CLOSED, enos_client_connect_async(client, 1000, on_done, &status, &err));
    EXPECT(ENOS_ERR_CLOSED, enos_device_post_measurepoints(root, points, 1, ENOS_TIME_NOW, 1000, NULL, &err));
    EXPECT(ENOS_ERR_CLOSED, enos_device_post_measurepoints_async(root, points, 1, ENOS_TIME_NOW, 1000, on_done, &status, NULL, &err));
    EXPECT(ENOS_ERR_CLOSED, enos_device_on_service(root, ENOS_LIT("a"), ignore, &dropped, count_drop, NULL, &err));
    CHECK(counted(&dropped) == before + 1 && counted(&told) == answers + 2);
    enos_client_free(client);
}

/* Waits, closes and frees within callbacks of the same client. */
typedef struct story {
    enos_client_t *client;
    enos_registration_t *own;
} story;

static void on_step(void *user, const enos_lifecycle_t *step)
{
    story *it = (story *)user;
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(1) } };
    enos_error_t err;

    enos_error_init(&err);
    if (step->step != ENOS_LIFECYCLE_ONLINE) return;
    EXPECT(ENOS_OK, enos_device_post_measurepoints(enos_client_root(it->client), points, 1, ENOS_TIME_NOW, 10000, NULL, &err));
    EXPECT(ENOS_OK, enos_device_on_service(enos_client_root(it->client), ENOS_LIT("b"), ignore, &dropped, count_drop, NULL, &err));
    EXPECT(ENOS_OK, enos_client_connect(it->client, 1000, &err));
    enos_registration_close(it->own);
    EXPECT(ENOS_OK, enos_client_close(it->client, 5000, &err));
    enos_client_free(it->client);
    count(&told);
}

static void callbacks_may_call_anything(const char *url)
{
    story it = { NULL, NULL };
    enos_error_t err;
    int before = counted(&dropped), answers = counted(&told);

    enos_error_init(&err);
    it.client = turbine(url);
    EXPECT(ENOS_OK, enos_client_on_lifecycle(it.client, on_step, &it, NULL, &it.own, &err));
    EXPECT(ENOS_OK, enos_client_connect_async(it.client, 20000, NULL, NULL, &err));
    wait_for(&told, answers + 1);
    wait_for(&dropped, before + 1);
}

static void *connect_for_long(void *user)
{
    enos_error_t err;
    enos_error_init(&err);
    /* It has begun when the test's silent port has been asked; until then the client is not freed. */
    EXPECT(ENOS_ERR_CLOSED, enos_client_connect((enos_client_t *)user, 50000, &err));
    return NULL;
}

static void on_dial(void *user, const enos_lifecycle_t *step)
{
    (void)user;
    if (step->step == ENOS_LIFECYCLE_CONNECTING) count(&told);
}

static void free_ends_what_runs(const char *silent)
{
    enos_client_t *client = turbine(silent);
    pthread_t thread;
    enos_error_t err;
    int answers = counted(&told);

    enos_error_init(&err);
    EXPECT(ENOS_OK, enos_client_on_lifecycle(client, on_dial, NULL, NULL, NULL, &err));
    CHECK(pthread_create(&thread, NULL, connect_for_long, client) == 0);
    wait_for(&told, answers + 1);
    enos_client_free(client);
    CHECK(pthread_join(thread, NULL) == 0);
}

static void shared_threads(const char *url)
{
    enos_runtime_t *threads = NULL;
    enos_client_t *clients[2] = { NULL, NULL };
    const char *keys[] = { "t-1", "t-2" }, *secrets[] = { "u8Yp2QvKs0t1", "u8Yp2QvKs0t2" };
    enos_config_t cfg;
    enos_error_t err;
    int i;

    enos_error_init(&err);
    EXPECT(ENOS_OK, enos_runtime_new(&threads, &err));
    for (i = 0; i < 2; i++) {
        enos_config_init(&cfg);
        cfg.hub = enos_str(url);
        cfg.runtime = threads;
        EXPECT(ENOS_OK, enos_config_login_device_secret(&cfg, ENOS_LIT("Tq4zR9Lw"), enos_str(keys[i]), enos_str(secrets[i])));
        EXPECT(ENOS_OK, enos_client_new(&cfg, &clients[i], &err));
    }
    /* Clients keep the threads. */
    enos_runtime_free(threads);
    for (i = 0; i < 2; i++) EXPECT(ENOS_OK, enos_client_connect(clients[i], 20000, &err));
    for (i = 0; i < 2; i++) enos_client_free(clients[i]);
}

static void on_line(void *user, int32_t level, enos_str_t target, enos_str_t message)
{
    CHECK(user == &log_dropped && level >= ENOS_LOG_ERROR && level <= ENOS_LOG_TRACE && target.len > 0);
    CHECK(message.len > 0 && memchr(message.ptr, '\n', message.len) == NULL);
    count(&lines);
}

/* The log function may end itself. */
static void on_last_line(void *user, int32_t level, enos_str_t target, enos_str_t message)
{
    (void)user;
    (void)level;
    (void)target;
    (void)message;
    CHECK(enos_log_set(ENOS_LOG_OFF, NULL, NULL, NULL, NULL) == ENOS_OK);
}

static void the_log_is_told(const char *url)
{
    enos_error_t err;
    int before;

    enos_error_init(&err);
    EXPECT(ENOS_OK, enos_log_set(ENOS_LOG_TRACE, on_line, &log_dropped, count_drop, &err));
    shared_threads(url);
    /* Ending it waits for what was written, and then its drop function has run. */
    EXPECT(ENOS_OK, enos_log_set(ENOS_LOG_OFF, NULL, NULL, NULL, &err));
    before = counted(&lines);
    CHECK(before > 0 && counted(&log_dropped) == 1);
    shared_threads(url);
    CHECK(counted(&lines) == before);
    EXPECT(ENOS_OK, enos_log_set(ENOS_LOG_TRACE, on_last_line, &log_dropped, count_drop, &err));
    shared_threads(url);
    wait_for(&log_dropped, 2);
}

int main(int argc, char **argv)
{
    CHECK(argc == 3);
    drop_functions_run_once(argv[1]);
    after_close_everything_says_so(argv[1]);
    callbacks_may_call_anything(argv[1]);
    free_ends_what_runs(argv[2]);
    shared_threads(argv[1]);
    the_log_is_told(argv[1]);
    say("done");
    return 0;
}
