/** Measured now: for `time_ms`. */
#define ENOS_TIME_NOW INT64_MIN

/** A text from a string literal, in an initialiser: `{ ENOS_STR("temp"), enos_double(21.5) }`. */
#define ENOS_STR(literal) { "" literal, sizeof("" literal) - 1 }

/** A text from a string literal, as an argument or in an assignment. */
#ifdef __cplusplus
#define ENOS_LIT(literal) (enos_str_t{ "" literal, sizeof("" literal) - 1 })
#else
#define ENOS_LIT(literal) ((enos_str_t)ENOS_STR(literal))
#endif

/** A text for printf: `printf("%.*s", ENOS_ARG(text))`. */
#define ENOS_ARG(text) ((int)(text).len), ((text).ptr != NULL ? (text).ptr : "")

/** A text that ends in NUL; NULL is the empty one. */
static inline enos_str_t enos_str(const char *text)
{
    enos_str_t made;
    made.ptr = text;
    made.len = text != NULL ? strlen(text) : 0;
    return made;
}

/** No value. */
static inline enos_value_t enos_null(void)
{
    enos_value_t made;
    memset(&made, 0, sizeof made);
    made.type = ENOS_TYPE_NULL;
    made.quality = -1;
    return made;
}

/** A whole number. */
static inline enos_value_t enos_int(int64_t value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_INT;
    made.as.i = value;
    return made;
}

/** A double; it must be finite. */
static inline enos_value_t enos_double(double value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_DOUBLE;
    made.as.f = value;
    return made;
}

/** True (any number but 0) or false. */
static inline enos_value_t enos_bool(int value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_BOOL;
    made.as.b = value != 0;
    return made;
}

/** A text; borrowed. */
static inline enos_value_t enos_text(enos_str_t value)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_STR;
    made.as.s = value;
    return made;
}

/** Values in order; borrowed. */
static inline enos_value_t enos_array(const enos_value_t *items, size_t count)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_ARRAY;
    made.as.a.items = items;
    made.as.a.count = count;
    return made;
}

/** Named values in order; borrowed. */
static inline enos_value_t enos_struct(const enos_point_t *fields, size_t count)
{
    enos_value_t made = enos_null();
    made.type = ENOS_TYPE_STRUCT;
    made.as.o.fields = fields;
    made.as.o.count = count;
    return made;
}

/** The same value with a quality, 0 to 255. */
static inline enos_value_t enos_with_quality(enos_value_t value, int quality)
{
    value.quality = quality;
    return value;
}
