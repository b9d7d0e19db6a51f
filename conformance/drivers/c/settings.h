/* `name=value` settings of a client. */
#ifndef SETTINGS_H
#define SETTINGS_H

#include "lines.h"

/* Makes a client of the settings from the word at `at` on. 0: it was answered with an error. */
int settings_client(request *asked, size_t at, enos_client_t **out);

#endif
