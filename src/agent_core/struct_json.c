/* struct_json.c - see struct_json.h. */
#include "agent_core/struct_json.h"

#include <stdlib.h>
#include <string.h>

#define KIND(name) GOOGLE__PROTOBUF__VALUE__KIND_##name

typedef Google__Protobuf__ListValue list_value;
typedef Google__Protobuf__Struct__FieldsEntry entry;

/* ---- reading ---- */

bool sn_bytes_are(const ProtobufCBinaryData *bytes, const char *text) {
    size_t length = strlen(text);
    return bytes->len == length && (length == 0 || memcmp(bytes->data, text, length) == 0);
}

const sn_value *sn_struct_get(const sn_struct *object, const char *name) {
    for (size_t i = object ? object->n_fields : 0; i > 0; i--) {
        const entry *field = object->fields[i - 1];
        if (!sn_bytes_are(&field->key, name))
            continue;
        const sn_value *value = field->value;
        return value && value->kind_case != KIND(NULL_VALUE) &&
                       value->kind_case != GOOGLE__PROTOBUF__VALUE__KIND__NOT_SET
                   ? value
                   : NULL;
    }
    return NULL;
}

/* ---- making ---- */

static bool copy(ProtobufCBinaryData *out, const char *text, size_t bytes) {
    *out = (ProtobufCBinaryData){bytes, malloc(bytes + 1)};
    if (out->data)
        memcpy(out->data, text, bytes);
    return out->data != NULL;
}

static entry *make_entry(const char *key, const json_t *json) {
    entry *made = malloc(sizeof *made);
    if (!made)
        return NULL;
    google__protobuf__struct__fields_entry__init(made);
    made->value = sn_value_of_json(json);
    if (copy(&made->key, key, strlen(key)) && made->value)
        return made;
    protobuf_c_message_free_unpacked(&made->base, NULL);
    return NULL;
}

sn_struct *sn_struct_of_json(const json_t *json) {
    const char *key;
    json_t *value;
    sn_struct *made = json_is_object(json) ? malloc(sizeof *made) : NULL;
    if (!made)
        return NULL;
    google__protobuf__struct__init(made);
    made->fields = calloc(json_object_size(json) + 1, sizeof *made->fields);
    bool ok = made->fields;
    json_object_foreach ((json_t *)json, key, value) {
        ok = ok && (made->fields[made->n_fields] = make_entry(key, value));
        made->n_fields += ok;
    }
    if (ok)
        return made;
    google__protobuf__struct__free_unpacked(made, NULL);
    return NULL;
}

static list_value *list_of_json(const json_t *json) {
    list_value *made = malloc(sizeof *made);
    if (!made)
        return NULL;
    google__protobuf__list_value__init(made);
    made->values = calloc(json_array_size(json) + 1, sizeof(sn_value *));
    bool ok = made->values;
    for (size_t i = 0; ok && i < json_array_size(json); i++) {
        ok = (made->values[i] = sn_value_of_json(json_array_get(json, i)));
        made->n_values += ok;
    }
    if (ok)
        return made;
    google__protobuf__list_value__free_unpacked(made, NULL);
    return NULL;
}

/* False: no memory; the value can be freed. */
static bool fill(sn_value *value, const json_t *json) {
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        value->struct_value = sn_struct_of_json(json);
        value->kind_case = KIND(STRUCT_VALUE);
        return value->struct_value;
    case JSON_ARRAY:
        value->list_value = list_of_json(json);
        value->kind_case = KIND(LIST_VALUE);
        return value->list_value;
    case JSON_STRING:
        value->kind_case = KIND(STRING_VALUE);
        return copy(&value->string_value, json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
    case JSON_REAL:
        value->number_value = json_number_value(json);
        value->kind_case = KIND(NUMBER_VALUE);
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        value->bool_value = json_is_true(json);
        value->kind_case = KIND(BOOL_VALUE);
        return true;
    case JSON_NULL:
        value->kind_case = KIND(NULL_VALUE);
        return true;
    }
    return false;
}

sn_value *sn_value_of_json(const json_t *json) {
    sn_value *made = json ? malloc(sizeof *made) : NULL;
    if (!made)
        return NULL;
    google__protobuf__value__init(made);
    if (fill(made, json))
        return made;
    google__protobuf__value__free_unpacked(made, NULL);
    return NULL;
}
