/* Both headers in one program; with -DWITH_LIBENOS, both libraries. */
#ifdef ENOS_FIRST
#include <enos.h>
#include <enos_engine.h>
#else
#include <enos_engine.h>
#include <enos.h>
#endif
#include <stdio.h>

int main(void)
{
    enos_engine_config_t config;
    enos_config_t cfg;
    enos_point_t point = { ENOS_STR("temp"), enos_double(21.5) };
    enos_engine_config_init(&config);
#ifdef WITH_LIBENOS
    enos_config_init(&cfg);
    if (cfg.size != sizeof cfg || enos_version()[0] == 0) return 1;
#endif
    cfg.hub = config.hub = ENOS_LIT("tcp://127.0.0.1");
    if (cfg.hub.len == config.hub.len && point.value.type == ENOS_TYPE_DOUBLE && enos_engine_size(&config) > 0)
        puts("done");
    return 0;
}
