/* Ours: what a program in C gets, through enos.h only. */
#include "bench.h"

#include <dirent.h>
#include <enos.h>
#include <stdatomic.h>
#include <pthread.h>

#define PATIENCE_MS 30000u
#define TIME_MS 1782000000000

static struct order order;
static enos_client_t *client;
static enos_device_t *device;
static atomic_uint left;
/* Callbacks come one at a time. */
static unsigned done;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t finished = PTHREAD_COND_INITIALIZER;
static int is_finished;

static void refuse(const char *what, const enos_error_t *error)
{
    fprintf(stderr, "ours: %s: %s\n", what, error->message);
    _exit(1);
}

static void finish(void)
{
    pthread_mutex_lock(&lock);
    is_finished = 1;
    pthread_cond_signal(&finished);
    pthread_mutex_unlock(&lock);
}

static void wait_until_finished(void)
{
    pthread_mutex_lock(&lock);
    while (!is_finished)
        pthread_cond_wait(&finished, &lock);
    pthread_mutex_unlock(&lock);
}

/* One more is done; whoever waits is told after the last one. */
static void count_one(void)
{
    done++;
    if (done == order.warm_up)
        mark("begin");
    if (done == order.count) {
        mark("end");
        finish();
    }
}

static void settled(void *user, enos_status_t status, const enos_error_t *error);

/* The points are made anew for each post, as a program does that has measured them. */
static void make_points(enos_point_t points[4])
{
    points[0].id = ENOS_LIT("temp");
    points[0].value = enos_double(21.5);
    points[1].id = ENOS_LIT("speed");
    points[1].value = enos_int(1234);
    points[2].id = ENOS_LIT("power");
    points[2].value = enos_double(1530.25);
    points[3].id = ENOS_LIT("state");
    points[3].value = enos_text(ENOS_LIT("running"));
}

/* Posts once, unless all posts are made. */
static void post(void)
{
    enos_point_t points[4];
    unsigned before = atomic_load(&left);
    do {
        if (before == 0)
            return;
    } while (!atomic_compare_exchange_weak(&left, &before, before - 1));
    make_points(points);
    if (enos_device_post_measurepoints_async(device, points, 4, TIME_MS, PATIENCE_MS, settled, NULL, NULL, NULL) != ENOS_OK)
        fail("ours: a post was refused");
}

static void settled(void *user, enos_status_t status, const enos_error_t *error)
{
    (void)user;
    if (status != ENOS_OK)
        refuse("a post failed", error);
    post();
    count_one();
}

static void answer(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    (void)user;
    (void)call;
    if (enos_responder_reply_values(reply, 200, NULL, 0, NULL) != ENOS_OK)
        fail("ours: an answer was refused");
    count_one();
}

static void connect_to(void)
{
    char hub[64];
    enos_config_t config;
    enos_error_t error;
    enos_config_init(&config);
    enos_error_init(&error);
    snprintf(hub, sizeof hub, "tcp://%s:%d", order.host, order.port);
    config.hub = enos_str(hub);
    enos_config_login_device_secret(&config, enos_str(order.product_key), enos_str(order.device_key),
                                    ENOS_LIT("jJAC3QvmCKxx"));
    if (enos_client_new(&config, &client, &error) != ENOS_OK)
        refuse("no client", &error);
    device = enos_client_root(client);
    if (strcmp(order.task, "commands") == 0
        && enos_device_on_service(device, ENOS_LIT("reboot"), answer, NULL, NULL, NULL, &error) != ENOS_OK)
        refuse("no handler", &error);
    if (enos_client_connect(client, PATIENCE_MS, &error) != ENOS_OK)
        refuse("connect", &error);
}

static void post_and_wait(void)
{
    enos_point_t points[4];
    enos_error_t error;
    enos_error_init(&error);
    make_points(points);
    if (enos_device_post_measurepoints(device, points, 4, TIME_MS, PATIENCE_MS, NULL, &error) != ENOS_OK)
        refuse("post", &error);
}

static void one_at_a_time(void)
{
    double *micros = calloc(order.count, sizeof *micros);
    if (micros == NULL)
        fail("out of memory");
    for (unsigned number = 0; number < order.count; number++) {
        if (number == order.warm_up)
            mark("begin");
        uint64_t start = now_ns();
        post_and_wait();
        micros[number] = (double)(now_ns() - start) / 1e3;
    }
    print_latencies(micros + order.warm_up, order.count - order.warm_up);
    mark("end");
    free(micros);
}

static void posts(void)
{
    atomic_store(&left, order.count);
    for (unsigned open = 0; open < order.window; open++)
        post();
    wait_until_finished();
}

/* Threads of this process but the first. */
static double other_threads(void)
{
    double threads = -1;
    struct dirent *entry;
    DIR *tasks = opendir("/proc/self/task");
    if (tasks == NULL)
        fail("ours: no /proc");
    while ((entry = readdir(tasks)) != NULL)
        threads += entry->d_name[0] != '.';
    closedir(tasks);
    return threads;
}

/* What the SDK still holds once all is settled: open requests, and bytes that wait. */
static double held(void)
{
    enos_stats_t stats;
    enos_stats_init(&stats);
    if (enos_client_stats(client, &stats, NULL) != ENOS_OK)
        fail("ours: no statistics");
    return (double)stats.open_requests + (double)stats.queued_bytes;
}

int main(int argc, char **argv)
{
    double handles = 0;
    order = order_of(argc, argv);
    connect_to();
    if (strcmp(order.task, "posts") == 0) {
        posts();
    } else if (strcmp(order.task, "commands") == 0) {
        wait_until_finished();
    } else if (strcmp(order.task, "memory") == 0) {
        posts();
        handles = held();
    } else if (strcmp(order.task, "single") == 0) {
        one_at_a_time();
    } else if (strcmp(order.task, "idle") == 0) {
        mark("idle");
    } else if (strcmp(order.task, "start") == 0) {
        post_and_wait();
        mark("first");
    } else {
        fail("not a task of ours");
    }
    wait_for_release();
    enos_client_close(client, PATIENCE_MS, NULL);
    enos_client_free(client);
    if (strcmp(order.task, "memory") == 0)
        printf("figures {\"handles\":%f}\n", handles + other_threads());
    return 0;
}
