/* Signs a device in, tells what happens to its connection, signs it off. */
#include "flags.h"

#include <stdio.h>

static void on_lifecycle(void *user, const enos_lifecycle_t *step)
{
    (void)user;
    switch (step->step) {
    case ENOS_LIFECYCLE_CONNECTING:
        puts("connecting");
        break;
    case ENOS_LIFECYCLE_ONLINE:
        puts("online");
        break;
    case ENOS_LIFECYCLE_CONNECT_FAILED:
        printf("failed: %s\n", step->error->message);
        break;
    case ENOS_LIFECYCLE_OFFLINE:
        puts("offline");
        break;
    case ENOS_LIFECYCLE_CLOSED:
        puts("closed");
        break;
    default:
        break;
    }
}

int main(int argc, char **argv)
{
    enos_client_t *client = client_of_flags(argc, argv);
    enos_error_t err;

    enos_error_init(&err);
    if (enos_client_on_lifecycle(client, on_lifecycle, NULL, NULL, NULL, &err) == ENOS_OK
        && enos_client_connect(client, 10000, &err) == ENOS_OK)
        enos_client_close(client, 2000, &err);
    enos_client_free(client);
    return err.status == ENOS_OK ? 0 : failed(&err);
}
