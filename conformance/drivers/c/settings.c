#include "settings.h"

#include <stdlib.h>

/* A store of one's own that never stores. */
static enos_status_t load_nothing(void *user, enos_str_t product_key, enos_str_t device_key, char *buffer, size_t capacity,
                                  size_t *length, enos_error_t *err)
{
    (void)user, (void)product_key, (void)device_key, (void)buffer, (void)capacity, (void)err;
    *length = 0;
    return ENOS_OK;
}

static enos_status_t refuse(void *user, enos_str_t product_key, enos_str_t device_key, enos_str_t secret, enos_error_t *err)
{
    (void)user, (void)product_key, (void)device_key, (void)secret;
    enos_error_set(err, ENOS_ERR_STORAGE_FAILED, ENOS_LIT("this store never stores"));
    return ENOS_ERR_STORAGE_FAILED;
}

/* What a setting's value is split into: the parts before and behind a mark, the last one if there are several. */
static int split(request *of, enos_str_t text, char mark, enos_str_t *before, enos_str_t *behind)
{
    size_t at = text.len;
    char *copy;

    while (at > 0 && text.ptr[at - 1] != mark) at--;
    if (at == 0) return 0;
    copy = (char *)request_room(of, at);
    memcpy(copy, text.ptr, at - 1);
    before->ptr = copy;
    before->len = at - 1;
    behind->ptr = text.ptr + at;
    behind->len = text.len - at;
    return 1;
}

static int read_i32(enos_str_t text, int32_t *out)
{
    int64_t number;
    if (!read_i64(text, &number) || number < INT32_MIN || number > INT32_MAX) return 0;
    *out = (int32_t)number;
    return 1;
}

/* Two numbers with a slash between them. */
static int pair(request *of, enos_str_t value, int32_t *first, int32_t *second)
{
    enos_str_t before, behind;
    return split(of, value, '/', &before, &behind) && read_i32(before, first) && read_i32(behind, second);
}

/* `HOST:PORT` or `USER:PASSWORD@HOST:PORT`. */
static int proxy(request *of, enos_str_t value, enos_config_t *cfg)
{
    enos_str_t login, address = value, host, port, user, password;
    int32_t number;

    if (split(of, value, '@', &login, &address)) {
        if (!split(of, login, ':', &user, &password)) return 0;
        if (enos_config_proxy_login(cfg, user, password) != ENOS_OK) return 0;
    }
    return split(of, address, ':', &host, &port) && read_i32(port, &number) && enos_config_proxy(cfg, host, number) == ENOS_OK;
}

/* What is collected for the login. */
typedef struct login {
    enos_str_t how, product_key, device_key, secret, store, cert, key;
} login;

static int set(request *of, enos_config_t *cfg, login *who, enos_str_t name, enos_str_t value)
{
    struct {
        const char *name;
        int32_t *number;
    } numbers[] = {
        { "keep_alive_s", &cfg->keep_alive_s },
        { "in_flight", &cfg->in_flight },
        { "sign_in_timeout_ms", &cfg->sign_in_timeout_ms },
        { "activation_timeout_ms", &cfg->activation_timeout_ms },
        { "handshake_timeout_ms", &cfg->handshake_timeout_ms },
        { "pong_timeout_ms", &cfg->pong_timeout_ms },
        { "coap_lifetime_s", &cfg->coap_lifetime_s },
        { "coap_rate_limit", &cfg->coap_rate_limit },
        { "limit_requests", &cfg->limit_requests },
        { "limit_calls", &cfg->limit_calls },
    };
    struct {
        const char *name;
        enos_str_t *text;
    } texts[] = {
        { "url", &cfg->hub }, { "login", &who->how }, { "product_key", &who->product_key },
        { "device_key", &who->device_key }, { "secret", &who->secret }, { "store", &who->store },
        { "cert", &who->cert }, { "key", &who->key },
    };
    size_t i;

    for (i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (is(name, texts[i].name)) {
            *texts[i].text = value;
            return 1;
        }
    }
    for (i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (is(name, numbers[i].name)) return read_i32(value, numbers[i].number);
    if (is(name, "ca")) return enos_config_tls_ca_file(cfg, value) == ENOS_OK;
    if (is(name, "proxy")) return proxy(of, value, cfg);
    if (is(name, "backoff_ms")) return pair(of, value, &cfg->backoff_first_ms, &cfg->backoff_largest_ms);
    if (is(name, "dial_budget")) return pair(of, value, &cfg->dial_budget, &cfg->dial_window_s);
    if (is(name, "clean_session") || is(name, "sleepy")) {
        int truth;
        if (!read_bool(value, &truth)) return 0;
        *(is(name, "sleepy") ? &cfg->sleepy : &cfg->clean_session) = truth;
        return 1;
    }
    return 0;
}

static enos_status_t store(request *of, enos_str_t how, enos_secret_store_t **out, enos_error_t *err)
{
    enos_str_t kind, folder;

    if (how.len == 0 || is(how, "memory")) return enos_secret_store_new_memory(out, err);
    if (is(how, "refuse")) return enos_secret_store_new_custom(load_nothing, refuse, NULL, NULL, out, err);
    if (split(of, how, ':', &kind, &folder) && is(kind, "file")) return enos_secret_store_new_file(folder, out, err);
    enos_error_set(err, ENOS_ERR_INTERNAL, ENOS_LIT("no store is called so"));
    return ENOS_ERR_INTERNAL;
}

int settings_client(request *asked, size_t at, enos_client_t **out)
{
    enos_secret_store_t *kept = NULL;
    enos_status_t status = ENOS_OK;
    enos_config_t cfg;
    enos_error_t err;
    login who;

    memset(&who, 0, sizeof who);
    enos_config_init(&cfg);
    enos_error_init(&err);
    for (; at < asked->count; at++) {
        enos_str_t setting = word(asked, at), name = setting, value;
        const char *mark = memchr(setting.ptr, '=', setting.len);
        if (mark != NULL) {
            name.len = (size_t)(mark - setting.ptr);
            value.ptr = mark + 1;
            value.len = setting.len - name.len - 1;
        }
        if (mark == NULL || !set(asked, &cfg, &who, name, value)) {
            answer_misuse(asked, setting.ptr);
            return 0;
        }
    }
    if (who.cert.len > 0 && who.key.len > 0) status = enos_config_tls_client_files(&cfg, who.cert, who.key);
    if (status == ENOS_OK && is(who.how, "device_secret")) {
        status = enos_config_login_device_secret(&cfg, who.product_key, who.device_key, who.secret);
    } else if (status == ENOS_OK && is(who.how, "dynamic_activation")) {
        status = store(asked, who.store, &kept, &err);
        if (status == ENOS_OK)
            status = enos_config_login_dynamic_activation(&cfg, who.product_key, who.device_key, who.secret, kept);
    } else {
        answer_misuse(asked, "no login is called so");
        return 0;
    }
    if (status == ENOS_OK) status = enos_client_new(&cfg, out, &err);
    enos_secret_store_free(kept);
    if (status != ENOS_OK) answer_error(asked, &err);
    return status == ENOS_OK;
}
