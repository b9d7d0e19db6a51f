/* Two clients for one device: the hub lets the newest in and throws the other out. Argument: the hub's URL. */
#include "check.h"

/* Longer than the program runs: whoever is thrown out comes back only when it is told to. */
#define PAUSE_MS 120000

typedef struct twin {
    enos_client_t *client;
    counter online, offline, closed, dropped;
} twin;

#define TWIN { NULL, COUNTER, COUNTER, COUNTER, COUNTER }

static twin first = TWIN, second = TWIN;

static void on_step(void *user, const enos_lifecycle_t *step)
{
    twin *it = (twin *)user;
    switch (step->step) {
    case ENOS_LIFECYCLE_ONLINE:
        count(&it->online);
        break;
    case ENOS_LIFECYCLE_OFFLINE:
        /* Thrown out, it would come back; told to close, it does not. */
        if (step->will_retry) CHECK(step->error->status == ENOS_ERR_LINK_LOST);
        else CHECK(step->error->status == ENOS_ERR_CLOSED);
        count(&it->offline);
        break;
    case ENOS_LIFECYCLE_CLOSED:
        count(&it->closed);
        break;
    default:
        CHECK(step->step == ENOS_LIFECYCLE_CONNECTING);
    }
}

static void on_drop(void *user)
{
    count(&((twin *)user)->dropped);
}

static void start(twin *it, const char *url)
{
    enos_config_t cfg;
    enos_error_t err;

    enos_config_init(&cfg);
    enos_error_init(&err);
    cfg.hub = enos_str(url);
    cfg.backoff_first_ms = PAUSE_MS;
    cfg.backoff_largest_ms = PAUSE_MS;
    EXPECT(ENOS_OK, enos_config_login_device_secret(&cfg, ENOS_LIT("Tq4zR9Lw"), ENOS_LIT("t-1"), ENOS_LIT("u8Yp2QvKs0t1")));
    EXPECT(ENOS_OK, enos_client_new(&cfg, &it->client, &err));
    EXPECT(ENOS_OK, enos_client_on_lifecycle(it->client, on_step, it, on_drop, NULL, &err));
    EXPECT(ENOS_OK, enos_client_connect(it->client, 20000, &err));
    wait_for(&it->online, 1);
}

/* A post of it must end so. */
static void posts(twin *it, uint32_t timeout_ms, enos_status_t wanted)
{
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(1) } };
    enos_error_t err;

    enos_error_init(&err);
    EXPECT(wanted, enos_device_post_measurepoints(enos_client_root(it->client), points, 1, ENOS_TIME_NOW, timeout_ms, NULL, &err));
}

/* All that was told of it: online and offline as often, closed once, and the drop function once. */
static void end(twin *it, int online)
{
    enos_client_free(it->client);
    wait_for(&it->dropped, 1);
    CHECK(counted(&it->online) == online && counted(&it->offline) == online);
    CHECK(counted(&it->closed) == 1 && counted(&it->dropped) == 1);
}

int main(int argc, char **argv)
{
    enos_stats_t stats;
    enos_error_t err;

    CHECK(argc == 2);
    enos_error_init(&err);
    start(&first, argv[1]);
    posts(&first, 20000, ENOS_OK);
    start(&second, argv[1]);
    wait_for(&first.offline, 1);
    /* They share nothing in the process: the one posts, the other waits, and says so. */
    posts(&second, 20000, ENOS_OK);
    posts(&first, 200, ENOS_ERR_LINK_LOST);
    posts(&second, 20000, ENOS_OK);
    enos_stats_init(&stats);
    EXPECT(ENOS_OK, enos_client_stats(first.client, &stats, &err));
    CHECK(stats.acknowledged == 1 && stats.failed == 1 && stats.reconnects == 0);
    EXPECT(ENOS_OK, enos_client_stats(second.client, &stats, &err));
    CHECK(stats.acknowledged == 2 && stats.failed == 0 && stats.reconnects == 0);

    /* A third one, which is the newest now; what was freed before it harms nobody. */
    end(&first, 1);
    posts(&second, 20000, ENOS_OK);
    {
        twin third = TWIN;
        start(&third, argv[1]);
        wait_for(&second.offline, 1);
        posts(&third, 20000, ENOS_OK);
        posts(&second, 200, ENOS_ERR_LINK_LOST);
        EXPECT(ENOS_OK, enos_client_close(third.client, 20000, &err));
        end(&third, 1);
    }
    end(&second, 1);
    say("done");
    return 0;
}
