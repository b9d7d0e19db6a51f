/* libmosquitto in one thread: the id pasted into ready text, the reply's id found by a search, no JSON built or parsed. */
#define _GNU_SOURCE
#include "bench.h"

#include <mosquitto.h>
#include <stdbool.h>

struct session {
    struct order order;
    struct mosquitto *client;
    char topic[256], payload[1024];
    unsigned sent, replies, answered, acknowledged;
    bool connected, posting;
};

static void check(int code, const char *what)
{
    if (code != MOSQ_ERR_SUCCESS) {
        fprintf(stderr, "libmosquitto: %s: %s\n", what, mosquitto_strerror(code));
        _exit(1);
    }
}

/* The text of the first "id" of a message: where it begins, and its length. */
static const char *id_of(const char *message, int size, int *length)
{
    static const char key[] = "\"id\":\"";
    const char *start = memmem(message, (size_t)size, key, sizeof key - 1);
    if (start == NULL)
        return NULL;
    start += sizeof key - 1;
    const char *end = memchr(start, '"', (size_t)(message + size - start));
    if (end == NULL)
        return NULL;
    *length = (int)(end - start);
    return start;
}

static void post(struct session *session)
{
    int size = snprintf(session->payload, sizeof session->payload, "{\"id\":\"%u%s", session->sent++,
                        session->order.post_rest);
    check(mosquitto_publish(session->client, NULL, session->topic, size, session->payload, 1, false), "publish");
}

static void on_connect(struct mosquitto *client, void *user, int code)
{
    struct session *session = user;
    (void)client;
    if (code != 0)
        fail("libmosquitto: not accepted");
    session->connected = true;
}

static void on_publish(struct mosquitto *client, void *user, int identifier)
{
    struct session *session = user;
    (void)client;
    (void)identifier;
    session->acknowledged++;
}

static void answer(struct session *session, const struct mosquitto_message *command, const char *id, int length)
{
    char topic[300];
    snprintf(topic, sizeof topic, "%s_reply", command->topic);
    int size = snprintf(session->payload, sizeof session->payload, "{\"id\":\"%.*s\",\"code\":200,\"data\":\"\"}", length, id);
    check(mosquitto_publish(session->client, NULL, topic, size, session->payload, 1, false), "answer");
    if (++session->answered == session->order.warm_up)
        mark("begin");
}

static void on_message(struct mosquitto *client, void *user, const struct mosquitto_message *message)
{
    struct session *session = user;
    int length = 0;
    (void)client;
    const char *id = id_of(message->payload, message->payloadlen, &length);
    if (id == NULL)
        fail("libmosquitto: a message without an id");
    if (strstr(message->topic, "/thing/service/") != NULL) {
        answer(session, message, id, length);
        return;
    }
    session->replies++;
    if (!session->posting)
        return;
    if (session->replies == session->order.warm_up)
        mark("begin");
    if (session->sent < session->order.count)
        post(session);
}

static void turn(struct session *session)
{
    check(mosquitto_loop(session->client, -1, 1), "loop");
}

static void connect_to(struct session *session, struct order order)
{
    char user[256];
    memset(session, 0, sizeof *session);
    session->order = order;
    snprintf(session->topic, sizeof session->topic, "/sys/%s/%s/thing/measurepoint/post", order.product_key,
             order.device_key);
    snprintf(user, sizeof user, "%s&%s", order.device_key, order.product_key);
    mosquitto_lib_init();
    session->client = mosquitto_new(order.device_key, true, session);
    if (session->client == NULL)
        fail("libmosquitto: no client");
    check(mosquitto_username_pw_set(session->client, user, "x"), "password");
    check(mosquitto_max_inflight_messages_set(session->client, order.window < 20 ? 20 : order.window), "window");
    mosquitto_connect_callback_set(session->client, on_connect);
    mosquitto_message_callback_set(session->client, on_message);
    mosquitto_publish_callback_set(session->client, on_publish);
    check(mosquitto_connect(session->client, order.host, order.port, 60), "connect");
    while (!session->connected)
        turn(session);
}

static void post_and_wait(struct session *session)
{
    unsigned before = session->replies;
    post(session);
    while (session->replies == before)
        turn(session);
}

static void one_at_a_time(struct session *session)
{
    unsigned count = session->order.count, warm_up = session->order.warm_up;
    double *micros = calloc(count, sizeof *micros);
    if (micros == NULL)
        fail("out of memory");
    for (unsigned number = 0; number < count; number++) {
        if (number == warm_up)
            mark("begin");
        uint64_t start = now_ns();
        post_and_wait(session);
        micros[number] = (double)(now_ns() - start) / 1e3;
    }
    print_latencies(micros + warm_up, count - warm_up);
    mark("end");
    free(micros);
}

int main(int argc, char **argv)
{
    struct session session;
    connect_to(&session, order_of(argc, argv));
    const char *task = session.order.task;
    if (strcmp(task, "posts") == 0) {
        session.posting = true;
        for (unsigned open = 0; open < session.order.window; open++)
            post(&session);
        while (session.replies < session.order.count)
            turn(&session);
        mark("end");
    } else if (strcmp(task, "commands") == 0) {
        /* What an answer's PUBACK costs counts too, and an answer leaves with a later turn only. */
        while (session.acknowledged < session.order.count)
            turn(&session);
        mark("end");
    } else if (strcmp(task, "single") == 0) {
        one_at_a_time(&session);
    } else if (strcmp(task, "idle") == 0) {
        mark("idle");
    } else if (strcmp(task, "start") == 0) {
        post_and_wait(&session);
        mark("first");
    } else {
        fail("not a task of libmosquitto");
    }
    wait_for_release();
    mosquitto_destroy(session.client);
    mosquitto_lib_cleanup();
    return 0;
}
