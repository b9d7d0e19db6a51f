/* Posts measurepoints and shows what becomes of them. */
#include "flags.h"

#include <stdio.h>

static enos_status_t run(enos_client_t *client, enos_error_t *err)
{
    enos_device_t *device = enos_client_root(client);
    enos_point_t points[] = {
        { ENOS_STR("temp"), enos_double(21.5) },
        { ENOS_STR("power"), enos_with_quality(enos_double(1834.0), 0) },
        { ENOS_STR("state"), enos_int(2) },
    };
    enos_point_t unknown[] = { { ENOS_STR("no_such_point"), enos_int(1) } };

    if (enos_client_connect(client, 10000, err) != ENOS_OK) return err->status;

    /* Returns when the hub has checked the points against the thing model and stored them. */
    if (enos_device_post_measurepoints(device, points, 3, ENOS_TIME_NOW, 10000, NULL, err) != ENOS_OK) return err->status;
    puts("acknowledged");

    /* What does not fit the model comes back as an error that names the hub's code. */
    if (enos_device_post_measurepoints(device, unknown, 1, ENOS_TIME_NOW, 10000, NULL, err) == ENOS_OK)
        puts("acknowledged");
    else
        printf("refused: kind %d code %ld\n", (int)err->status, (long)err->hub_code);

    return enos_client_close(client, 2000, err);
}

int main(int argc, char **argv)
{
    enos_client_t *client = client_of_flags(argc, argv);
    enos_error_t err;
    enos_status_t status;

    enos_error_init(&err);
    status = run(client, &err);
    enos_client_free(client);
    return status == ENOS_OK ? 0 : failed(&err);
}
