#include "pure.h"
#include "values.h"

#include <string.h>

/* Room for a text; no vector is longer. */
#define ROOM 65536

/* Where the SDK writes a text, and how that went. */
typedef struct written {
    char *text;
    size_t length;
    enos_error_t err;
} written;

static written room(request *of)
{
    written made;
    made.text = (char *)request_room(of, ROOM);
    made.length = 0;
    enos_error_init(&made.err);
    return made;
}

static enos_str_t text_of(const written *it)
{
    enos_str_t text;
    text.ptr = it->text;
    text.len = it->length;
    return text;
}

static void answer_written(const request *to, enos_status_t status, const written *it)
{
    if (status == ENOS_OK) answer_text(to, text_of(it));
    else answer_error(to, &it->err);
}

static void sign(request *asked)
{
    size_t count = asked->count > 4 ? (asked->count - 4) / 2 : 0, i;
    enos_parameter_t *pairs = (enos_parameter_t *)request_room(asked, count * sizeof *pairs);
    written to = room(asked);

    for (i = 0; i < count; i++) {
        pairs[i].name = word(asked, 4 + 2 * i);
        pairs[i].value = word(asked, 5 + 2 * i);
    }
    answer_written(asked, enos_inspect_sign(word(asked, 2), word(asked, 3), pairs, count, to.text, ROOM, &to.length, &to.err), &to);
}

static void client_id(request *asked)
{
    written to = room(asked);
    int64_t mode, time;

    if (!read_i64(word(asked, 3), &mode) || !read_i64(word(asked, 4), &time)) {
        answer_misuse(asked, "no secure mode or time stamp");
        return;
    }
    answer_written(asked, enos_inspect_mqtt_client_id(word(asked, 2), (int32_t)mode, (uint64_t)time, to.text, ROOM, &to.length, &to.err), &to);
}

static void username(request *asked)
{
    written to = room(asked);
    answer_written(asked, enos_inspect_mqtt_username(word(asked, 2), word(asked, 3), to.text, ROOM, &to.length, &to.err), &to);
}

static void password(request *asked)
{
    written to = room(asked);
    enos_status_t status;
    int64_t time;

    if (!read_i64(word(asked, 5), &time)) {
        answer_misuse(asked, "no time stamp");
        return;
    }
    status = enos_inspect_mqtt_password(word(asked, 2), word(asked, 3), word(asked, 4), (uint64_t)time, word(asked, 6),
                                        to.text, ROOM, &to.length, &to.err);
    answer_written(asked, status, &to);
}

static void coap_sign(request *asked)
{
    written to = room(asked);
    uint32_t lifetime_s;

    if (!read_u32(word(asked, 4), &lifetime_s)) {
        answer_misuse(asked, "no lifetime");
        return;
    }
    answer_written(asked, enos_inspect_coap_sign(word(asked, 2), word(asked, 3), lifetime_s, word(asked, 5), to.text, ROOM, &to.length, &to.err), &to);
}

static void coap_psk_identity(request *asked)
{
    written to = room(asked);
    uint32_t lifetime_s;
    int64_t mode;

    if (!read_i64(word(asked, 4), &mode) || !read_u32(word(asked, 5), &lifetime_s)) {
        answer_misuse(asked, "no secure mode or lifetime");
        return;
    }
    answer_written(asked, enos_inspect_coap_psk_identity(word(asked, 2), word(asked, 3), (int32_t)mode, lifetime_s, to.text, ROOM, &to.length, &to.err), &to);
}

static void coap_psk_key(request *asked)
{
    written to = room(asked);
    answer_written(asked, enos_inspect_coap_psk_key(word(asked, 2), to.text, ROOM, &to.length, &to.err), &to);
}

static void topic(request *asked)
{
    static const int32_t parts[] = { ENOS_TOPIC_REQUEST, ENOS_TOPIC_REPLY, ENOS_TOPIC_METHOD };
    written to = room(asked);
    line told = line_begin(word(asked, 0));
    size_t i;

    line_word(&told, enos_str("ok"));
    for (i = 0; i < 3; i++) {
        enos_status_t status = enos_inspect_topic(word(asked, 2), word(asked, 3), word(asked, 4), word(asked, 5), parts[i],
                                                  to.text, ROOM, &to.length, &to.err);
        if (status != ENOS_OK) {
            line_drop(&told);
            answer_error(asked, &to.err);
            return;
        }
        line_word(&told, text_of(&to));
    }
    line_end(&told);
}

static void topic_parse(request *asked)
{
    written to = room(asked);
    enos_topic_t parsed;
    line told;

    if (enos_inspect_parse_topic(word(asked, 2), &parsed, to.text, ROOM, &to.length, &to.err) != ENOS_OK) {
        answer_error(asked, &to.err);
        return;
    }
    if (parsed.product_key.len == 0) {
        answer_text(asked, enos_str("none"));
        return;
    }
    told = line_begin(word(asked, 0));
    line_word(&told, enos_str("ok"));
    line_word(&told, parsed.product_key);
    line_word(&told, parsed.device_key);
    line_word(&told, text_of(&to));
    line_word(&told, enos_str(parsed.is_reply ? "reply" : "request"));
    line_end(&told);
}

static void json_value(request *asked)
{
    written to = room(asked);
    enos_value_t value;
    size_t at = 2;

    if (!read_value(asked, &at, &value) || at != asked->count) {
        answer_misuse(asked, "no value in prefix notation");
        return;
    }
    answer_written(asked, enos_inspect_value_json(&value, to.text, ROOM, &to.length, &to.err), &to);
}

/* `ENOS_ERR_QUEUE_FULL` as the other languages spell it: `QueueFull`. */
static enos_str_t spelled(request *of, enos_str_t name)
{
    char *text = (char *)request_room(of, name.len + 1);
    enos_str_t made;
    size_t at;
    int starts = 1;

    made.ptr = text;
    made.len = 0;
    for (at = strlen("ENOS_ERR_"); at < name.len; at++) {
        char c = name.ptr[at];
        if (c != '_') text[made.len++] = (char)(starts ? c : c - 'A' + 'a');
        starts = c == '_';
    }
    return made;
}

static void error_kind(request *asked)
{
    uint32_t number;
    enos_status_t status = read_u32(word(asked, 2), &number) && number <= INT32_MAX ? (enos_status_t)number : 0;
    enos_str_t name = enos_status_name(status);
    line told;

    if (status == ENOS_OK || name.len == 0) {
        answer_text(asked, enos_str("none"));
        return;
    }
    told = line_begin(word(asked, 0));
    line_word(&told, enos_str("ok"));
    line_word(&told, spelled(asked, name));
    line_word(&told, name);
    line_word(&told, enos_str(enos_status_retryable(status) ? "true" : "false"));
    line_word(&told, enos_status_hint(status));
    line_end(&told);
}

static void hub_code(request *asked)
{
    int64_t code;
    line told;

    if (!read_i64(word(asked, 2), &code)) {
        answer_misuse(asked, "no code");
        return;
    }
    told = line_begin(word(asked, 0));
    line_word(&told, enos_str("ok"));
    line_number(&told, enos_inspect_kind_of_hub_code(code));
    line_end(&told);
}

static void hub_url(request *asked)
{
    enos_hub_url_t hub;
    enos_error_t err;
    line told;

    enos_error_init(&err);
    if (enos_inspect_hub_url(word(asked, 2), &hub, &err) != ENOS_OK) {
        answer_error(asked, &err);
        return;
    }
    told = line_begin(word(asked, 0));
    line_word(&told, enos_str("ok"));
    line_word(&told, hub.scheme);
    line_word(&told, hub.host);
    line_number(&told, hub.port);
    line_end(&told);
}

int pure_perform(request *asked)
{
    static const struct {
        const char *verb;
        void (*perform)(request *);
    } verbs[] = {
        { "sign", sign }, { "client_id", client_id }, { "username", username }, { "password", password },
        { "coap_sign", coap_sign }, { "coap_psk_identity", coap_psk_identity }, { "coap_psk_key", coap_psk_key },
        { "topic", topic }, { "topic_parse", topic_parse }, { "json_value", json_value },
        { "error_kind", error_kind }, { "hub_code", hub_code }, { "hub_url", hub_url },
    };
    size_t i;

    for (i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (is(word(asked, 1), verbs[i].verb)) {
            verbs[i].perform(asked);
            return 1;
        }
    }
    return 0;
}
