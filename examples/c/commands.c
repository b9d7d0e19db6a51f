/* Takes commands: a service, and measurepoints that the cloud sets. Ends after three commands or a minute. */
#define _POSIX_C_SOURCE 200809L

#include "flags.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t came = PTHREAD_COND_INITIALIZER;
static int commands;

static void count(void)
{
    pthread_mutex_lock(&lock);
    commands++;
    pthread_cond_signal(&came);
    pthread_mutex_unlock(&lock);
}

/* `delay` of {"delay":5}; a program with more to read has a JSON library. */
static long delay_of(enos_str_t params)
{
    static const char name[] = "\"delay\":";
    char text[256] = "";
    const char *at;

    if (params.len < sizeof text) memcpy(text, params.ptr, params.len);
    at = strstr(text, name);
    return at == NULL ? 0 : strtol(at + strlen(name), NULL, 10);
}

static void on_reboot(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    (void)user;
    printf("reboot %.*s\n", ENOS_ARG(enos_invocation_params(call)));
    fflush(stdout);
    if (delay_of(enos_invocation_params(call)) > 60)
        enos_responder_fail(reply, 2001, ENOS_LIT("delay too long"), NULL); /* a device's own codes start at 2000 */
    else
        enos_responder_reply(reply, 200, ENOS_LIT("{\"accepted\":true}"), NULL);
    count();
}

static void on_set(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    (void)user;
    printf("set %.*s\n", ENOS_ARG(enos_invocation_params(call)));
    fflush(stdout);
    enos_responder_reply(reply, 200, enos_str(NULL), NULL);
    count();
}

/* Waits for three commands, a minute for each at the most. */
static void wait_for_commands(void)
{
    int seen, late = 0;

    pthread_mutex_lock(&lock);
    for (seen = 0; seen < 3 && !late; seen++) {
        struct timespec end;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 60;
        while (commands == seen && !late) late = pthread_cond_timedwait(&came, &lock, &end);
    }
    pthread_mutex_unlock(&lock);
}

int main(int argc, char **argv)
{
    enos_client_t *client = client_of_flags(argc, argv);
    enos_device_t *device = enos_client_root(client);
    enos_error_t err;

    enos_error_init(&err);
    /* Handlers come before connect, so that no early command is lost. */
    if (enos_device_on_service(device, ENOS_LIT("reboot"), on_reboot, NULL, NULL, NULL, &err) == ENOS_OK
        && enos_device_on_measurepoint_set(device, on_set, NULL, NULL, NULL, &err) == ENOS_OK
        && enos_client_connect(client, 10000, &err) == ENOS_OK) {
        puts("waiting for commands");
        fflush(stdout);
        wait_for_commands();
        enos_client_close(client, 2000, &err);
    }
    enos_client_free(client);
    return err.status == ENOS_OK ? 0 : failed(&err);
}
