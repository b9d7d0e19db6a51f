/* What the test programs share: checks that end the program, and a counter that threads wait for. */
#ifndef CHECK_H
#define CHECK_H

#define _POSIX_C_SOURCE 200809L

#include <enos.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(truth)                                                          \
    do {                                                                      \
        if (!(truth)) {                                                       \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #truth); \
            exit(1);                                                          \
        }                                                                     \
    } while (0)

/* Runs a call that must end with a status; prints the error's text if it does not. */
#define EXPECT(status, call)                                                                        \
    do {                                                                                            \
        int32_t came_ = (call);                                                                     \
        if (came_ != (status)) {                                                                    \
            fprintf(stderr, "%s:%d: %s gave %d, wanted %d: %s\n", __FILE__, __LINE__, #call, (int)came_, \
                    (int)(status), err.message);                                                    \
            exit(1);                                                                                \
        }                                                                                           \
    } while (0)

typedef struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count;
} counter;

#define COUNTER { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0 }

static inline void count(counter *it)
{
    pthread_mutex_lock(&it->lock);
    it->count++;
    pthread_cond_broadcast(&it->changed);
    pthread_mutex_unlock(&it->lock);
}

static inline int counted(counter *it)
{
    int count;
    pthread_mutex_lock(&it->lock);
    count = it->count;
    pthread_mutex_unlock(&it->lock);
    return count;
}

/* Waits until so many were counted, a minute at the most. */
static inline void wait_for(counter *it, int wanted)
{
    struct timespec end;
    clock_gettime(CLOCK_REALTIME, &end);
    end.tv_sec += 60;
    pthread_mutex_lock(&it->lock);
    while (it->count < wanted) CHECK(pthread_cond_timedwait(&it->changed, &it->lock, &end) == 0);
    pthread_mutex_unlock(&it->lock);
}

/* A drop function that counts. */
static inline void count_drop(void *user)
{
    count((counter *)user);
}

static inline int same(enos_str_t text, const char *wanted)
{
    return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

static inline void say(const char *line)
{
    printf("%s\n", line);
    fflush(stdout);
}

/* Waits for a line from the test. */
static inline void hear(void)
{
    char line[64];
    CHECK(fgets(line, sizeof line, stdin) != NULL);
}

static inline enos_client_t *client_of(const char *url, const char *product, const char *device, const char *secret)
{
    enos_config_t cfg;
    enos_error_t err;
    enos_client_t *client = NULL;
    enos_config_init(&cfg);
    enos_error_init(&err);
    cfg.hub = enos_str(url);
    EXPECT(ENOS_OK, enos_config_login_device_secret(&cfg, enos_str(product), enos_str(device), enos_str(secret)));
    EXPECT(ENOS_OK, enos_client_new(&cfg, &client, &err));
    CHECK(client != NULL);
    return client;
}

static inline enos_client_t *turbine(const char *url)
{
    return client_of(url, "Tq4zR9Lw", "t-1", "u8Yp2QvKs0t1");
}

#endif
