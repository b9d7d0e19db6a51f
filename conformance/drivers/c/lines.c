#define _POSIX_C_SOURCE 200809L

#include "lines.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

/* A piece of memory of a request. */
struct room {
    struct room *next;
    double aligned[1];
};

static pthread_mutex_t output = PTHREAD_MUTEX_INITIALIZER;

static void end(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

void *need(size_t size)
{
    void *made = calloc(1, size > 0 ? size : 1);
    if (made == NULL) end("no memory");
    return made;
}

void *request_room(request *of, size_t size)
{
    struct room *made = (struct room *)need(sizeof(struct room) + size);
    made->next = of->rooms;
    of->rooms = made;
    return made->aligned;
}

void request_free(request *of)
{
    while (of->rooms != NULL) {
        struct room *next = of->rooms->next;
        free(of->rooms);
        of->rooms = next;
    }
    free(of);
}

static int digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    end("no hexadecimal digit behind %");
    return 0;
}

/* Decodes words in their place, each with a NUL behind it: a word is never longer than it was. */
static void split(request *it, char *bytes, size_t length)
{
    size_t from, to = 0, at = 0;

    for (from = 0; from < length; from++) it->count += bytes[from] == '\t';
    it->count++;
    it->words = (enos_str_t *)request_room(it, it->count * sizeof *it->words);
    it->words[0].ptr = bytes;
    for (from = 0; from < length; from++) {
        if (bytes[from] == '\t') {
            bytes[to++] = '\0';
            it->words[++at].ptr = bytes + to;
        } else if (bytes[from] == '%' && from + 2 < length) {
            bytes[to++] = (char)(digit(bytes[from + 1]) * 16 + digit(bytes[from + 2]));
            it->words[at].len++;
            from += 2;
        } else {
            bytes[to++] = bytes[from];
            it->words[at].len++;
        }
    }
    bytes[to] = '\0';
}

request *request_read(void)
{
    char *bytes = NULL, *own;
    size_t capacity = 0;
    ssize_t length = getline(&bytes, &capacity, stdin);
    request *it;

    if (length <= 0) {
        free(bytes);
        return NULL;
    }
    if (bytes[length - 1] == '\n') length--;
    it = (request *)need(sizeof *it);
    own = (char *)request_room(it, (size_t)length + 1);
    memcpy(own, bytes, (size_t)length);
    free(bytes);
    split(it, own, (size_t)length);
    if (it->words[0].len == 0) end("a request has an id");
    return it;
}

enos_str_t word(const request *of, size_t at)
{
    return at < of->count ? of->words[at] : enos_str("");
}

int is(enos_str_t text, const char *wanted)
{
    return text.len == strlen(wanted) && memcmp(text.ptr, wanted, text.len) == 0;
}

int read_i64(enos_str_t text, int64_t *out)
{
    char *behind = NULL;
    intmax_t number;

    errno = 0;
    number = strtoimax(text.ptr, &behind, 10);
    *out = number;
    return text.len > 0 && behind == text.ptr + text.len && errno == 0 && number >= INT64_MIN && number <= INT64_MAX;
}

int read_u32(enos_str_t text, uint32_t *out)
{
    int64_t number;
    if (!read_i64(text, &number) || number < 0 || number > (int64_t)UINT32_MAX) return 0;
    *out = (uint32_t)number;
    return 1;
}

int read_bool(enos_str_t text, int *out)
{
    *out = is(text, "true");
    return *out || is(text, "false");
}

static void add(line *to, const char *bytes, size_t count)
{
    if (to->length + count > to->capacity) {
        to->capacity = (to->length + count) * 2;
        to->bytes = (char *)realloc(to->bytes, to->capacity);
        if (to->bytes == NULL) end("no memory");
    }
    memcpy(to->bytes + to->length, bytes, count);
    to->length += count;
}

line line_begin(enos_str_t first)
{
    line made = { NULL, 0, 0 };
    add(&made, first.ptr, first.len);
    return made;
}

void line_word(line *to, enos_str_t text)
{
    size_t at;

    add(to, "\t", 1);
    for (at = 0; at < text.len; at++) {
        char coded[8];
        if (strchr("%\t\n\r", text.ptr[at]) != NULL && text.ptr[at] != '\0') {
            snprintf(coded, sizeof coded, "%%%02X", (unsigned char)text.ptr[at]);
            add(to, coded, 3);
        } else {
            add(to, text.ptr + at, 1);
        }
    }
}

void line_number(line *to, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    line_word(to, enos_str(text));
}

void line_digits(line *to, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, number);
    add(to, text, strlen(text));
}

void line_error(line *to, const enos_error_t *error)
{
    line_number(to, error->status);
    line_number(to, error->hub_code);
    line_word(to, enos_str(error->retryable ? "true" : "false"));
    line_word(to, enos_str(error->message));
}

void line_end(line *it)
{
    add(it, "\n", 1);
    pthread_mutex_lock(&output);
    /* If nobody reads any more, the end of the input follows. */
    if (fwrite(it->bytes, 1, it->length, stdout) == it->length) fflush(stdout);
    pthread_mutex_unlock(&output);
    free(it->bytes);
}

void line_drop(line *it)
{
    free(it->bytes);
}

static line answer(const request *to, const char *how)
{
    line made = line_begin(to->words[0]);
    line_word(&made, enos_str(how));
    return made;
}

void answer_done(const request *to)
{
    line made = answer(to, "ok");
    line_end(&made);
}

void answer_text(const request *to, enos_str_t result)
{
    line made = answer(to, "ok");
    line_word(&made, result);
    line_end(&made);
}

void answer_error(const request *to, const enos_error_t *error)
{
    line made = answer(to, "err");
    line_error(&made, error);
    line_end(&made);
}

void answer_misuse(const request *to, const char *why)
{
    enos_error_t error;

    enos_error_init(&error);
    enos_error_set(&error, ENOS_ERR_INTERNAL, enos_str(why));
    answer_error(to, &error);
}

void answer_status(const request *to, enos_status_t status, const enos_error_t *error)
{
    if (status == ENOS_OK) answer_done(to);
    else answer_error(to, error);
}
