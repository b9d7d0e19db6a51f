/* Verbs that need no client: signatures, topics, values, tables. */
#ifndef PURE_H
#define PURE_H

#include "lines.h"

/* Answers a verb of this file; 0 if it is none. */
int pure_perform(request *asked);

#endif
