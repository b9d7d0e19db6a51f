/* What the examples share: command-line flags, the same in every language. */
#ifndef FLAGS_H
#define FLAGS_H

#include <enos.h>

/* A client for the device that the flags name. On `--help`, on a flag that does not exist and on what is wrong with a
 * value it says so and ends the program. */
enos_client_t *client_of_flags(int argc, char **argv);

/* A configuration for that device, of which a client can be made; it refers to the command line. */
void config_of_flags(int argc, char **argv, enos_config_t *cfg);

/* Tells an error that ends the program; its exit code. */
int failed(const enos_error_t *err);

#endif
