/* A meter on NB-IoT that sleeps: it wakes, posts a reading, takes the commands that wait for it, and sleeps again.
 *
 * Its `--hub` is `coaps://host:5684`, or `coap://host:5683` in clear, where everybody on the way can read along. */
#define _POSIX_C_SOURCE 200809L

#include "flags.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>

/* Seconds here, hours in a meter. */
static const struct timespec nap = { 1, 0 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char commands[1024];

static void on_reboot(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    size_t used;

    (void)user;
    pthread_mutex_lock(&lock);
    used = strlen(commands);
    snprintf(commands + used, sizeof commands - used, "reboot %.*s\n", ENOS_ARG(enos_invocation_params(call)));
    pthread_mutex_unlock(&lock);
    enos_responder_reply(reply, 200, ENOS_LIT("{\"accepted\":true}"), NULL);
}

static enos_status_t wake(enos_client_t *client, double reading, enos_error_t *err)
{
    enos_point_t points[] = { { ENOS_STR("power"), enos_double(0) } };
    enos_wake_report_t report;

    points[0].value = enos_double(reading);
    if (enos_device_post_measurepoints(enos_client_root(client), points, 1, ENOS_TIME_NOW, 10000, NULL, err) != ENOS_OK) return err->status;
    printf("posted %g\n", reading);
    enos_wake_report_init(&report);
    if (enos_client_sleep(client, 60000, &report, err) != ENOS_OK) return err->status;
    pthread_mutex_lock(&lock);
    fputs(commands, stdout);
    commands[0] = '\0';
    pthread_mutex_unlock(&lock);
    printf("asleep after %" PRIu64 " datagrams (%" PRIu64 " bytes) sent, %" PRIu64 " (%" PRIu64
           " bytes) received, radio on for %" PRIu64 " ms\n",
           report.datagrams_sent, report.bytes_sent, report.datagrams_received, report.bytes_received, report.radio_on_ms);
    fflush(stdout);
    nanosleep(&nap, NULL);
    return ENOS_OK;
}

int main(int argc, char **argv)
{
    enos_client_t *client = NULL;
    enos_config_t cfg;
    enos_error_t err;

    enos_error_init(&err);
    config_of_flags(argc, argv, &cfg);
    /* Nothing is sent between the posts, and the hub keeps the session for an hour of silence. */
    cfg.sleepy = 1;
    cfg.coap_lifetime_s = 3600;
    if (enos_client_new(&cfg, &client, &err) == ENOS_OK
        && enos_device_on_service(enos_client_root(client), ENOS_LIT("reboot"), on_reboot, NULL, NULL, NULL, &err) == ENOS_OK
        && enos_client_connect(client, 10000, &err) == ENOS_OK && wake(client, 1834.5, &err) == ENOS_OK
        && wake(client, 1835.25, &err) == ENOS_OK) {
        enos_client_close(client, 2000, &err);
    }
    enos_client_free(client);
    return err.status == ENOS_OK ? 0 : failed(&err);
}
