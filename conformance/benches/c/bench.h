/* What the measured C programs share: the order on their command line, and the lines that they print.
 *
 * A line says where the program is; whoever started it reads its CPU clock or its memory then. After the last one the
 * program waits until its input is closed, so that it is still there to be read. */
#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* The order: TASK HOST PORT COUNT WARM_UP WINDOW PRODUCT_KEY DEVICE_KEY POST_REST. */
struct order {
    const char *task, *host;
    int port;
    unsigned count, warm_up, window;
    const char *product_key, *device_key;
    /* What stands behind the id in a post. */
    const char *post_rest;
};

static inline void fail(const char *what)
{
    fprintf(stderr, "%s\n", what);
    /* Threads of a library may be running: no clean-up. */
    _exit(1);
}

static inline struct order order_of(int argc, char **argv)
{
    struct order order;
    if (argc != 10)
        fail("usage: PROGRAM TASK HOST PORT COUNT WARM_UP WINDOW PRODUCT_KEY DEVICE_KEY POST_REST");
    order.task = argv[1];
    order.host = argv[2];
    order.port = atoi(argv[3]);
    order.count = (unsigned)strtoul(argv[4], NULL, 10);
    order.warm_up = (unsigned)strtoul(argv[5], NULL, 10);
    order.window = (unsigned)strtoul(argv[6], NULL, 10);
    order.product_key = argv[7];
    order.device_key = argv[8];
    order.post_rest = argv[9];
    return order;
}

static inline uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* "begin": the warm-up is over. "end": all is done. "first": the first post is settled. "idle": connected. */
static inline void mark(const char *what)
{
    printf("%s %llu\n", what, (unsigned long long)now_ns());
    fflush(stdout);
}

/* Until whoever started this has read what it wanted. */
static inline void wait_for_release(void)
{
    char byte;
    while (read(0, &byte, 1) > 0)
        ;
}

static inline int by_size(const void *one, const void *other)
{
    double left = *(const double *)one, right = *(const double *)other;
    return (left > right) - (left < right);
}

/* Prints the middle and the 99th percentile of so many durations; sorts them. */
static inline void print_latencies(double *micros, unsigned count)
{
    qsort(micros, count, sizeof *micros, by_size);
    printf("figures {\"p50_us\":%f,\"p99_us\":%f}\n", micros[(count - 1) / 2],
           micros[(unsigned)((count - 1) * 0.99 + 0.5)]);
}

#endif
