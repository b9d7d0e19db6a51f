#define _POSIX_C_SOURCE 200809L

#include "calls.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum how { LATER, ANSWER, FORGET };

struct handler {
    enum how how;
    int32_t code;
    /* Copies, each with a NUL behind it. */
    char *client, *json, *message;
};

/* A call that waits for its answer. */
struct call {
    struct call *next;
    char number[24];
    enos_responder_t *reply;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct call *open_calls;
static unsigned long numbers;

static char *copy(enos_str_t text)
{
    char *made = (char *)need(text.len + 1);
    memcpy(made, text.ptr, text.len);
    return made;
}

handler *handler_new(const request *asked, size_t at, enos_str_t client)
{
    enos_str_t how = word(asked, at);
    handler *made = (handler *)need(sizeof *made);
    int64_t code = 0;
    int known = 1;

    if (is(how, "later")) made->how = LATER;
    /* C has no exception: a handler that fails lets its responder go. */
    else if (is(how, "forget") || is(how, "panic")) made->how = FORGET;
    else if (is(how, "answer")) known = read_i64(word(asked, at + 1), &code);
    else known = 0;
    if (is(how, "answer")) made->how = ANSWER;
    made->code = (int32_t)code;
    made->client = copy(client);
    made->json = copy(word(asked, at + 2));
    made->message = copy(word(asked, at + 3));
    if (known) return made;
    handler_free(made);
    return NULL;
}

void handler_free(void *user)
{
    handler *it = (handler *)user;
    free(it->client);
    free(it->json);
    free(it->message);
    free(it);
}

/* A command as an event, under this number. */
static void tell(const handler *it, const char *number, const enos_invocation_t *call)
{
    static const struct {
        int32_t kind;
        const char *name;
    } kinds[] = {
        { ENOS_INVOCATION_SERVICE, "service" },
        { ENOS_INVOCATION_MEASUREPOINT_SET, "set" },
        { ENOS_INVOCATION_MEASUREPOINT_GET, "get" },
    };
    const char *kind = "other";
    line told = line_begin(enos_str("*"));
    size_t i;

    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].kind == enos_invocation_kind(call)) kind = kinds[i].name;
    line_word(&told, enos_str("command"));
    line_word(&told, enos_str(it->client));
    line_word(&told, enos_str(number));
    line_word(&told, enos_str(kind));
    line_word(&told, enos_invocation_identifier(call));
    line_word(&told, enos_invocation_params(call));
    line_end(&told);
}

void handler_take(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    const handler *it = (const handler *)user;
    struct call *kept = (struct call *)need(sizeof *kept);
    enos_error_t err;
    line told;

    pthread_mutex_lock(&lock);
    snprintf(kept->number, sizeof kept->number, "%lu", numbers++);
    if (it->how == LATER) {
        kept->reply = reply;
        kept->next = open_calls;
        open_calls = kept;
        /* Told before anybody can answer it: the lock is held. */
        tell(it, kept->number, call);
        pthread_mutex_unlock(&lock);
        return;
    }
    pthread_mutex_unlock(&lock);
    tell(it, kept->number, call);
    enos_error_init(&err);
    if (it->how == FORGET) {
        enos_responder_free(reply);
    } else if (enos_responder_answer(reply, it->code, enos_str(it->json), enos_str(it->message), &err) != ENOS_OK) {
        told = line_begin(enos_str("*"));
        line_word(&told, enos_str("unanswered"));
        line_word(&told, enos_str(it->client));
        line_word(&told, enos_str(kept->number));
        line_word(&told, enos_str("err"));
        line_error(&told, &err);
        line_end(&told);
    }
    free(kept);
}

/* The responder of an open call, which is then the caller's; NULL if there is none with this number. */
static enos_responder_t *taken(enos_str_t number)
{
    enos_responder_t *reply = NULL;
    struct call **at;

    pthread_mutex_lock(&lock);
    for (at = &open_calls; *at != NULL; at = &(*at)->next) {
        struct call *found = *at;
        if (is(number, found->number)) {
            *at = found->next;
            reply = found->reply;
            free(found);
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return reply;
}

void call_answer(request *asked)
{
    int64_t code;
    enos_error_t err;
    enos_status_t status;
    enos_responder_t *reply;

    if (!read_i64(word(asked, 3), &code) || (reply = taken(word(asked, 2))) == NULL) {
        answer_misuse(asked, "no open call, or no code");
        return;
    }
    enos_error_init(&err);
    status = enos_responder_answer(reply, (int32_t)code, word(asked, 4), word(asked, 5), &err);
    answer_status(asked, status, &err);
}

void call_forget(request *asked)
{
    enos_responder_free(taken(word(asked, 2)));
    answer_done(asked);
}

void calls_clear(void)
{
    while (open_calls != NULL) {
        struct call *next = open_calls->next;
        enos_responder_free(open_calls->reply);
        free(open_calls);
        open_calls = next;
    }
}
