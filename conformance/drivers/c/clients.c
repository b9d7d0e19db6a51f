#define _POSIX_C_SOURCE 200809L

#include "clients.h"
#include "calls.h"
#include "settings.h"
#include "values.h"

#include <pthread.h>
#include <stdlib.h>

/* A handler that was registered, by what it is for. */
struct registration {
    struct registration *next;
    char *what;
    enos_registration_t *own;
};

struct client {
    struct client *next;
    char *name;
    int holds;
    enos_client_t *own;
    struct registration *registrations;
};

/* Guards the table and the holds; registrations are the reading thread's alone. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static client *clients;

static char *copy(enos_str_t text)
{
    char *made = (char *)need(text.len + 1);
    memcpy(made, text.ptr, text.len);
    return made;
}

client *client_hold(enos_str_t name)
{
    client *found;

    pthread_mutex_lock(&lock);
    for (found = clients; found != NULL && !is(name, found->name); found = found->next) {}
    if (found != NULL) found->holds++;
    pthread_mutex_unlock(&lock);
    return found;
}

client *client_take(enos_str_t name)
{
    client **at, *found = NULL;

    pthread_mutex_lock(&lock);
    for (at = &clients; *at != NULL && found == NULL; at = &(*at)->next) {
        if (is(name, (*at)->name)) {
            found = *at;
            *at = found->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    return found;
}

void client_let_go(client *it)
{
    int holds;

    if (it == NULL) return;
    pthread_mutex_lock(&lock);
    holds = --it->holds;
    pthread_mutex_unlock(&lock);
    if (holds > 0) return;
    enos_client_free(it->own);
    while (it->registrations != NULL) {
        struct registration *next = it->registrations->next;
        enos_registration_free(it->registrations->own);
        free(it->registrations->what);
        free(it->registrations);
        it->registrations = next;
    }
    free(it->name);
    free(it);
}

void clients_clear(void)
{
    while (clients != NULL) client_let_go(client_take(enos_str(clients->name)));
}

void client_new(request *asked)
{
    enos_client_t *own = NULL;
    client *made;

    if (!settings_client(asked, 3, &own)) return;
    client_let_go(client_take(word(asked, 2)));
    made = (client *)need(sizeof *made);
    made->name = copy(word(asked, 2));
    made->holds = 1;
    made->own = own;
    pthread_mutex_lock(&lock);
    made->next = clients;
    clients = made;
    pthread_mutex_unlock(&lock);
    answer_done(asked);
}

void client_connect(request *asked, client *of)
{
    enos_error_t err;
    uint32_t timeout_ms;

    enos_error_init(&err);
    if (!read_u32(word(asked, 3), &timeout_ms)) answer_misuse(asked, "no time-out");
    else answer_status(asked, enos_client_connect(of->own, timeout_ms, &err), &err);
}

void client_close(request *asked, client *of)
{
    enos_error_t err;
    uint32_t timeout_ms;

    enos_error_init(&err);
    if (!read_u32(word(asked, 3), &timeout_ms)) answer_misuse(asked, "no time-out");
    else answer_status(asked, enos_client_close(of->own, timeout_ms, &err), &err);
}

static enos_str_t or_dash(enos_str_t text)
{
    return text.len > 0 ? text : enos_str("-");
}

void client_doctor(request *asked, client *of)
{
    enos_doctor_report_t *report = NULL;
    enos_error_t err;
    uint32_t timeout_ms;
    line told;

    enos_error_init(&err);
    if (!read_u32(word(asked, 3), &timeout_ms)) {
        answer_misuse(asked, "no time-out");
    } else if (enos_client_doctor(of->own, timeout_ms, &report, &err) != ENOS_OK) {
        answer_error(asked, &err);
    } else {
        told = line_begin(word(asked, 0));
        line_word(&told, enos_str("ok"));
        line_word(&told, enos_str(enos_doctor_report_healthy(report) ? "healthy" : "ill"));
        line_number(&told, enos_doctor_report_exit_code(report));
        line_word(&told, enos_doctor_report_session(report));
        line_word(&told, or_dash(enos_doctor_report_step(report)));
        line_word(&told, or_dash(enos_doctor_report_cause(report)));
        line_word(&told, enos_doctor_report_text(report));
        line_end(&told);
        enos_doctor_report_free(report);
    }
}

void client_sleep(request *asked, client *of)
{
    enos_wake_report_t report;
    enos_error_t err;
    uint32_t timeout_ms;
    line told;

    enos_wake_report_init(&report);
    enos_error_init(&err);
    if (!read_u32(word(asked, 3), &timeout_ms)) {
        answer_misuse(asked, "no time-out");
    } else if (enos_client_sleep(of->own, timeout_ms, &report, &err) != ENOS_OK) {
        answer_error(asked, &err);
    } else {
        told = line_begin(word(asked, 0));
        line_word(&told, enos_str("ok"));
        line_number(&told, (int64_t)report.datagrams_sent);
        line_number(&told, (int64_t)report.datagrams_received);
        line_number(&told, (int64_t)report.bytes_sent);
        line_number(&told, (int64_t)report.bytes_received);
        line_number(&told, (int64_t)report.radio_on_ms);
        line_end(&told);
    }
}

/* Time-out, time and points of a post, from the word at `at` on. */
static int read_post(request *asked, size_t at, uint32_t *timeout_ms, int64_t *time_ms, enos_point_t **points, size_t *count)
{
    *time_ms = ENOS_TIME_NOW;
    return read_u32(word(asked, at), timeout_ms) && (is(word(asked, at + 1), "now") || read_i64(word(asked, at + 1), time_ms))
           && read_points(asked, at + 2, points, count);
}

void client_post(request *asked, client *of)
{
    enos_error_t err;
    enos_point_t *points;
    size_t count;
    uint32_t timeout_ms;
    int64_t time_ms;
    enos_device_t *root = enos_client_root(of->own);

    enos_error_init(&err);
    if (!read_post(asked, 3, &timeout_ms, &time_ms, &points, &count)) answer_misuse(asked, "no points");
    else answer_status(asked, enos_device_post_measurepoints(root, points, count, time_ms, timeout_ms, NULL, &err), &err);
}

/* Who is told of a post's fate: the client's name and the post's tag. */
typedef struct tagged {
    char *client, *tag;
} tagged;

static void tagged_free(tagged *it)
{
    free(it->client);
    free(it->tag);
    free(it);
}

static void on_settled(void *user, enos_status_t status, const enos_error_t *error)
{
    tagged *it = (tagged *)user;
    line told = line_begin(enos_str("*"));

    line_word(&told, enos_str("settled"));
    line_word(&told, enos_str(it->client));
    line_word(&told, enos_str(it->tag));
    line_word(&told, enos_str(status == ENOS_OK ? "ok" : "err"));
    if (status != ENOS_OK) line_error(&told, error);
    line_end(&told);
    tagged_free(it);
}

static void submit(request *asked, client *of)
{
    enos_error_t err;
    enos_point_t *points;
    size_t count;
    uint32_t timeout_ms;
    int64_t time_ms;
    enos_status_t status;
    tagged *told;

    enos_error_init(&err);
    if (!read_post(asked, 4, &timeout_ms, &time_ms, &points, &count)) {
        answer_misuse(asked, "no points");
        return;
    }
    told = (tagged *)need(sizeof *told);
    told->client = copy(word(asked, 2));
    told->tag = copy(word(asked, 3));
    status = enos_device_post_measurepoints_async(enos_client_root(of->own), points, count, time_ms, timeout_ms, on_settled,
                                                  told, NULL, &err);
    /* Then it will not be told. */
    if (status != ENOS_OK) tagged_free(told);
    answer_status(asked, status, &err);
}

static void on_step(void *user, const enos_lifecycle_t *step)
{
    static const struct {
        int32_t step;
        const char *name;
    } names[] = {
        { ENOS_LIFECYCLE_CONNECTING, "connecting" }, { ENOS_LIFECYCLE_ONLINE, "online" },
        { ENOS_LIFECYCLE_ACTIVATED, "activated" },   { ENOS_LIFECYCLE_CLOSED, "closed" },
        { ENOS_LIFECYCLE_CONNECT_FAILED, "connect_failed" }, { ENOS_LIFECYCLE_OFFLINE, "offline" },
    };
    const char *name = "other";
    line told = line_begin(enos_str("*"));
    size_t i;

    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].step == step->step) name = names[i].name;
    line_word(&told, enos_str("lifecycle"));
    line_word(&told, enos_str((const char *)user));
    line_word(&told, enos_str(name));
    if (step->step == ENOS_LIFECYCLE_CONNECT_FAILED) {
        if (step->retry_in_ms < 0) line_word(&told, enos_str("-"));
        else line_number(&told, step->retry_in_ms);
    }
    if (step->step == ENOS_LIFECYCLE_OFFLINE) line_word(&told, enos_str(step->will_retry ? "true" : "false"));
    if (step->error != NULL) line_error(&told, step->error);
    line_end(&told);
}

static void on_lifecycle(request *asked, client *of)
{
    enos_error_t err;
    enos_error_init(&err);
    answer_status(asked, enos_client_on_lifecycle(of->own, on_step, copy(word(asked, 2)), free, NULL, &err), &err);
}

/* Keeps a registration, in place of an earlier one for the same thing. */
static void keep(client *of, enos_str_t what, enos_registration_t *own)
{
    struct registration *at = of->registrations;

    while (at != NULL && !is(what, at->what)) at = at->next;
    if (at == NULL) {
        at = (struct registration *)need(sizeof *at);
        at->what = copy(what);
        at->next = of->registrations;
        of->registrations = at;
    } else {
        enos_registration_free(at->own);
    }
    at->own = own;
}

/* What a handler is for, in one text. */
static enos_str_t what(request *asked, enos_str_t kind, enos_str_t identifier)
{
    char *text = (char *)request_room(asked, kind.len + identifier.len + 2);
    memcpy(text, kind.ptr, kind.len);
    text[kind.len] = ' ';
    memcpy(text + kind.len + 1, identifier.ptr, identifier.len);
    return enos_str(text);
}

static void on_command(request *asked, client *of)
{
    enos_device_t *root = enos_client_root(of->own);
    enos_registration_t *own = NULL;
    int service = is(word(asked, 1), "on_service"), sets = is(word(asked, 1), "on_measurepoint_set");
    handler *made = handler_new(asked, service ? 4 : 3, word(asked, 2));
    enos_str_t identifier = word(asked, 3);
    enos_status_t status;
    enos_error_t err;

    if (made == NULL) {
        answer_misuse(asked, "no handler does so");
        return;
    }
    enos_error_init(&err);
    if (service) status = enos_device_on_service(root, identifier, handler_take, made, handler_free, &own, &err);
    else if (sets) status = enos_device_on_measurepoint_set(root, handler_take, made, handler_free, &own, &err);
    else status = enos_device_on_measurepoint_get(root, handler_take, made, handler_free, &own, &err);
    if (status == ENOS_OK && service) keep(of, what(asked, ENOS_LIT("service"), identifier), own);
    else if (status == ENOS_OK) keep(of, what(asked, enos_str(sets ? "set" : "get"), enos_str("")), own);
    answer_status(asked, status, &err);
}

static void off(request *asked, client *of)
{
    enos_str_t wanted = what(asked, word(asked, 3), word(asked, 4));
    struct registration **at;

    for (at = &of->registrations; *at != NULL; at = &(*at)->next) {
        struct registration *found = *at;
        if (is(wanted, found->what)) {
            *at = found->next;
            enos_registration_close(found->own);
            free(found->what);
            free(found);
            answer_done(asked);
            return;
        }
    }
    answer_misuse(asked, "there is no such handler");
}

static void stats(request *asked, client *of)
{
    enos_stats_t stats;
    enos_error_t err;
    line told;
    size_t i;

    enos_stats_init(&stats);
    enos_error_init(&err);
    if (enos_client_stats(of->own, &stats, &err) != ENOS_OK) {
        answer_error(asked, &err);
        return;
    }
    {
        const struct {
            const char *name;
            uint64_t number;
        } numbers[] = {
            { "messages_sent=", stats.messages_sent }, { "messages_received=", stats.messages_received },
            { "retries=", stats.retries }, { "reconnects=", stats.reconnects },
            { "acknowledged=", stats.acknowledged }, { "rejected=", stats.rejected }, { "failed=", stats.failed },
            { "dropped_oversize=", stats.dropped_oversize }, { "dropped_unknown=", stats.dropped_unknown },
            { "dropped_malformed=", stats.dropped_malformed }, { "dropped_stray=", stats.dropped_stray },
            { "open_requests=", stats.open_requests }, { "datagrams_sent=", stats.datagrams_sent },
            { "datagrams_received=", stats.datagrams_received }, { "radio_on_ms=", stats.radio_on_ms },
        };
        told = line_begin(word(asked, 0));
        line_word(&told, enos_str("ok"));
        for (i = 0; i < sizeof numbers / sizeof *numbers; i++) {
            line_word(&told, enos_str(numbers[i].name));
            line_digits(&told, numbers[i].number);
        }
        line_end(&told);
    }
}

int client_perform(request *asked, client *of)
{
    static const struct {
        const char *verb;
        void (*perform)(request *, client *);
    } verbs[] = {
        { "submit", submit }, { "on_lifecycle", on_lifecycle }, { "on_service", on_command },
        { "on_measurepoint_set", on_command }, { "on_measurepoint_get", on_command }, { "off", off }, { "stats", stats },
    };
    size_t i;

    for (i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (is(word(asked, 1), verbs[i].verb)) {
            verbs[i].perform(asked, of);
            return 1;
        }
    }
    return 0;
}
