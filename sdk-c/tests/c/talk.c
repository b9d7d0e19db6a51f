/* Connects, posts every type, and takes commands that are answered now, later and never. Argument: the hub's URL. */
#include "check.h"

static counter online = COUNTER, offline = COUNTER, closed = COUNTER, settled = COUNTER, dropped = COUNTER;
static counter set_came = COUNTER, answered = COUNTER;
static enos_responder_t *later;

static void on_step(void *user, const enos_lifecycle_t *step)
{
    CHECK(user == &online && step->size >= sizeof *step);
    switch (step->step) {
    case ENOS_LIFECYCLE_ONLINE:
        CHECK(step->error == NULL);
        count(&online);
        break;
    case ENOS_LIFECYCLE_OFFLINE:
        CHECK(step->error->status == ENOS_ERR_CLOSED && step->will_retry == 0);
        count(&offline);
        break;
    case ENOS_LIFECYCLE_CLOSED:
        count(&closed);
        break;
    default:
        CHECK(step->step == ENOS_LIFECYCLE_CONNECTING && step->retry_in_ms == -1);
    }
}

static void on_answered(void *user, int32_t status, const enos_error_t *error)
{
    CHECK(user == &answered && status == ENOS_OK && error->status == ENOS_OK);
    count(&answered);
}

static void never(void *user, int32_t status, const enos_error_t *error)
{
    (void)user, (void)status, (void)error;
    CHECK(!"told of an answer that was refused at once");
}

/* The same without waiting: told once, or refused at once and then never. */
static int reboot_without_waiting(enos_str_t params, enos_responder_t *reply)
{
    enos_point_t outputs[] = { { ENOS_STR("accepted"), enos_bool(1) } };
    enos_error_t err;

    enos_error_init(&err);
    if (same(params, "{\"delay\":6}")) {
        EXPECT(ENOS_OK, enos_responder_reply_values_async(reply, 200, outputs, 1, on_answered, &answered, &err));
    } else if (same(params, "{\"delay\":7}")) {
        EXPECT(ENOS_OK, enos_responder_reply_async(reply, 200, ENOS_LIT("{\"accepted\":false}"), on_answered, &answered, &err));
    } else if (same(params, "{\"delay\":8}")) {
        EXPECT(ENOS_OK, enos_responder_fail_async(reply, 2002, ENOS_LIT("not at night"), on_answered, &answered, &err));
    } else if (same(params, "{\"delay\":9}")) {
        EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_responder_answer_async(reply, 200, ENOS_LIT("no JSON"), enos_str(NULL), never, NULL, &err));
        CHECK(strstr(err.message, "JSON object") != NULL);
    } else if (same(params, "{\"delay\":10}")) {
        EXPECT(ENOS_OK, enos_responder_reply_async(reply, 200, ENOS_LIT("{\"accepted\":true}"), NULL, NULL, &err));
    } else {
        return 0;
    }
    return 1;
}

static void on_reboot(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    enos_str_t params = enos_invocation_params(call);
    enos_point_t outputs[] = { { ENOS_STR("accepted"), enos_null() } };
    enos_error_t err;

    enos_error_init(&err);
    CHECK(user == &dropped);
    CHECK(enos_invocation_kind(call) == ENOS_INVOCATION_SERVICE);
    CHECK(same(enos_invocation_identifier(call), "reboot"));
    CHECK(same(enos_device_key(enos_invocation_device(call)), "t-1"));
    if (reboot_without_waiting(params, reply)) return;
    if (same(params, "{\"delay\":1}")) {
        outputs[0].value = enos_bool(1);
        EXPECT(ENOS_OK, enos_responder_reply_values(reply, 200, outputs, 1, &err));
    } else if (same(params, "{\"delay\":2}")) {
        EXPECT(ENOS_OK, enos_responder_reply(reply, 200, ENOS_LIT("{\"accepted\":false}"), &err));
    } else if (same(params, "{\"delay\":3}")) {
        EXPECT(ENOS_OK, enos_responder_fail(reply, 2001, ENOS_LIT("too late for that"), &err));
    } else if (same(params, "{\"delay\":4}")) {
        /* What cannot be sent is refused, and the command is answered with a failure. */
        EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_responder_reply(reply, 200, ENOS_LIT("no JSON"), &err));
    } else {
        enos_responder_free(reply);
    }
}

static void on_set(void *user, const enos_invocation_t *call, enos_responder_t *reply)
{
    (void)user;
    CHECK(enos_invocation_kind(call) == ENOS_INVOCATION_MEASUREPOINT_SET);
    CHECK(same(enos_invocation_params(call), "{\"setpoint\":1500}"));
    later = reply;
    count(&set_came);
}

/* A callback that posts and waits. */
static void on_settled(void *user, int32_t status, const enos_error_t *error)
{
    enos_point_t points[] = { { ENOS_STR("starts"), enos_int(7) } };
    enos_error_t err;

    enos_error_init(&err);
    CHECK(status == ENOS_OK && error->status == ENOS_OK && error->message[0] == '\0');
    EXPECT(ENOS_OK, enos_device_post_measurepoints((enos_device_t *)user, points, 1, ENOS_TIME_NOW, 10000, NULL, &err));
    count(&settled);
}

static void on_refused(void *user, int32_t status, const enos_error_t *error)
{
    (void)user;
    CHECK(status == error->status && status >= 600 && error->hub_code != 0 && error->message[0] != '\0');
    count(&settled);
}

static void posts(enos_device_t *root)
{
    enos_value_t blades[3];
    enos_point_t gps[] = { { ENOS_STR("lat"), enos_double(54.5) }, { ENOS_STR("lon"), enos_double(10.25) } };
    enos_point_t points[7] = {
        { ENOS_STR("temp"), enos_null() },  { ENOS_STR("starts"), enos_int(5) },
        { ENOS_STR("brake"), enos_null() }, { ENOS_STR("note"), enos_null() },
        { ENOS_STR("blades"), enos_null() }, { ENOS_STR("gps"), enos_null() },
        { ENOS_STR("state"), enos_int(2) },
    };
    enos_point_t unknown[] = { { ENOS_STR("nowhere"), enos_int(1) } };
    enos_delivery_t delivery = { 0, 0 };
    enos_error_t err;

    enos_error_init(&err);
    blades[0] = enos_double(1.5);
    blades[1] = enos_double(2.0);
    blades[2] = enos_double(-3.25);
    points[0].value = enos_with_quality(enos_double(21.5), 0);
    points[2].value = enos_bool(1);
    points[3].value = enos_text(ENOS_LIT("gr\xc3\xbc\xc3\x9f"));
    points[4].value = enos_array(blades, 3);
    points[5].value = enos_struct(gps, 2);
    EXPECT(ENOS_OK, enos_device_post_measurepoints(root, points, 7, ENOS_TIME_NOW, 10000, &delivery, &err));
    CHECK(delivery.fate == ENOS_DELIVERY_ACKNOWLEDGED);
    CHECK(err.status == ENOS_OK && err.message[0] == '\0');

    CHECK(enos_device_post_measurepoints(root, unknown, 1, ENOS_TIME_NOW, 10000, NULL, &err) >= 600);
    CHECK(err.hub_code != 0 && strstr(err.message, "hub") != NULL);

    EXPECT(ENOS_OK, enos_device_post_measurepoints_async(root, points, 1, ENOS_TIME_NOW, 10000, on_settled, root, &delivery, &err));
    CHECK(delivery.fate == ENOS_DELIVERY_QUEUED);
    wait_for(&settled, 1);
    EXPECT(ENOS_OK, enos_device_post_measurepoints_async(root, unknown, 1, ENOS_TIME_NOW, 10000, on_refused, NULL, NULL, &err));
    wait_for(&settled, 2);
    /* Nobody is told. */
    EXPECT(ENOS_OK, enos_device_post_measurepoints_async(root, points, 1, 1700000000000, 10000, NULL, NULL, NULL, &err));
}

int main(int argc, char **argv)
{
    enos_client_t *client;
    enos_device_t *root;
    enos_registration_t *set = NULL;
    enos_stats_t stats;
    enos_error_t err;

    CHECK(argc == 2);
    enos_error_init(&err);
    client = turbine(argv[1]);
    root = enos_client_root(client);
    CHECK(same(enos_device_product_key(root), "Tq4zR9Lw") && same(enos_device_key(root), "t-1"));
    EXPECT(ENOS_OK, enos_client_on_lifecycle(client, on_step, &online, count_drop, NULL, &err));
    EXPECT(ENOS_OK, enos_device_on_service(root, ENOS_LIT("reboot"), on_reboot, &dropped, count_drop, NULL, &err));
    EXPECT(ENOS_OK, enos_device_on_measurepoint_set(root, on_set, NULL, NULL, &set, &err));
    CHECK(set != NULL);
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    wait_for(&online, 1);
    /* Online already. */
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    posts(root);

    say("ready");
    wait_for(&set_came, 1);
    say("set came");
    hear();
    EXPECT(ENOS_OK, enos_responder_answer(later, 200, enos_str(NULL), ENOS_LIT("later"), &err));
    hear();
    enos_registration_close(set);
    say("set is gone");
    hear();

    wait_for(&answered, 3);
    enos_stats_init(&stats);
    EXPECT(ENOS_OK, enos_client_stats(client, &stats, &err));
    CHECK(stats.acknowledged >= 3 && stats.rejected == 2 && stats.messages_received > 0 && stats.bytes_sent > 0);
    CHECK(counted(&dropped) == 0);
    EXPECT(ENOS_OK, enos_client_close(client, 10000, &err));
    wait_for(&offline, 1);
    wait_for(&closed, 1);
    enos_client_free(client);
    wait_for(&dropped, 1);
    CHECK(counted(&online) == 2); /* Online once, and its drop function. */
    say("done");
    return 0;
}
