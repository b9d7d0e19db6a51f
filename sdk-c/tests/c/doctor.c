/* Asks the doctor of clients that are idle, online, wrong and closed, and of settings. Argument: the hub's URL. */
#include "check.h"

static counter told = COUNTER;

static int has(enos_str_t text, const char *part)
{
    size_t length = strlen(part), at;
    for (at = 0; at + length <= text.len; at++)
        if (memcmp(text.ptr + at, part, length) == 0) return 1;
    return 0;
}

static void healthy(enos_doctor_report_t *report, const char *session)
{
    CHECK(report != NULL);
    if (!enos_doctor_report_healthy(report)) {
        enos_str_t text = enos_doctor_report_text(report);
        fprintf(stderr, "%.*s", (int)text.len, text.ptr);
    }
    CHECK(enos_doctor_report_healthy(report) == 1 && enos_doctor_report_complete(report) == 1);
    CHECK(enos_doctor_report_exit_code(report) == 0);
    CHECK(same(enos_doctor_report_step(report), "") && same(enos_doctor_report_cause(report), ""));
    CHECK(same(enos_doctor_report_session(report), session));
    CHECK(has(enos_doctor_report_text(report), "HEALTHY") && has(enos_doctor_report_json(report), "\"healthy\":true"));
    enos_doctor_report_free(report);
}

static void ill(enos_doctor_report_t *report, int exit_code, const char *step, const char *cause)
{
    CHECK(report != NULL);
    CHECK(enos_doctor_report_healthy(report) == 0 && enos_doctor_report_complete(report) == 0);
    CHECK(enos_doctor_report_exit_code(report) == exit_code);
    CHECK(same(enos_doctor_report_step(report), step) && same(enos_doctor_report_cause(report), cause));
    CHECK(has(enos_doctor_report_text(report), cause) && has(enos_doctor_report_json(report), cause));
    CHECK(!has(enos_doctor_report_text(report), "canary") && !has(enos_doctor_report_json(report), "canary"));
    enos_doctor_report_free(report);
}

static void on_report(void *user, enos_doctor_report_t *report)
{
    CHECK(user == &told);
    healthy(report, "live");
    count(&told);
}

int main(int argc, char **argv)
{
    enos_client_t *client, *wrong;
    enos_config_t cfg;
    enos_doctor_report_t *report = NULL;
    enos_error_t err;

    CHECK(argc == 2);
    enos_error_init(&err);
    client = turbine(argv[1]);
    EXPECT(ENOS_OK, enos_client_doctor(client, 0, &report, &err));
    healthy(report, "own");
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    EXPECT(ENOS_OK, enos_client_doctor(client, 10000, &report, &err));
    healthy(report, "live");
    EXPECT(ENOS_OK, enos_client_doctor_async(client, 10000, on_report, &told, &err));
    wait_for(&told, 1);

    wrong = client_of(argv[1], "Tq4zR9Lw", "t-2", "canary-secret");
    EXPECT(ENOS_OK, enos_client_doctor(wrong, 10000, &report, &err));
    ill(report, 16, "sign_in", "credentials_refused");
    enos_client_free(wrong);

    enos_config_init(&cfg);
    cfg.hub = ENOS_LIT("hub.example:18883");
    enos_config_login_device_secret(&cfg, ENOS_LIT("pk"), ENOS_LIT("dk"), ENOS_LIT("canary-secret"));
    EXPECT(ENOS_OK, enos_config_doctor(&cfg, 0, &report, &err));
    ill(report, 10, "configuration", "invalid_configuration");

    EXPECT(ENOS_OK, enos_client_close(client, 10000, &err));
    EXPECT(ENOS_OK, enos_client_doctor(client, 10000, &report, &err));
    ill(report, 10, "configuration", "client_closed");

    /* What only C can get wrong. */
    report = (enos_doctor_report_t *)&err;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_doctor(NULL, 0, &report, &err));
    CHECK(report == NULL);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_doctor(client, 0, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_client_doctor_async(client, 0, NULL, NULL, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_config_doctor(NULL, 0, &report, &err));
    CHECK(enos_doctor_report_healthy(NULL) == 0 && enos_doctor_report_complete(NULL) == 0);
    CHECK(enos_doctor_report_exit_code(NULL) == -1 && same(enos_doctor_report_text(NULL), ""));
    CHECK(same(enos_doctor_report_step(NULL), "") && same(enos_doctor_report_cause(NULL), ""));
    CHECK(same(enos_doctor_report_session(NULL), "") && same(enos_doctor_report_json(NULL), ""));
    enos_doctor_report_free(NULL);
    enos_client_free(client);
    say("done");
    return 0;
}
