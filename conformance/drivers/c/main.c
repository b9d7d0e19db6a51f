/* The C driver: turns lines into calls of the SDK and what comes of them into lines.
 *
 * Holds no expectation and no logic of its own (`drivers/README.md`). Verbs that may wait run on a thread each. */
#define _POSIX_C_SOURCE 200809L

#include "calls.h"
#include "clients.h"
#include "pure.h"

#include <pthread.h>
#include <stdlib.h>

static void hello(request *asked)
{
    static const char *const verbs[] = {
        "hello", "sign", "client_id", "username", "password", "coap_sign", "coap_psk_identity",
        "coap_psk_key", "topic", "topic_parse", "json_value", "error_kind",
        "hub_code", "hub_url", "new", "connect", "post", "submit", "on_lifecycle", "on_service", "on_measurepoint_set",
        "on_measurepoint_get", "off", "answer", "forget", "stats", "doctor", "sleep", "close", "drop",
    };
    line told = line_begin(word(asked, 0));
    size_t i;

    line_word(&told, enos_str("ok"));
    line_word(&told, enos_str("c"));
    for (i = 0; i < sizeof verbs / sizeof *verbs; i++) line_word(&told, enos_str(verbs[i]));
    line_end(&told);
}

static void drop(request *asked, client *of)
{
    client_let_go(client_take(word(asked, 2)));
    (void)of;
    answer_done(asked);
}

static void answer(request *asked, client *of)
{
    (void)of;
    call_answer(asked);
}

/* A verb that waits, with all it needs. */
typedef struct job {
    request *asked;
    client *of;
    void (*perform)(request *, client *);
} job;

static void *work(void *user)
{
    job *it = (job *)user;
    it->perform(it->asked, it->of);
    client_let_go(it->of);
    request_free(it->asked);
    free(it);
    return NULL;
}

/* Performs a verb that waits on a thread of its own; 0 if it is none. */
static int wait_elsewhere(request *asked)
{
    static const struct {
        const char *verb;
        void (*perform)(request *, client *);
        int client;
    } verbs[] = {
        { "connect", client_connect, 1 }, { "post", client_post, 1 }, { "close", client_close, 1 },
        { "doctor", client_doctor, 1 }, { "sleep", client_sleep, 1 }, { "answer", answer, 0 }, { "drop", drop, 0 },
    };
    pthread_t thread;
    job *made;
    size_t i;

    for (i = 0; i < sizeof verbs / sizeof *verbs && !is(word(asked, 1), verbs[i].verb); i++) {}
    if (i == sizeof verbs / sizeof *verbs) return 0;
    made = (job *)need(sizeof *made);
    made->asked = asked;
    made->perform = verbs[i].perform;
    if (verbs[i].client && (made->of = client_hold(word(asked, 2))) == NULL) {
        answer_misuse(asked, "there is no such client");
        free(made);
        request_free(asked);
    } else if (pthread_create(&thread, NULL, work, made) != 0) {
        exit(1);
    } else {
        pthread_detach(thread);
    }
    return 1;
}

static void perform(request *asked)
{
    client *of;

    if (is(word(asked, 1), "hello")) hello(asked);
    else if (is(word(asked, 1), "new")) client_new(asked);
    else if (is(word(asked, 1), "forget")) call_forget(asked);
    else if (!pure_perform(asked)) {
        of = client_hold(word(asked, 2));
        if (of == NULL) answer_misuse(asked, "there is no such client");
        else if (!client_perform(asked, of)) answer_misuse(asked, "no such verb");
        client_let_go(of);
    }
}

int main(void)
{
    request *asked;

    while ((asked = request_read()) != NULL) {
        if (wait_elsewhere(asked)) continue;
        perform(asked);
        request_free(asked);
    }
    clients_clear();
    calls_clear();
    return 0;
}
