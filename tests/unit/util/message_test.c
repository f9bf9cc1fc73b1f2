/* message_test.c - messages as no honest client writes them. */
#include "test.h"

#include "struct.pb-c.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/message.h"

#include <stdlib.h>
#include <string.h>

enum { VALUE_LIST = 6 << 3 | 2, LIST_VALUES = 1 << 3 | 2, VALUE_BOOL = 4 << 3, MANY = 1000000 };

#define VALUE (&google__protobuf__value__descriptor)
#define STRUCT (&google__protobuf__struct__descriptor)
#define LIST (&google__protobuf__list_value__descriptor)

static sn_error error;

static bool is_good(const ProtobufCMessageDescriptor *type, const void *data, size_t bytes) {
    error = (sn_error)SN_ERROR_INIT;
    int rc = sn_message_check(type, data, bytes, MANY, &error);
    assert_int_equal(rc, error.code);
    void *message = sn_message_unpack(type, data, bytes, MANY, &error);
    assert_int_equal(!message, error.code < 0);
    protobuf_c_message_free_unpacked(message, NULL);
    return message != NULL;
}

static bool is_good_text(const ProtobufCMessageDescriptor *type, const char *data, size_t bytes) {
    sn_auto_free char *exact = malloc(bytes + 1); /* a reader beyond its end is found out */
    assert_non_null(exact);
    char *at = exact + 1;
    memcpy(at, data, bytes);
    return is_good(type, at, bytes);
}

#define GOOD(type, text) assert_true(is_good_text(type, text, sizeof(text) - 1))
#define BAD(type, text, why)                                                                       \
    do {                                                                                           \
        assert_false(is_good_text(type, text, sizeof(text) - 1));                                  \
        assert_int_equal(error.code, SN_EINVALID_ARGUMENT);                                        \
        assert_non_null(strstr(error.message, why));                                               \
    } while (0)

/* ---- nesting ---- */

/* Writes from the end to the beginning. */
typedef struct backwards {
    uint8_t *memory, *at, *end;
} backwards;

static void wrap(backwards *b, uint8_t tag) {
    size_t bytes = (size_t)(b->end - b->at);
    uint8_t length[10];
    size_t count = 0;
    do
        length[count++] = (uint8_t)((bytes & 0x7F) | (bytes > 0x7F ? 0x80 : 0));
    while (bytes >>= 7);
    b->at -= count;
    memcpy(b->at, length, count);
    *--b->at = tag;
}

/* A value of lists in lists: `depth` messages below the root. */
static backwards nested(unsigned depth) {
    size_t most = (size_t)depth * 8 + 16;
    backwards b = {malloc(most), NULL, NULL};
    assert_non_null(b.memory);
    b.at = b.end = b.memory + most;
    for (unsigned i = depth; i > 0; i--)
        wrap(&b, i % 2 ? VALUE_LIST : LIST_VALUES);
    return b;
}

static bool is_good_nested(unsigned depth) {
    backwards b = nested(depth);
    bool good = is_good(VALUE, b.at, (size_t)(b.end - b.at));
    free(b.memory);
    return good;
}

static void nesting_has_an_end(void **state) {
    (void)state;
    assert_true(is_good_nested(1));
    assert_true(is_good_nested(2));
    assert_true(is_good_nested(SN_MESSAGE_DEPTH));
    assert_false(is_good_nested(SN_MESSAGE_DEPTH + 1));
    assert_non_null(strstr(error.message, "nested too deeply"));
    assert_false(is_good_nested(10000));
    assert_non_null(strstr(error.message, "nested too deeply"));
    assert_false(is_good_nested(MANY));
}

/* ---- amounts ---- */

static bool is_good_list(size_t count) {
    sn_auto_free uint8_t *data = calloc(count + 1, 2);
    assert_non_null(data);
    for (size_t i = 0; i < count; i++)
        data[2 * i] = LIST_VALUES; /* of no bytes */
    return is_good(LIST, data, 2 * count);
}

static void amounts_have_an_end(void **state) {
    (void)state;
    assert_true(is_good_list(100));
    assert_true(is_good_list(MANY));
    assert_false(is_good_list(MANY + 1));
    assert_non_null(strstr(error.message, "too many fields"));
    assert_int_equal(sn_message_check(LIST, "\x0a\0\x0a\0", 4, 1, NULL), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_message_check(LIST, "\x0a\0\x0a\0", 4, 2, NULL), 0);
}

/* Each unknown field of two bytes takes a hundred in memory. */
static void memory_has_an_end(void **state) {
    (void)state;
    enum { FIELDS = 6000000 };
    sn_auto_free uint8_t *data = malloc(2 * FIELDS);
    sn_error err = SN_ERROR_INIT;
    assert_non_null(data);
    for (size_t i = 0; i < FIELDS; i++) {
        data[2 * i] = 15 << 3;
        data[2 * i + 1] = 1;
    }
    assert_int_equal(sn_message_check(LIST, data, 2 * FIELDS, FIELDS, &err), 0);
    assert_null(sn_message_unpack(LIST, data, 2 * FIELDS, FIELDS, &err));
    assert_int_equal(err.code, SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "256 MiB"));
}

/* What a client may well send: many small values. */
static void small_values_have_room(void **state) {
    (void)state;
    enum { BYTES_EACH = 4 };
    static const uint8_t each[BYTES_EACH] = {LIST_VALUES, 2, VALUE_BOOL, 1};
    for (size_t count = 1; count <= MANY / 2; count *= 7) {
        sn_auto_free uint8_t *data = malloc(count * BYTES_EACH);
        assert_non_null(data);
        for (size_t i = 0; i < count; i++)
            memcpy(data + i * BYTES_EACH, each, BYTES_EACH);
        assert_true(is_good(LIST, data, count * BYTES_EACH));
    }
}

/* ---- damage ---- */

static void damage_is_found(void **state) {
    (void)state;
    GOOD(VALUE, "");
    GOOD(VALUE, "\x1a\3abc");
    GOOD(VALUE, "\x11........");
    GOOD(VALUE, "\xfa\xff\xff\xff\x0f\3abc"); /* field 2^29 - 1, which is unknown */
    GOOD(VALUE, "\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01");
    BAD(VALUE, "\x1a\4abc", "cut short");
    BAD(VALUE, "\x1a", "damaged");
    BAD(VALUE, "\x1a\x80", "damaged");
    BAD(VALUE, "\x1a\xff\xff\xff\xff\x7f", "cut short");
    BAD(VALUE, "\x1a\xff\xff\xff\xff\xff\x01", "damaged");
    BAD(VALUE, "\x80", "damaged");
    BAD(VALUE, "\x80\x80\x80\x80\x80\x01", "damaged");
    BAD(VALUE, "\x00", "damaged");
    BAD(VALUE, "\x02\x00", "damaged");
    BAD(VALUE, "\x11.......", "damaged");
    BAD(VALUE, "\x2d...", "another type");
    BAD(VALUE, "\x7d...", "damaged");
    BAD(VALUE, "\x20\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", "damaged");
    BAD(VALUE, "\x0b", "unknown kind");
    BAD(VALUE, "\x0f", "unknown kind");
    BAD(VALUE, "\x30\x01", "another type"); /* list_value as a number */
    BAD(VALUE, "\x18\x01", "another type"); /* string_value, which protobuf-c looks at */
    BAD(VALUE, "\x32\x04\x0a\x03\x1a\x02", "cut short");
}

/* They would be joined, in quadratic time. */
static void a_submessage_is_there_once(void **state) {
    (void)state;
    BAD(VALUE, "\x32\x00\x32\x00", "there twice");
    GOOD(VALUE, "\x32\x00\x2a\x00");
    GOOD(STRUCT, "\x0a\x00\x0a\x00");
    BAD(STRUCT, "\x0a\x04\x12\x00\x12\x00", "there twice");
    GOOD(STRUCT, "\x0a\x02\x12\x00\x0a\x02\x12\x00");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nesting_has_an_end), cmocka_unit_test(amounts_have_an_end),
        cmocka_unit_test(memory_has_an_end),  cmocka_unit_test(small_values_have_room),
        cmocka_unit_test(damage_is_found),    cmocka_unit_test(a_submessage_is_there_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
