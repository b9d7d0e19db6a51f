/* What the test programs share: a check that ends the program, and an engine in a block of its own. */
#ifndef CHECK_H
#define CHECK_H

#include <enos_engine.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(truth)                                                            \
    do {                                                                        \
        if (!(truth)) {                                                         \
            fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #truth); \
            exit(1);                                                            \
        }                                                                       \
    } while (0)

/* A call must give this status; prints what the engine says of it if it does not. */
#define EXPECT(wanted, engine, call)                                                              \
    do {                                                                                          \
        int32_t came_ = (call);                                                                   \
        if (came_ != (wanted)) {                                                                  \
            char text_[200];                                                                      \
            enos_engine_message((engine), text_, sizeof text_);                                   \
            fprintf(stderr, "%s:%d: %s gave %d, wanted %d: %s\n", __FILE__, __LINE__, #call, (int)came_, \
                    (int)(wanted), text_);                                                        \
            exit(1);                                                                              \
        }                                                                                         \
    } while (0)

static inline int same(enos_str_t text, const char *wanted)
{
    return text.len == strlen(wanted) && (text.len == 0 || memcmp(text.ptr, wanted, text.len) == 0);
}

static inline int holds(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static inline void turbine(enos_engine_config_t *config)
{
    enos_engine_config_init(config);
    config->hub = ENOS_LIT("tcp://hub:11883");
    config->login = ENOS_LOGIN_DEVICE_SECRET;
    config->product_key = ENOS_LIT("pk");
    config->device_key = ENOS_LIT("dk");
    config->secret = ENOS_LIT("canary-secret");
}

static const uint8_t ENTROPY[32] = { 7 };

#endif
