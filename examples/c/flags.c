#include "flags.h"

#include <stdio.h>
#include <stdlib.h>

/* What each flag is for, as `--help` prints it. */
static const char help[] =
    "--hub URL             tcp://host:11883 or ssl://host:18883   (tcp://127.0.0.1:11883)\n"
    "--product-key KEY     the product's key                      (Tq4zR9Lw)\n"
    "--device-key KEY      the device's key                       (t-1)\n"
    "--device-secret TEXT  the device's secret                    (of the hub's example seed)\n"
    "--ca FILE             CA of the hub, PEM; else the system's\n"
    "--cert FILE           client certificate, PEM\n"
    "--key FILE            its private key, PEM\n";

int failed(const enos_error_t *err)
{
    enos_str_t name = enos_status_name(err->status);
    fprintf(stderr, "%.*s (%d): %s\n", ENOS_ARG(name), (int)err->status, err->message);
    return 1;
}

void config_of_flags(int argc, char **argv, enos_config_t *cfg)
{
    enum { HUB, PRODUCT_KEY, DEVICE_KEY, DEVICE_SECRET, CA, CERT, KEY, FLAGS };
    static const char *const names[FLAGS] = {
        "--hub", "--product-key", "--device-key", "--device-secret", "--ca", "--cert", "--key",
    };
    enos_str_t given[FLAGS] = {
        ENOS_STR("tcp://127.0.0.1:11883"), ENOS_STR("Tq4zR9Lw"), ENOS_STR("t-1"), ENOS_STR("u8Yp2QvKs0t1"),
        ENOS_STR(""), ENOS_STR(""), ENOS_STR(""),
    };
    int at, flag;

    for (at = 1; at < argc; at += 2) {
        for (flag = 0; flag < FLAGS && strcmp(argv[at], names[flag]) != 0; flag++) {}
        if (flag == FLAGS && strcmp(argv[at], "--help") == 0) {
            printf("%s", help);
            exit(0);
        }
        if (flag == FLAGS || at + 1 == argc) {
            fprintf(stderr, "%s %s. These are:\n%s", argv[at], flag == FLAGS ? "is no flag" : "needs a value", help);
            exit(2);
        }
        given[flag] = enos_str(argv[at + 1]);
    }

    enos_config_init(cfg);
    cfg->hub = given[HUB];
    cfg->tls_ca_file = given[CA];
    cfg->tls_cert_file = given[CERT];
    cfg->tls_key_file = given[KEY];
    enos_config_login_device_secret(cfg, given[PRODUCT_KEY], given[DEVICE_KEY], given[DEVICE_SECRET]);
}

enos_client_t *client_of_flags(int argc, char **argv)
{
    enos_client_t *client = NULL;
    enos_config_t cfg;
    enos_error_t err;

    enos_error_init(&err);
    config_of_flags(argc, argv, &cfg);
    if (enos_client_new(&cfg, &client, &err) != ENOS_OK) exit(failed(&err));
    return client;
}
