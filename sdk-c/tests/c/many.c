/* Very many posts, a hundred open at a time: what the process holds must not grow. Arguments: the hub's URL, how many. */
#include "check.h"

#include <dirent.h>

enum { OPEN = 100 };

static enos_device_t *root;
static counter settled = COUNTER;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int left, done, warm_up;
static long warm_kb;

/* Resident memory of this process, in kB. */
static long resident_kb(void)
{
    char line[128];
    long kb = -1;
    FILE *status = fopen("/proc/self/status", "r");

    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, "VmRSS:", 6) == 0) kb = strtol(line + 6, NULL, 10);
    fclose(status);
    CHECK(kb > 0);
    return kb;
}

/* Entries of a folder of /proc: this process's descriptors, or its threads. */
static int entries(const char *folder)
{
    DIR *open = opendir(folder);
    int found = 0;

    CHECK(open != NULL);
    while (readdir(open) != NULL) found++;
    closedir(open);
    return found;
}

static void post(void);

/* Callbacks come one at a time. */
static void on_settled(void *user, enos_status_t status, const enos_error_t *error)
{
    (void)user;
    if (status != ENOS_OK) fprintf(stderr, "post %d: %s\n", done, error->message);
    CHECK(status == ENOS_OK);
    post();
    if (++done == warm_up) warm_kb = resident_kb();
    if (done % OPEN == 0) count(&settled);
}

/* Posts once, unless all posts are made. */
static void post(void)
{
    enos_point_t points[] = { { ENOS_STR("temp"), enos_double(21.5) }, { ENOS_STR("starts"), enos_int(1) },
                              { ENOS_STR("note"), enos_text(ENOS_LIT("running")) } };
    enos_error_t err;
    int mine;

    pthread_mutex_lock(&lock);
    mine = left > 0 ? left-- : 0;
    pthread_mutex_unlock(&lock);
    if (mine == 0) return;
    enos_error_init(&err);
    EXPECT(ENOS_OK, enos_device_post_measurepoints_async(root, points, 3, ENOS_TIME_NOW, 30000, on_settled, NULL, NULL, &err));
}

int main(int argc, char **argv)
{
    enos_client_t *client;
    enos_stats_t stats;
    enos_error_t err;
    int i, batches, descriptors = 0, threads = 0;

    CHECK(argc == 3);
    enos_error_init(&err);
    left = atoi(argv[2]);
    warm_up = left / 10;
    batches = left / OPEN;
    client = turbine(argv[1]);
    root = enos_client_root(client);
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    for (i = 0; i < OPEN; i++) post();
    /* A minute at the most for each hundredth of them. */
    for (i = 1; i <= 100; i++) {
        wait_for(&settled, batches / 100 * i);
        /* What is made at the first use is there by now. */
        if (i == 5) {
            descriptors = entries("/proc/self/fd");
            threads = entries("/proc/self/task");
        }
    }
    wait_for(&settled, batches);
    enos_stats_init(&stats);
    EXPECT(ENOS_OK, enos_client_stats(client, &stats, &err));
    CHECK(stats.open_requests == 0 && stats.queued_bytes == 0 && stats.failed == 0 && stats.rejected == 0);
    CHECK(stats.acknowledged == (uint64_t)batches * OPEN);
    CHECK(entries("/proc/self/fd") <= descriptors && entries("/proc/self/task") <= threads);
    printf("%ld %ld\n", warm_kb, resident_kb());
    enos_client_free(client);
    return 0;
}
