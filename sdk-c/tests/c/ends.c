/* How processes end and what they leave behind. Arguments: what to do, the hub's URL, and what belongs to it. */
#include "check.h"

#include <dirent.h>
#include <sys/wait.h>
#include <unistd.h>

static counter told = COUNTER;

/* Entries of a folder of /proc: this process's descriptors, or its threads. */
static int entries(const char *folder)
{
    DIR *open = opendir(folder);
    int count = 0;

    CHECK(open != NULL);
    while (readdir(open) != NULL) count++;
    closedir(open);
    return count;
}

static void on_step(void *user, const enos_lifecycle_t *step)
{
    if (step->step == *(const int32_t *)user) count(&told);
}

static void on_done(void *user, enos_status_t status, const enos_error_t *error)
{
    (void)user;
    CHECK(status == error->status);
    count(&told);
}

static void ignore(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    (void)user;
    (void)call;
    enos_responder_free(reply);
}

/* --- fork --- */

/* Every call of the child says so at once; the alarm ends it if one hangs. */
static void child(enos_client_t *client, enos_runtime_t *threads)
{
    enos_device_t *root = enos_client_root(client);
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(1) } };
    enos_client_t *own = NULL;
    enos_config_t cfg;
    enos_stats_t stats;
    enos_error_t err;

    alarm(30);
    enos_error_init(&err);
    enos_stats_init(&stats);
    EXPECT(ENOS_ERR_INVALID_STATE, enos_client_connect(client, 20000, &err));
    CHECK(strstr(err.message, "fork") != NULL);
    EXPECT(ENOS_ERR_INVALID_STATE, enos_client_connect_async(client, 20000, on_done, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_STATE, enos_device_post_measurepoints(root, points, 1, ENOS_TIME_NOW, 20000, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_STATE, enos_device_on_service(root, ENOS_LIT("a"), ignore, NULL, NULL, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_STATE, enos_client_stats(client, &stats, &err));
    EXPECT(ENOS_ERR_INVALID_STATE, enos_client_close(client, 20000, &err));
    EXPECT(ENOS_ERR_INVALID_STATE, enos_client_close_async(client, 20000, on_done, NULL, &err));
    enos_config_init(&cfg);
    cfg.hub = ENOS_LIT("tcp://127.0.0.1:9");
    cfg.runtime = threads;
    EXPECT(ENOS_OK, enos_config_login_device_secret(&cfg, ENOS_LIT("pk"), ENOS_LIT("dk"), ENOS_LIT("s")));
    if (enos_client_new(&cfg, &own, &err) == ENOS_OK) EXPECT(ENOS_ERR_INVALID_STATE, enos_client_connect(own, 20000, &err));
    enos_client_free(own);
    enos_client_free(client);
    enos_runtime_free(threads);
    CHECK(counted(&told) == 0);
    _exit(7);
}

static void forks(const char *url)
{
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(1) } };
    enos_client_t *client = NULL;
    enos_runtime_t *threads = NULL;
    enos_config_t cfg;
    enos_error_t err;
    int status = 0;
    pid_t pid;

    enos_error_init(&err);
    EXPECT(ENOS_OK, enos_runtime_new(&threads, &err));
    enos_config_init(&cfg);
    cfg.hub = enos_str(url);
    cfg.runtime = threads;
    EXPECT(ENOS_OK, enos_config_login_device_secret(&cfg, ENOS_LIT("Tq4zR9Lw"), ENOS_LIT("t-1"), ENOS_LIT("u8Yp2QvKs0t1")));
    EXPECT(ENOS_OK, enos_client_new(&cfg, &client, &err));
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) child(client, threads);
    CHECK(waitpid(pid, &status, 0) == pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    /* The parent noticed nothing. */
    EXPECT(ENOS_OK, enos_device_post_measurepoints(enos_client_root(client), points, 1, ENOS_TIME_NOW, 20000, NULL, &err));
    enos_client_free(client);
    enos_runtime_free(threads);
    say("done");
}

/* --- exit --- */

static void exit_now(void *user, const enos_lifecycle_t *step)
{
    (void)user;
    if (step->step == ENOS_LIFECYCLE_ONLINE) exit(0);
}

/* Ends the process by exit() with a live client, at the stage that the number tells. */
static void exits(const char *url, int stage)
{
    static const int32_t connecting = ENOS_LIFECYCLE_CONNECTING;
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(1) } };
    enos_client_t *client = turbine(url);
    enos_device_t *root = enos_client_root(client);
    enos_error_t err;
    int i;

    enos_error_init(&err);
    say("done");
    if (stage == 0) exit(0);
    if (stage == 1) {
        EXPECT(ENOS_OK, enos_client_on_lifecycle(client, on_step, (void *)&connecting, NULL, NULL, &err));
        EXPECT(ENOS_OK, enos_client_connect_async(client, 20000, NULL, NULL, &err));
        wait_for(&told, 1);
        exit(0);
    }
    if (stage == 2) {
        EXPECT(ENOS_OK, enos_client_on_lifecycle(client, exit_now, NULL, NULL, NULL, &err));
        EXPECT(ENOS_OK, enos_client_connect_async(client, 20000, NULL, NULL, &err));
        wait_for(&told, 1); /* For ever: the callback ends the process. */
    }
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    if (stage == 3) exit(0);
    for (i = 0; i < 200; i++)
        EXPECT(ENOS_OK, enos_device_post_measurepoints_async(root, points, 1, ENOS_TIME_NOW, 20000, on_done, NULL, NULL, &err));
    if (stage == 4) exit(0);
    EXPECT(ENOS_OK, enos_client_close_async(client, 20000, NULL, NULL, &err));
    exit(0);
}

/* --- rounds --- */

/* Clients come and go; descriptors, threads and drop functions are back where they were. */
static void rounds(const char *url, int most)
{
    static const int32_t never = -1;
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(1) } };
    int descriptors = 0, threads = 0, round, i;
    enos_error_t err;

    enos_error_init(&err);
    for (round = 0; round < most; round++) {
        enos_client_t *client = turbine(url);
        enos_device_t *root = enos_client_root(client);

        /* What is opened once for the process is there after the first round. */
        if (round == 1) {
            descriptors = entries("/proc/self/fd");
            threads = entries("/proc/self/task");
        }
        EXPECT(ENOS_OK, enos_client_on_lifecycle(client, on_step, (void *)&never, NULL, NULL, &err));
        EXPECT(ENOS_OK, enos_device_on_service(root, ENOS_LIT("a"), ignore, &told, count_drop, NULL, &err));
        EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
        if (round % 3 == 0) EXPECT(ENOS_OK, enos_device_post_measurepoints(root, points, 1, ENOS_TIME_NOW, 20000, NULL, &err));
        if (round % 2 == 0) EXPECT(ENOS_OK, enos_client_close(client, 20000, &err));
        if (round % 2 == 0) EXPECT(ENOS_OK, enos_client_close(client, 20000, &err));
        enos_client_free(client);
    }
    wait_for(&told, most);
    /* A new client, as when it was counted; dialling threads go a second after their last dial. */
    {
        enos_client_t *client = turbine(url);
        for (i = 0; i < 600 && (entries("/proc/self/task") > threads || entries("/proc/self/fd") > descriptors); i++) {
            struct timespec pause = { 0, 100000000 };
            nanosleep(&pause, NULL);
        }
        CHECK(entries("/proc/self/fd") <= descriptors);
        CHECK(entries("/proc/self/task") <= threads);
        enos_client_free(client);
    }
    CHECK(counted(&told) == most);
    say("done");
}

int main(int argc, char **argv)
{
    CHECK(argc >= 3);
    if (strcmp(argv[1], "fork") == 0) forks(argv[2]);
    if (strcmp(argv[1], "exit") == 0) exits(argv[2], atoi(argv[3]));
    if (strcmp(argv[1], "rounds") == 0) rounds(argv[2], atoi(argv[3]));
    return 0;
}
