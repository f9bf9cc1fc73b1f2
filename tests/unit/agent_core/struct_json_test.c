/* struct_json_test.c - JSON as messages, and how fields are found in them. */
#include "test.h"

#include "agent_core/struct_json.h"

#include <string.h>

#define KIND(name) GOOGLE__PROTOBUF__VALUE__KIND_##name

static sn_value *value_of(const char *text) {
    json_t *json = json_loads(text, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    assert_non_null(json);
    sn_value *made = sn_value_of_json(json);
    assert_non_null(made);
    json_decref(json);
    return made;
}

static void drop(sn_value *value) {
    google__protobuf__value__free_unpacked(value, NULL);
}

static const sn_value *get(const sn_value *value, const char *name) {
    assert_int_equal(value->kind_case, KIND(STRUCT_VALUE));
    return sn_struct_get(value->struct_value, name);
}

static void all_kinds(void **state) {
    (void)state;
    sn_value *v =
        value_of("{\"text\": \"a\\u0000\\u00e9\", \"int\": -3, \"real\": 2.5, \"yes\": true, "
                 "\"no\": false, \"list\": [1, \"x\", []], \"object\": {\"a\": {}}, "
                 "\"empty\": \"\"}");
    assert_int_equal(get(v, "text")->string_value.len, 4);
    assert_memory_equal(get(v, "text")->string_value.data, "a\0\xC3\xA9", 4);
    assert_true(get(v, "int")->number_value == -3);
    assert_true(get(v, "real")->number_value == 2.5);
    assert_int_equal(get(v, "yes")->kind_case, KIND(BOOL_VALUE));
    assert_true(get(v, "yes")->bool_value && !get(v, "no")->bool_value);
    assert_int_equal(get(v, "list")->list_value->n_values, 3);
    assert_int_equal(get(v, "list")->list_value->values[2]->list_value->n_values, 0);
    assert_int_equal(get(get(v, "object"), "a")->struct_value->n_fields, 0);
    assert_int_equal(get(v, "empty")->string_value.len, 0);
    assert_null(get(v, "tex"));
    assert_null(get(v, "texts"));
    assert_null(get(v, ""));
    drop(v);
}

static void what_is_null_is_not_there(void **state) {
    (void)state;
    sn_value *v = value_of("{\"a\": null}");
    assert_int_equal(v->struct_value->fields[0]->value->kind_case, KIND(NULL_VALUE));
    assert_null(get(v, "a"));
    assert_null(sn_struct_get(NULL, "a"));
    drop(v);
    assert_null(sn_value_of_json(NULL));
    assert_null(sn_struct_of_json(NULL));
}

/* As it would be on the wire. */
static void messages_are_whole(void **state) {
    (void)state;
    sn_value *v = value_of("{\"a\": [1, null, {\"b\": \"\\u20ac\"}]}");
    uint8_t data[256];
    size_t bytes = google__protobuf__value__get_packed_size(v);
    assert_in_range(bytes, 1, sizeof data);
    google__protobuf__value__pack(v, data);
    sn_value *again = google__protobuf__value__unpack(NULL, bytes, data);
    assert_non_null(again);
    const Google__Protobuf__ListValue *list = get(again, "a")->list_value;
    assert_int_equal(list->n_values, 3);
    assert_int_equal(list->values[1]->kind_case, KIND(NULL_VALUE));
    assert_true(sn_bytes_are(&get(list->values[2], "b")->string_value, "\xE2\x82\xAC"));
    drop(again);
    drop(v);
}

static void the_last_one_counts(void **state) {
    (void)state;
    static const char twice[] =
        "\x0a\x07\x0a\x01k\x12\x02\x20\x00\x0a\x07\x0a\x01k\x12\x02\x20\x01";
    sn_struct *object =
        google__protobuf__struct__unpack(NULL, sizeof twice - 1, (const uint8_t *)twice);
    assert_non_null(object);
    assert_int_equal(object->n_fields, 2);
    assert_true(sn_struct_get(object, "k")->bool_value);
    google__protobuf__struct__free_unpacked(object, NULL);
    /* Entries without a key, or without a value. */
    object =
        google__protobuf__struct__unpack(NULL, 7, (const uint8_t *)"\x0a\x00\x0a\x03\x0a\x01k");
    assert_non_null(object);
    assert_null(sn_struct_get(object, "k"));
    assert_null(sn_struct_get(object, ""));
    google__protobuf__struct__free_unpacked(object, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds),
        cmocka_unit_test(what_is_null_is_not_there),
        cmocka_unit_test(messages_are_whole),
        cmocka_unit_test(the_last_one_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
