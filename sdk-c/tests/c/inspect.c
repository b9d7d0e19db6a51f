/* What goes on the wire, without a client: texts into buffers of every size, and what is refused. */
#include "check.h"

#include <math.h>

static char text[4096];
static size_t length;
static enos_error_t err;

static void gives(enos_status_t status, const char *wanted)
{
    CHECK(status == ENOS_OK && err.status == ENOS_OK);
    CHECK(length == strlen(wanted) && strcmp(text, wanted) == 0);
    memset(text, '?', sizeof text);
}

/* The length first, then the text into a buffer that is just large enough; nothing is written beyond it. */
static void buffers(void)
{
    const enos_str_t device = ENOS_STR("dk"), product = ENOS_STR("pk");
    char small[7];
    size_t room;

    length = 77;
    EXPECT(ENOS_ERR_BUFFER_TOO_SMALL, enos_inspect_mqtt_username(device, product, NULL, 0, &length, &err));
    CHECK(length == 5 && strstr(err.message, "6 bytes") != NULL);
    for (room = 0; room < sizeof small; room++) {
        enos_status_t wanted = room < 6 ? ENOS_ERR_BUFFER_TOO_SMALL : ENOS_OK;
        memset(small, '?', sizeof small);
        EXPECT(wanted, enos_inspect_mqtt_username(device, product, small, room, NULL, &err));
        CHECK(small[6] == '?' && (wanted == ENOS_OK ? strcmp(small, "dk&pk") == 0 : small[0] == '?'));
    }
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_mqtt_username(device, product, NULL, 9, &length, &err));
    CHECK(enos_inspect_mqtt_username(device, product, text, sizeof text, NULL, NULL) == ENOS_OK);
}

static void signatures(void)
{
    enos_parameter_t pairs[] = {
        { ENOS_STR("timestamp"), ENOS_STR("17") },
        { ENOS_STR("productKey"), ENOS_STR("pk") },
        { ENOS_STR("deviceKey"), ENOS_STR("dk") },
        { ENOS_STR("clientId"), ENOS_STR("c") },
    };
    char sign[65];

    EXPECT(ENOS_OK, enos_inspect_sign(ENOS_LIT("hmacSHA256"), ENOS_LIT("s"), pairs, 4, sign, sizeof sign, &length, &err));
    CHECK(length == 64);
    gives(enos_inspect_mqtt_password(ENOS_LIT("c"), ENOS_LIT("dk"), ENOS_LIT("pk"), 17, ENOS_LIT("s"), text, sizeof text, &length, &err), sign);
    /* MD5 of nothing at all. */
    gives(enos_inspect_sign(ENOS_LIT("md5"), enos_str(NULL), NULL, 0, text, sizeof text, &length, &err), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_sign(ENOS_LIT("sha512"), ENOS_LIT("canary"), pairs, 4, text, sizeof text, &length, &err));
    CHECK(strstr(err.message, "sha512") != NULL && strstr(err.message, "canary") == NULL);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_sign(ENOS_LIT("md5"), ENOS_LIT("s"), NULL, 1, text, sizeof text, &length, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_sign(ENOS_LIT("md5"), ENOS_LIT("\xff"), NULL, 0, text, sizeof text, &length, &err));
    gives(enos_inspect_mqtt_client_id(ENOS_LIT("t-1"), 2, 1626345678901u, text, sizeof text, &length, &err),
          "t-1|securemode=2,signmethod=sha256,timestamp=1626345678901|");
    gives(enos_inspect_coap_psk_identity(ENOS_LIT("pk"), ENOS_LIT("d,k"), 3, 3600, text, sizeof text, &length, &err), "pk,d,k,3,3600");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_coap_psk_identity(ENOS_LIT("pk"), ENOS_LIT("dk"), -1, 3600, text, sizeof text, &length, &err));
    /* Bytes 9 to 24 of the SHA-256 of "abc" (FIPS 180-2, B.1). */
    gives(enos_inspect_coap_psk_key(ENOS_LIT("abc"), text, sizeof text, &length, &err), "414140de5dae2223b00361a396177a9c");
    EXPECT(ENOS_OK, enos_inspect_coap_sign(ENOS_LIT("pk"), ENOS_LIT("dk"), 3600, ENOS_LIT("s"), text, sizeof text, &length, &err));
    CHECK(length == 64 && strpbrk(text, "abcdef") == NULL);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_mqtt_client_id(ENOS_LIT("t-1"), 256, 1, text, sizeof text, &length, &err));
}

static void topics(void)
{
    const enos_str_t product = ENOS_STR("pk"), device = ENOS_STR("\xe6\xb8\xa9"), none = { NULL, 0 };
    const enos_str_t event = ENOS_STR("event.post"), overheat = ENOS_STR("overheat");
    const char *mine = "/sys/pk/dk/thing/event/overheat/post_reply";
    enos_topic_t parsed;
    size_t kinds = 0;

    gives(enos_inspect_topic(event, overheat, product, device, ENOS_TOPIC_REQUEST, text, sizeof text, &length, &err),
          "/sys/pk/\xe6\xb8\xa9/thing/event/overheat/post");
    gives(enos_inspect_topic(event, overheat, product, device, ENOS_TOPIC_REPLY, text, sizeof text, &length, &err),
          "/sys/pk/\xe6\xb8\xa9/thing/event/overheat/post_reply");
    gives(enos_inspect_topic(event, overheat, product, device, ENOS_TOPIC_METHOD, text, sizeof text, &length, &err),
          "thing.event.overheat.post");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_topic(event, overheat, product, device, 0, text, sizeof text, &length, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_topic(event, none, product, device, ENOS_TOPIC_REQUEST, text, sizeof text, &length, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_topic(overheat, none, product, device, ENOS_TOPIC_REQUEST, text, sizeof text, &length, &err));
    for (; enos_inspect_topic_kind(kinds).len > 0; kinds++) {
        enos_str_t kind = enos_inspect_topic_kind(kinds);
        enos_str_t argument = same(kind, "event.post") || same(kind, "service.invoke") || same(kind, "rrpc") ? overheat : none;
        EXPECT(ENOS_OK, enos_inspect_topic(kind, argument, product, device, ENOS_TOPIC_METHOD, text, sizeof text, &length, &err));
    }
    CHECK(kinds > 40 && enos_inspect_topic_kind((size_t)-1).len == 0);

    gives(enos_inspect_parse_topic(enos_str(mine), &parsed, text, sizeof text, &length, &err), "thing.event.overheat.post");
    CHECK(same(parsed.product_key, "pk") && same(parsed.device_key, "dk") && parsed.is_reply == 1);
    CHECK(parsed.product_key.ptr == mine + 5);
    gives(enos_inspect_parse_topic(ENOS_LIT("/sys/pk/dk/nothing"), &parsed, text, sizeof text, &length, &err), "");
    CHECK(parsed.product_key.len == 0 && parsed.device_key.len == 0 && parsed.is_reply == 0);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_parse_topic(enos_str(mine), NULL, text, sizeof text, &length, &err));
    EXPECT(ENOS_ERR_BUFFER_TOO_SMALL, enos_inspect_parse_topic(enos_str(mine), &parsed, text, 5, &length, &err));
    CHECK(length == 25 && parsed.product_key.len == 0);
}

static void values(void)
{
    enos_value_t items[] = { enos_int(-1), enos_double(2), enos_null() };
    enos_point_t fields[] = { { ENOS_STR("gr\xc3\xbc\xc3\x9f"), enos_array(items, 3) }, { ENOS_STR("ok"), enos_bool(3) } };
    enos_value_t whole = enos_struct(fields, 2), infinite = enos_double(HUGE_VAL);

    gives(enos_inspect_value_json(&whole, text, sizeof text, &length, &err), "{\"gr\xc3\xbc\xc3\x9f\":[-1,2.0,null],\"ok\":true}");
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_value_json(&infinite, text, sizeof text, &length, &err));
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_value_json(NULL, text, sizeof text, &length, &err));
    infinite.type = 99;
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_value_json(&infinite, text, sizeof text, &length, &err));
}

static void urls_and_codes(void)
{
    enos_hub_url_t hub;

    EXPECT(ENOS_OK, enos_inspect_hub_url(ENOS_LIT("SSL://[::1]/"), &hub, &err));
    CHECK(same(hub.scheme, "ssl") && same(hub.host, "::1") && hub.port == 18883);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_hub_url(ENOS_LIT("http://hub"), &hub, &err));
    CHECK(hub.host.len == 0 && hub.port == 0);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_inspect_hub_url(ENOS_LIT("ssl://hub"), NULL, &err));
    CHECK(enos_inspect_kind_of_hub_code(742) == ENOS_ERR_SIGNATURE_REJECTED);
    CHECK(enos_inspect_kind_of_hub_code(-9) == ENOS_ERR_HUB_REJECTED);
}

int main(void)
{
    enos_error_t other = ENOS_ERROR_INIT;

    memset(&err, '?', sizeof err);
    enos_error_init(&err);
    CHECK(other.size == err.size && other.status == err.status && other.message[0] == err.message[0]);
    CHECK(enos_client_connect(NULL, 1, &other) == ENOS_ERR_INVALID_ARGUMENT && other.status == ENOS_ERR_INVALID_ARGUMENT);
    buffers();
    signatures();
    topics();
    values();
    urls_and_codes();
    say("done");
    return 0;
}
