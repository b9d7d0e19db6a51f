/* What EnOS's sign-in and replies are to Debian's mosquitto, as far as a broker can do them: the signature of a device
 * is checked, a device uses its own topics only, and each post is answered with code 200. No point is read, no model
 * is checked, nothing is stored. Built and loaded by `bench-figures`. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <mosquitto_broker.h>
#include <mosquitto_plugin.h>

/* OpenSSL's, which mosquitto itself is linked with. */
unsigned char *SHA256(const unsigned char *data, size_t length, unsigned char *digest);

/* As mosquitto.h has them, which is the client library's header and not needed otherwise. */
enum { MOSQ_ERR_SUCCESS = 0, MOSQ_ERR_AUTH = 11, MOSQ_ERR_ACL_DENIED = 12 };

#define PART 256

/* The text behind `name=` in the list of a client id, up to a comma or a bar. */
static bool option(const char *list, const char *name, char *out, size_t room)
{
    size_t length = strlen(name);
    for (const char *at = list; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == list || at[-1] == ',' || at[-1] == '|') && at[length] == '=') {
            size_t value = strcspn(at + length + 1, ",|");
            if (value >= room) {
                return false;
            }
            memcpy(out, at + length + 1, value);
            out[value] = 0;
            return true;
        }
    }
    return false;
}

static int on_sign_in(int event, void *data, void *user)
{
    struct mosquitto_evt_basic_auth *auth = data;
    const char *id = mosquitto_client_id(auth->client);
    char client[PART], device[PART], timestamp[PART], text[6 * PART], hex[65];
    unsigned char digest[32];
    (void)event;
    (void)user;
    if (id == NULL || auth->username == NULL || auth->password == NULL) {
        return MOSQ_ERR_AUTH;
    }
    size_t name = strcspn(id, "|");
    const char *product = strrchr(auth->username, '&');
    if (product == NULL || name >= PART || (size_t)(product - auth->username) >= PART || strlen(product) >= PART
        || !option(id + name, "timestamp", timestamp, sizeof timestamp)) {
        return MOSQ_ERR_AUTH;
    }
    snprintf(client, sizeof client, "%.*s", (int)name, id);
    snprintf(device, sizeof device, "%.*s", (int)(product - auth->username), auth->username);
    /* The secret of each device of the benchmark is made of its key: no look-up, in favour of the broker. */
    int length = snprintf(text, sizeof text, "clientId%sdeviceKey%sproductKey%stimestamp%ssecret-of-%s", client, device,
                          product + 1, timestamp, device);
    if (length < 0 || (size_t)length >= sizeof text) {
        return MOSQ_ERR_AUTH;
    }
    SHA256((const unsigned char *)text, (size_t)length, digest);
    for (int i = 0; i < 32; i++) {
        hex[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        hex[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    hex[64] = 0;
    return strcasecmp(hex, auth->password) == 0 ? MOSQ_ERR_SUCCESS : MOSQ_ERR_AUTH;
}

static int on_access(int event, void *data, void *user)
{
    struct mosquitto_evt_acl_check *check = data;
    const char *name = mosquitto_client_username(check->client);
    const char *product = name == NULL ? NULL : strrchr(name, '&');
    (void)event;
    (void)user;
    if (product == NULL || strncmp(check->topic, "/sys/", 5) != 0) {
        return MOSQ_ERR_ACL_DENIED;
    }
    const char *at = check->topic + 5;
    size_t length = strlen(product + 1);
    if (strncmp(at, product + 1, length) != 0 || at[length] != '/') {
        return MOSQ_ERR_ACL_DENIED;
    }
    at += length + 1;
    length = (size_t)(product - name);
    return strncmp(at, name, length) == 0 && at[length] == '/' ? MOSQ_ERR_SUCCESS : MOSQ_ERR_ACL_DENIED;
}

static int on_message(int event, void *data, void *user)
{
    static const char KEY[] = "\"id\":\"";
    struct mosquitto_evt_message *message = data;
    char topic[2 * PART], reply[PART];
    (void)event;
    (void)user;
    const char *id = memmem(message->payload, message->payloadlen, KEY, sizeof KEY - 1);
    if (id == NULL) {
        return MOSQ_ERR_SUCCESS;
    }
    id += sizeof KEY - 1;
    size_t left = message->payloadlen - (size_t)(id - (const char *)message->payload);
    const char *end = memchr(id, '"', left);
    if (end == NULL || end - id > 64) {
        return MOSQ_ERR_SUCCESS;
    }
    int length = snprintf(reply, sizeof reply, "{\"id\":\"%.*s\",\"code\":200,\"data\":\"\"}", (int)(end - id), id);
    if (snprintf(topic, sizeof topic, "%s_reply", message->topic) >= (int)sizeof topic) {
        return MOSQ_ERR_SUCCESS;
    }
    return mosquitto_broker_publish_copy(mosquitto_client_id(message->client), topic, length, reply, message->qos, false,
                                         NULL);
}

int mosquitto_plugin_version(int count, const int *versions)
{
    for (int i = 0; i < count; i++) {
        if (versions[i] == 5) {
            return 5;
        }
    }
    return -1;
}

int mosquitto_plugin_init(mosquitto_plugin_id_t *plugin, void **user, struct mosquitto_opt *options, int count)
{
    (void)user;
    (void)options;
    (void)count;
    int failed = mosquitto_callback_register(plugin, MOSQ_EVT_BASIC_AUTH, on_sign_in, NULL, NULL);
    failed = failed ? failed : mosquitto_callback_register(plugin, MOSQ_EVT_ACL_CHECK, on_access, NULL, NULL);
    return failed ? failed : mosquitto_callback_register(plugin, MOSQ_EVT_MESSAGE, on_message, NULL, NULL);
}

int mosquitto_plugin_cleanup(void *user, struct mosquitto_opt *options, int count)
{
    (void)user;
    (void)options;
    (void)count;
    return MOSQ_ERR_SUCCESS;
}
