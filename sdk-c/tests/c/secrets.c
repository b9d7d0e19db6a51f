/* Activation with stores of every kind, and TLS with and without a client certificate.
 * Arguments: hub URL, TLS URL, a folder, CA file, another CA's file, certificate file, key file. */
#include "check.h"

typedef struct kept {
    char text[256];
    size_t length;
    int loads, stores, refuses;
    counter dropped;
} kept;

static int32_t load(void *user, enos_str_t product_key, enos_str_t device_key, char *buffer, size_t capacity, size_t *length, enos_error_t *err)
{
    kept *it = (kept *)user;
    (void)err;
    CHECK(same(product_key, "Dy5nA8Mt") && same(device_key, "new-1"));
    CHECK(it->length <= capacity);
    memcpy(buffer, it->text, it->length);
    *length = it->length;
    it->loads++;
    return ENOS_OK;
}

static int32_t store(void *user, enos_str_t product_key, enos_str_t device_key, enos_str_t secret, enos_error_t *err)
{
    kept *it = (kept *)user;
    CHECK(same(product_key, "Dy5nA8Mt") && same(device_key, "new-1") && secret.len < sizeof it->text);
    it->stores++;
    if (it->refuses) {
        enos_error_set(err, ENOS_ERR_STORAGE_FAILED, ENOS_LIT("this store never stores"));
        return ENOS_ERR_STORAGE_FAILED;
    }
    memcpy(it->text, secret.ptr, secret.len);
    it->length = secret.len;
    return ENOS_OK;
}

static void kept_dropped(void *user)
{
    count(&((kept *)user)->dropped);
}

static enos_client_t *activating(const char *url, enos_secret_store_t *own)
{
    enos_config_t cfg;
    enos_error_t err;
    enos_client_t *client = NULL;

    enos_config_init(&cfg);
    enos_error_init(&err);
    cfg.hub = enos_str(url);
    EXPECT(ENOS_OK, enos_config_login_dynamic_activation(&cfg, ENOS_LIT("Dy5nA8Mt"), ENOS_LIT("new-1"), ENOS_LIT("PsEcret03"), own));
    EXPECT(ENOS_OK, enos_client_new(&cfg, &client, &err));
    return client;
}

static void own_store(const char *url, const char *folder)
{
    kept it;
    enos_secret_store_t *own = NULL, *files = NULL, *memory = NULL;
    enos_client_t *client;
    enos_error_t err;
    counter fresh = COUNTER;

    memset(&it, 0, sizeof it);
    it.dropped = fresh;
    enos_error_init(&err);
    EXPECT(ENOS_ERR_INVALID_ARGUMENT, enos_secret_store_new_custom(load, NULL, &it, kept_dropped, &own, &err));
    CHECK(counted(&it.dropped) == 1 && own == NULL);
    EXPECT(ENOS_OK, enos_secret_store_new_custom(load, store, &it, kept_dropped, &own, &err));

    /* Refused: the activation stays open. */
    it.refuses = 1;
    client = activating(url, own);
    CHECK(enos_client_connect(client, 3000, &err) != ENOS_OK);
    CHECK(it.stores >= 1 && it.length == 0);
    enos_client_free(client);
    it.refuses = 0;
    client = activating(url, own);
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    CHECK(it.length > 0);
    enos_client_free(client);
    /* The next start signs in with what was kept. */
    it.stores = 0;
    client = activating(url, own);
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    CHECK(it.stores == 0 && it.loads == 3);
    /* The client holds the store: freeing the handle ends nothing. */
    enos_secret_store_free(own);
    CHECK(counted(&it.dropped) == 1);
    enos_client_free(client);
    /* A thread of the SDK may let go of it last. */
    wait_for(&it.dropped, 2);

    /* The other stores are made and read; what a device keeps in them is the runtime's own affair. */
    EXPECT(ENOS_OK, enos_secret_store_new_file(enos_str(folder), &files, &err));
    EXPECT(ENOS_OK, enos_secret_store_new_memory(&memory, &err));
    enos_client_free(activating(url, files));
    enos_client_free(activating(url, memory));
    enos_secret_store_free(files);
    enos_secret_store_free(memory);
}

static int32_t by_certificate(const char *url, const char *ca, const char *cert, const char *key, enos_error_t *into)
{
    enos_config_t cfg;
    enos_error_t err;
    enos_client_t *client = NULL;
    int32_t status;

    enos_config_init(&cfg);
    enos_error_init(&err);
    cfg.hub = enos_str(url);
    EXPECT(ENOS_OK, enos_config_login_device_secret(&cfg, ENOS_LIT("Ce7rT1Qz"), ENOS_LIT("cert-1"), ENOS_LIT("u8Yp2QvKs0c1")));
    if (ca != NULL) EXPECT(ENOS_OK, enos_config_tls_ca_file(&cfg, enos_str(ca)));
    if (cert != NULL) EXPECT(ENOS_OK, enos_config_tls_client_files(&cfg, enos_str(cert), enos_str(key)));
    EXPECT(ENOS_OK, enos_client_new(&cfg, &client, &err));
    status = enos_client_connect(client, 20000, into);
    enos_client_free(client);
    return status;
}

static char *whole(const char *path)
{
    static char text[3][65536];
    static int used;
    FILE *file = fopen(path, "rb");
    size_t length;

    CHECK(file != NULL && used < 3);
    length = fread(text[used], 1, sizeof text[0] - 1, file);
    text[used][length] = '\0';
    fclose(file);
    return text[used++];
}

static void tls(char **argv)
{
    enos_config_t cfg;
    enos_error_t err;
    enos_client_t *client = NULL;

    enos_error_init(&err);
    EXPECT(ENOS_OK, by_certificate(argv[2], argv[4], argv[6], argv[7], &err));
    EXPECT(ENOS_ERR_TLS_FAILED, by_certificate(argv[2], argv[5], argv[6], argv[7], &err));
    CHECK(by_certificate(argv[2], argv[4], NULL, NULL, &err) >= 400);
    /* The same as text. */
    enos_config_init(&cfg);
    cfg.hub = enos_str(argv[2]);
    EXPECT(ENOS_OK, enos_config_login_device_secret(&cfg, ENOS_LIT("Ce7rT1Qz"), ENOS_LIT("cert-1"), ENOS_LIT("u8Yp2QvKs0c1")));
    EXPECT(ENOS_OK, enos_config_tls_ca(&cfg, enos_str(whole(argv[4]))));
    EXPECT(ENOS_OK, enos_config_tls_client(&cfg, enos_str(whole(argv[6])), enos_str(whole(argv[7]))));
    EXPECT(ENOS_OK, enos_client_new(&cfg, &client, &err));
    EXPECT(ENOS_OK, enos_client_connect(client, 20000, &err));
    enos_client_free(client);
}

int main(int argc, char **argv)
{
    CHECK(argc == 8);
    own_store(argv[1], argv[3]);
    tls(argv);
    say("done");
    return 0;
}
