/* Values in prefix notation: `i:5`, `f:2.5`, `b:true`, `s:text`, `n`, `a:2` and two values, `o:1` and a name and a value. */
#ifndef VALUES_H
#define VALUES_H

#include "lines.h"

/* Reads one value from the word at `*at` on; 0 if there is none. Memory and texts are the request's. */
int read_value(request *of, size_t *at, enos_value_t *out);
/* Reads points from the word at `at` to the last: identifier, quality or `-`, value. 0 if they are none. */
int read_points(request *of, size_t at, enos_point_t **out, size_t *count);

#endif
