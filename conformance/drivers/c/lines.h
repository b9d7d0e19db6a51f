/* Lines: words between tabs, %XX for what a line may not hold as it is (`drivers/README.md`). */
#ifndef LINES_H
#define LINES_H

#include <enos.h>

/* A request as it came. Its words, and all memory that `request_room` gave, go with it. */
typedef struct request {
    enos_str_t *words; /* The first is its id. */
    size_t count;
    struct room *rooms;
} request;

/* Memory; the driver ends where there is none. */
void *need(size_t size);

/* The next request of standard input; NULL at its end. The driver ends where a line is none. */
request *request_read(void);
/* Memory that lives as long as the request. */
void *request_room(request *of, size_t size);
void request_free(request *of);

/* The word at this place, the id being 0; the empty text if there are fewer. Ends in NUL. */
enos_str_t word(const request *of, size_t at);
int is(enos_str_t text, const char *wanted);
/* Whole numbers and truth; 0 if the word is none. */
int read_i64(enos_str_t text, int64_t *out);
int read_u32(enos_str_t text, uint32_t *out);
int read_bool(enos_str_t text, int *out);

/* A line that grows; `line_end` writes it to standard output, whole, and frees it. */
typedef struct line {
    char *bytes;
    size_t length, capacity;
} line;

line line_begin(enos_str_t first);
void line_word(line *to, enos_str_t text);
void line_number(line *to, int64_t number);
/* Goes on with the last word. */
void line_digits(line *to, uint64_t number);
/* `err`, and the four words of an error. */
void line_error(line *to, const enos_error_t *error);
void line_end(line *it);
/* Frees it unwritten. */
void line_drop(line *it);

/* Answers: `ok` without results, `ok` with one, the SDK's error, and a request that the protocol does not know. */
void answer_done(const request *to);
void answer_text(const request *to, enos_str_t result);
void answer_error(const request *to, const enos_error_t *error);
void answer_misuse(const request *to, const char *why);
/* How a call ended that gives nothing. */
void answer_status(const request *to, enos_status_t status, const enos_error_t *error);

#endif
