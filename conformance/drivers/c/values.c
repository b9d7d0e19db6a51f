#include "values.h"

#include <stdlib.h>

static int read_items(request *of, size_t *at, uint32_t count, enos_value_t *out)
{
    enos_value_t *items = (enos_value_t *)request_room(of, count * sizeof *items);
    uint32_t i;

    for (i = 0; i < count; i++)
        if (!read_value(of, at, &items[i])) return 0;
    *out = enos_array(items, count);
    return 1;
}

static int read_fields(request *of, size_t *at, uint32_t count, enos_value_t *out)
{
    enos_point_t *fields = (enos_point_t *)request_room(of, count * sizeof *fields);
    uint32_t i;

    for (i = 0; i < count; i++) {
        fields[i].id = word(of, (*at)++);
        if (!read_value(of, at, &fields[i].value)) return 0;
    }
    *out = enos_struct(fields, count);
    return 1;
}

static int read_double(enos_str_t text, enos_value_t *out)
{
    char *behind = NULL;
    *out = enos_double(strtod(text.ptr, &behind));
    return text.len > 0 && behind == text.ptr + text.len;
}

int read_value(request *of, size_t *at, enos_value_t *out)
{
    enos_str_t text;
    int64_t number;
    uint32_t count;
    int truth;

    if (*at >= of->count) return 0;
    text = of->words[(*at)++];
    *out = enos_null();
    if (is(text, "n")) return 1;
    if (text.len < 2 || text.ptr[1] != ':') return 0;
    text.ptr += 2;
    text.len -= 2;
    switch (text.ptr[-2]) {
    case 'i':
        if (!read_i64(text, &number)) return 0;
        *out = enos_int(number);
        return 1;
    case 'f':
        return read_double(text, out);
    case 'b':
        if (!read_bool(text, &truth)) return 0;
        *out = enos_bool(truth);
        return 1;
    case 's':
        *out = enos_text(text);
        return 1;
    case 'a':
        return read_u32(text, &count) && count <= of->count && read_items(of, at, count, out);
    case 'o':
        return read_u32(text, &count) && count <= of->count && read_fields(of, at, count, out);
    default:
        return 0;
    }
}

int read_points(request *of, size_t at, enos_point_t **out, size_t *count)
{
    enos_point_t *points = (enos_point_t *)request_room(of, of->count * sizeof *points);

    for (*count = 0; at < of->count; ++*count) {
        enos_point_t *point = &points[*count];
        enos_str_t quality = word(of, at + 1);
        int64_t number = -1;

        point->id = word(of, at);
        if (!is(quality, "-") && (!read_i64(quality, &number) || number < 0 || number > INT32_MAX)) return 0;
        at += 2;
        if (!read_value(of, &at, &point->value)) return 0;
        point->value = enos_with_quality(point->value, (int)number);
    }
    *out = points;
    return 1;
}
