/* json_value.c - see json_value.h. */
#include "llm_service/json_value.h"

#include "service/nearest.h"
#include "util/error.h"

#include <string.h>

enum { NEAR = 4 }; /* letters that may be wrong */

const json_t *sn_json_get(const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    return json_is_null(value) ? NULL : value;
}

static const char *nearest_of(const char *key, const char *const *names) {
    const char *nearest = NULL;
    unsigned least = NEAR;
    for (size_t i = 0; names[i]; i++) {
        unsigned distance = sn_word_distance(key, names[i]);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}

static bool is_known(const char *key, const char *const *names) {
    for (size_t i = 0; names[i]; i++)
        if (strcmp(key, names[i]) == 0)
            return true;
    return false;
}

int sn_json_known(const json_t *object, const char *const *names, const char *where,
                  sn_error *err) {
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)object, key, value) {
        if (is_known(key, names))
            continue;
        const char *nearest = nearest_of(key, names);
        sn_fail(err, SN_EINVALID_ARGUMENT, "there is no field %s%.100s", where, key);
        if (nearest)
            sn_hint(err, "did you mean %s%s?", where, nearest);
        return SN_EINVALID_ARGUMENT;
    }
    return 0;
}

int sn_json_not_a(const char *name, const json_t *value, const char *wanted, sn_error *err) {
    static const char *const kinds[] = {
        [JSON_OBJECT] = "an object", [JSON_ARRAY] = "a list",  [JSON_STRING] = "a text",
        [JSON_INTEGER] = "a number", [JSON_REAL] = "a number", [JSON_TRUE] = "true",
        [JSON_FALSE] = "false",      [JSON_NULL] = "null",
    };
    return sn_fail(err, SN_EINVALID_ARGUMENT, "%s is %s; it must be %s", name,
                   kinds[json_typeof(value)], wanted);
}

int sn_json_bytes(const char **out, size_t *bytes, const char *name, const json_t *value,
                  sn_error *err) {
    if (!json_is_string(value))
        return sn_json_not_a(name, value, "a text", err);
    *out = json_string_value(value);
    *bytes = json_string_length(value);
    return 0;
}

int sn_json_take_text(const char **out, const char *name, const json_t *value, sn_error *err) {
    size_t bytes = 0;
    const char *text = NULL;
    int rc = sn_json_bytes(&text, &bytes, name, value, err);
    if (rc == 0 && strlen(text) < bytes)
        return sn_fail(err, SN_EINVALID_ARGUMENT, "%s contains a NUL", name);
    *out = text;
    return rc;
}

/* False: it is none. */
static bool take_whole(json_int_t *out, const json_t *value) {
    const double most = 1LL << 53; /* beyond, a double does not tell what was meant */
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    double real = json_real_value(value);
    if (!(real >= -most && real <= most))
        return false;
    *out = (json_int_t)real;
    return (double)*out == real;
}

int sn_json_whole(uint64_t *out, const char *name, const json_t *value, uint64_t least,
                  uint64_t most, sn_error *err) {
    json_int_t whole;
    if (!json_is_number(value))
        return sn_json_not_a(name, value, "a whole number", err);
    if (!take_whole(&whole, value) || whole < 0 || (uint64_t)whole < least ||
        (uint64_t)whole > most)
        return sn_fail(
            err, SN_EINVALID_ARGUMENT, "%s is %.17g; it must be a whole number from %llu to %llu",
            name, json_number_value(value), (unsigned long long)least, (unsigned long long)most);
    *out = (uint64_t)whole;
    return 0;
}
