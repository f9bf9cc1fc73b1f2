/* module_test.c - what the parser takes, what it refuses, and in which words. */
#include "guests.h"

#include "wasm/canonical.h"
#include "wasm/module.h"

#include <string.h>

/* Parses and frees; the message if it is refused, "" if not. Valid until the next call. */
static const char *verdict(const void *data, size_t bytes) {
    static sn_error err;
    err = (sn_error)SN_ERROR_INIT;
    sn_module module;
    int rc = sn_module_parse(&module, data, bytes, &err);
    sn_module_free(&module);
    assert_int_equal(rc, err.code);
    assert_true(rc == 0 || rc == SN_EINVALID_ARGUMENT);
    assert_int_equal(rc < 0, err.message[0] != '\0');
    return err.message;
}

static const char *verdict_wat(const char *wat) {
    size_t bytes;
    sn_auto_free uint8_t *data = guests_binary(&bytes, wat);
    return verdict(data, bytes);
}

static void expect(const char *message, const char *part) {
    if (!strstr(message, part))
        fail_msg("\"%s\" does not say \"%s\"", message, part);
}

/* The header and one section. */
static const char *verdict_section(uint8_t id, const char *content, size_t bytes) {
    uint8_t data[512] = "\0asm\1\0\0\0";
    assert_true(bytes < 128);
    data[8] = id;
    data[9] = (uint8_t)bytes;
    memcpy(data + 10, content, bytes);
    return verdict(data, 10 + bytes);
}
#define SECTION(id, content) verdict_section(id, content, sizeof(content) - 1)

static const char everything[] =
    "(module (type $t (func (param i32 i64) (result f64)))"
    " (import \"host\" \"mix\" (func $mix (param i32 i64 f32 f64) (result f64)))"
    " (import \"host\" \"exit\" (func $exit (param i32)))"
    " (func $start) (start $start)"
    " (func (export \"f\") (param i32) (result i32) local.get 0)"
    " (table (export \"t\") 3 9 funcref) (memory (export \"m\") 2 5)"
    " (global (export \"__stack_pointer\") (mut i32) (i32.const 7)) (global f64 (f64.const 1.5))"
    " (global i64 (i64.const -9223372036854775808))"
    " (elem (i32.const 1) $exit $start) (elem func $start)"
    " (data (i32.const 100) \"placed\") (data \"passive\"))";

static void modules_are_read_whole(void **state) {
    (void)state;
    size_t bytes;
    sn_auto_free uint8_t *data = guests_binary(&bytes, everything);
    sn_module m;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_module_parse(&m, data, bytes, &err), 0);
    assert_int_equal(m.imports_count, 2);
    assert_string_equal(m.imports[0].module, "host");
    assert_string_equal(m.imports[0].name, "mix");
    assert_string_equal(m.types[m.imports[0].type], "iIfF:F");
    assert_int_equal(m.functions_count, 4);
    assert_string_equal(m.types[m.functions[3]], "i:i");
    assert_true(m.has_start);
    assert_int_equal(m.start, 2);
    assert_int_equal(m.tables_count, 1);
    assert_int_equal(m.tables[0].min, 3);
    assert_int_equal(m.tables[0].max, 9);
    assert_int_equal(m.memories[0].min_pages, 2);
    assert_int_equal(m.memories[0].max_pages, 5);
    assert_int_equal(m.globals_count, 3);
    assert_true(m.globals[0].is_mutable);
    assert_int_equal(m.globals[2].type, 'I');
    assert_int_equal(m.exports_count, 4);
    assert_string_equal(m.exports[3].name, "__stack_pointer");
    assert_int_equal(m.exports[3].kind, SN_EXTERN_GLOBAL);
    assert_int_equal(m.elements_count, 1);
    assert_int_equal(m.other_elements, 1);
    assert_int_equal(m.elements[0].at, 1);
    assert_int_equal(m.elements[0].functions[1], 2);
    assert_int_equal(m.segments_count, 2);
    assert_int_equal(m.segments[0].at, 100);
    assert_memory_equal(m.segments[0].data, "placed", 6);
    assert_true(m.segments[1].passive);
    sn_module_free(&m);
}

static void every_shortened_module_is_refused(void **state) {
    (void)state;
    size_t bytes;
    sn_auto_free uint8_t *data = guests_binary(&bytes, everything);
    size_t taken = 0;
    for (size_t i = 0; i < bytes; i++) {
        sn_auto_free uint8_t *copy = malloc(i + 1); /* so that reading on is an error */
        memcpy(copy, data, i);
        taken += verdict(copy, i)[0] == '\0';
    }
    assert_in_range(taken, 1, 4); /* the header alone, and where the code section is not missed */
}

static void no_changed_byte_is_fatal(void **state) {
    (void)state;
    size_t bytes;
    sn_auto_free uint8_t *data = guests_binary(&bytes, everything);
    static const uint8_t changes[] = {0x01, 0x80, 0xff, 0x7f};
    for (size_t i = 8; i < bytes; i++)
        for (size_t k = 0; k < sizeof changes; k++) {
            data[i] ^= changes[k];
            verdict(data, bytes);
            data[i] ^= changes[k];
        }
}

static void other_files_are_told_apart(void **state) {
    (void)state;
    expect(verdict("", 0), "it has 0 bytes");
    expect(verdict("\0as", 3), "it has 3 bytes");
    expect(verdict("\177ELF\2\1\1\0\0", 9), "does not begin with");
    expect(verdict("\0asm\x0d\0\1\0", 8), "component");
    expect(verdict("\0asm\2\0\0\0", 8), "version 02 00 00 00");
    expect(verdict("  (module)", 10), "text format");
    expect(verdict(";; a note\n(module)", 18), "text format");
    assert_string_equal(verdict("\0asm\1\0\0\0", 8), "");
}

static void names_are_safe_or_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "\\2a/ int x; /\\2a", "a b", "a\\22b", "a\\5cb", "a\\0ab", "a\\00b",
        "\\c3\\a4",           "a?b", "%s",     "a*b"};
    for (size_t i = 0; i < SN_COUNT(bad); i++) {
        sn_auto_free char *as_export = sn_format("(module (memory (export \"%s\") 1))", bad[i]);
        expect(verdict_wat(as_export), "export section");
        expect(verdict_wat(as_export), "an export's name with an unsafe character");
        sn_auto_free char *as_import =
            sn_format("(module (import \"host\" \"%s\" (func)))", bad[i]);
        expect(verdict_wat(as_import), "an import's name with an unsafe character");
        sn_auto_free char *as_module =
            sn_format("(module (import \"%s\" \"exit\" (func)))", bad[i]);
        expect(verdict_wat(as_module), "an import's module name with an unsafe character");
    }
    assert_string_equal(verdict_wat("(module (memory (export \"aZ09_.$-:/#@+\") 1))"), "");
    assert_string_equal(verdict_wat("(module (memory (export \"\") 1))"), "");
    sn_auto_free char *long_name = sn_format("(module (memory (export \"%0600d\") 1))", 7);
    expect(verdict_wat(long_name), "600 bytes; 512 are allowed");
}

/* What wasm2c would print is what this lets through: nothing of the module's names. */
static void names_do_not_reach_the_translator(void **state) {
    (void)state;
    static const char wat[] =
        "(module $Module (import \"WASI\" \"Import\" (func $Local)) (memory (export \"Memory\") 1)"
        " (func $Function (export \"Export\")) (export \"Again\" (func $Function))"
        " (data (i32.const 0) \"Content\"))";
    size_t bytes;
    sn_auto_free uint8_t *data = guests_binary(&bytes, wat);
    sn_module m;
    sn_error err = SN_ERROR_INIT;
    sn_buffer out = {0};
    assert_int_equal(sn_module_parse(&m, data, bytes, &err), 0);
    assert_int_equal(sn_canonical_write(&out, &m, &err), 0);
    static const char *const words[] = {"Module", "WASI",  "Import",   "Local",  "Memory",
                                        "Export", "Again", "Function", "Content"};
    for (size_t i = 0; i < SN_COUNT(words); i++)
        assert_null(memmem(out.data, out.bytes, words[i], strlen(words[i])));
    assert_non_null(memmem(out.data, out.bytes,
                           "\x02"
                           "f1",
                           3)); /* the export, once */
    assert_string_equal(verdict(out.data, out.bytes), "");
    sn_buffer_free(&out);
    sn_module_free(&m);
}

static void doubles_are_refused(void **state) {
    (void)state;
    expect(verdict_wat("(module (memory (export \"m\") 1) (func (export \"m\")))"),
           "exports m twice");
    expect(verdict("\0asm\1\0\0\0\1\1\0\1\1\0", 14), "type section (byte 14): comes twice");
    expect(verdict("\0asm\1\0\0\0\3\1\0\1\1\0", 14), "comes twice or too late");
}

static void what_is_not_supported_is_named(void **state) {
    (void)state;
    expect(verdict_wat("(module (import \"e\" \"m\" (memory 1)))"), "imports the memory e.m");
    expect(verdict_wat("(module (import \"e\" \"t\" (table 1 funcref)))"), "imports the table e.t");
    expect(verdict_wat("(module (import \"e\" \"g\" (global i32)))"), "imports the global e.g");
    expect(verdict_wat("(module (import \"e\" \"f\" (func (result i32 i32))))"),
           "at most one result");
    expect(verdict_wat("(module (import \"e\" \"f\" (func (param externref))))"),
           "supports numbers");
    expect(verdict_wat("(module (memory i64 1))"), "64-bit memory");
    expect(verdict_wat("(module (memory 1 2 shared))"), "shared memory");
    expect(verdict_wat("(module (func (param v128)))"), "vectors (v128)");
    expect(verdict_wat("(module (tag (param i32)))"), "exceptions");
    expect(verdict_wat("(module (memory 1) (global i32 (i32.const 4))"
                       " (data (offset (global.get 0)) \"x\"))"),
           "not an i32.const");
    expect(verdict_wat("(module (import \"host\" \"f\" (func $f)) (start $f))"),
           "imported function");
}

static void numbers_are_bounded(void **state) {
    (void)state;
    expect(SECTION(1, "\xff\xff\xff\xff\x0f"), "announces 4294967295 types");
    expect(SECTION(1, "\xff\xff\xff\xff\x1f"), "more than 32 bits");
    expect(SECTION(1, "\x80\x80\x80\x80\x80\x00"), "more than 32 bits");
    expect(SECTION(1, "\x80"), "ends inside a number");
    expect(SECTION(1, "\x01\x60\x7f\x00"), "announces 127 values");
    expect(SECTION(1, "\x01\x61\x00\x00"), "unknown form 0x61");
    expect(SECTION(1, "\x00\x00"), "1 bytes too many");
    expect(SECTION(5, "\x01\x01\x03\x02"), "maximum 2 is below its minimum 3");
    expect(SECTION(5, "\x01\x00\x81\x80\x04"), "more than 65536 pages");
    expect(SECTION(4, "\x01\x7f\x00\x00"), "table of numbers");
    expect(SECTION(3, "\x01\x00"), "gives function 0 type 0 of 0");
    expect(SECTION(7, "\x01\x01m\x02\x00"), "exports m as number 0 of 0");
    expect(SECTION(8, "\x00"), "names function 0");
    expect(SECTION(9, "\x01\x00\x41\x00\x0b\x00"), "fills table 0 of 0");
    expect(SECTION(11, "\x01\x00\x41\x00\x0b\x00"), "fills memory 0 of 0");
    expect(SECTION(10, "\x01\x02\x00"), "announces 1 bodies");
    expect(SECTION(13, "\x00"), "tags");
    expect(SECTION(14, "\x00"), "unknown number 14");
    expect(verdict("\0asm\1\0\0\0\1\x7f", 10),
           "type section (byte 10): has 127 bytes, 0 are there");
}

static const char *limits_verdict(const char *wat, const sn_module_limits *limits, sn_error *err) {
    size_t bytes;
    sn_auto_free uint8_t *data = guests_binary(&bytes, wat);
    sn_module m;
    *err = (sn_error)SN_ERROR_INIT;
    assert_int_equal(sn_module_parse(&m, data, bytes, err), 0);
    int rc = sn_module_check_limits(&m, limits, err);
    assert_true(rc == 0 || rc == SN_EINVALID_ARGUMENT);
    sn_module_free(&m);
    return err->message;
}

static void limits_are_told_by_name_and_number(void **state) {
    (void)state;
    sn_error err;
    sn_module_limits limits = SN_MODULE_LIMITS_INIT;
    limits.table_elements = 1024;
    assert_string_equal(limits_verdict("(module (table 5413 funcref))", &limits, &err),
                        "table minimum size of 5413 elements exceeds table limits (1024)");
    assert_non_null(strstr(err.hint, "WASI_TABLE_ELEMENTS_LIMIT"));
    assert_string_equal(limits_verdict("(module (table 1024 funcref))", &limits, &err), "");
    limits.tables = 1;
    assert_string_equal(
        limits_verdict("(module (table 1 funcref) (table 1 funcref))", &limits, &err),
        "table count of 2 exceeds table count limits (1)");
    assert_non_null(strstr(err.hint, "WASI_TABLES_LIMIT"));
    limits.memories = 1;
    assert_string_equal(limits_verdict("(module (memory 1) (memory 1))", &limits, &err),
                        "memory count of 2 exceeds memory count limits (1)");
    assert_non_null(strstr(err.hint, "WASI_MEMORIES_LIMIT"));
    limits.memory_bytes = 65536;
    assert_string_equal(limits_verdict("(module (memory 2))", &limits, &err),
                        "memory minimum size of 131072 bytes exceeds memory limits (65536)");
    assert_non_null(strstr(err.hint, "WASI_MEMORY_LIMIT_MB"));
    limits.instances = 0;
    assert_string_equal(limits_verdict("(module)", &limits, &err),
                        "instance count of 1 exceeds instance limits (0)");
}

static void limits_come_from_the_environment(void **state) {
    (void)state;
    static const char *const names[] = {"WASI_TABLE_ELEMENTS_LIMIT", "WASI_TABLES_LIMIT",
                                        "WASI_INSTANCES_LIMIT", "WASI_MEMORIES_LIMIT",
                                        "WASI_MEMORY_LIMIT_MB"};
    static const char *const bad[] = {"abc", "0", "-1", "1.5", " 7", "99999999999999999999"};
    sn_module_limits limits;
    sn_error err = SN_ERROR_INIT;
    for (size_t i = 0; i < SN_COUNT(names); i++) {
        for (size_t k = 0; k < SN_COUNT(bad); k++) {
            setenv(names[i], bad[k], 1);
            assert_int_equal(sn_module_limits_from_env(&limits, &err), SN_EINVALID_ARGUMENT);
            expect(err.message, names[i]);
            expect(err.message, bad[k]);
        }
        setenv(names[i], "7", 1);
    }
    assert_int_equal(sn_module_limits_from_env(&limits, &err), 0);
    assert_int_equal(limits.table_elements, 7);
    assert_int_equal(limits.tables, 7);
    assert_int_equal(limits.instances, 7);
    assert_int_equal(limits.memories, 7);
    assert_int_equal(limits.memory_bytes, 7 << 20);
    for (size_t i = 0; i < SN_COUNT(names); i++)
        setenv(names[i], "", 1);
    assert_int_equal(sn_module_limits_from_env(&limits, &err), 0);
    assert_int_equal(limits.table_elements, 10000);
    assert_int_equal(limits.memory_bytes, 256 << 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(modules_are_read_whole),
        cmocka_unit_test(every_shortened_module_is_refused),
        cmocka_unit_test(no_changed_byte_is_fatal),
        cmocka_unit_test(other_files_are_told_apart),
        cmocka_unit_test(names_are_safe_or_refused),
        cmocka_unit_test(names_do_not_reach_the_translator),
        cmocka_unit_test(doubles_are_refused),
        cmocka_unit_test(what_is_not_supported_is_named),
        cmocka_unit_test(numbers_are_bounded),
        cmocka_unit_test(limits_are_told_by_name_and_number),
        cmocka_unit_test(limits_come_from_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
