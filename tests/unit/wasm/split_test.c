/* split_test.c - taking wasm2c's C apart: the instance pointer, the parts, and texts of another
 * shape. */
#include "guests.h"

#include "wasm/split.h"

#include <string.h>

static void expect_rewritten(const char *text, const char *expected) {
    sn_buffer out = {0};
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_split_rewrite(&out, text, strlen(text), &err), 0);
    assert_string_equal(out.data, expected);
    sn_buffer_free(&out);
}

static void the_instance_pointer_is_taken_out(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"x = 1;\n", "x = 1;\n"},
        {"u32 w2c_f3(Z_m_instance_t*, u32);", "u32 w2c_f3(u32);"},
        {"u64 w2c_f7(Z_m_instance_t*);", "u64 w2c_f7(void);"},
        {"void w2c_f3(Z_m_instance_t* instance, u32 w2c_p0) {", "void w2c_f3(u32 w2c_p0) {"},
        {"void w2c_f3(Z_m_instance_t* instance) {", "void w2c_f3(void) {"},
        {"w2c_i0 = w2c_f4(instance, w2c_i0);", "w2c_i0 = w2c_f4(w2c_i0);"},
        {"w2c_f4(instance);", "w2c_f4();"},
        {"(*Z_hZ_i0)(instance->Z_h_instance, w2c_i0);", "(*Z_hZ_i0)(w2c_i0);"},
        {"(*Z_hZ_i2)(instance->Z_h_instance);", "(*Z_hZ_i2)();"},
        {"instance->w2c_g1 = w2c_j0;", "sn_module->w2c_g1 = w2c_j0;"},
        {"w2c_i0 = i32_load(&instance->w2c_M0, (u64)(w2c_i0) + 16u);",
         "w2c_i0 = i32_load(M0, (u64)(w2c_i0) + 16u);"},
        {"w2c_i0 = instance->w2c_M1.pages;", "w2c_i0 = SN_PAGES(M1);"},
        {"w2c_i0 = instance->w2c_T12.size;", "w2c_i0 = SN_SIZE(T12);"},
        {"CALL_INDIRECT(instance->w2c_T0, u32 (*)(void*, u32), 0, w2c_i1, "
         "instance->w2c_T0.data[w2c_i1].module_instance, w2c_i0);",
         "CALL_INDIRECT(T0, u32 (*)(u32), 0, w2c_i1, w2c_i0);"},
        {"CALL_INDIRECT(instance->w2c_T1, void (*)(void*), 0, w2c_i1, "
         "instance->w2c_T1.data[w2c_i1].module_instance);",
         "CALL_INDIRECT(T1, void (*)(void), 0, w2c_i1);"},
        {"(wasm_rt_funcref_t){func_types[0], (wasm_rt_function_ptr_t)&w2c_f3, instance};",
         "(wasm_rt_funcref_t){func_types[0], (wasm_rt_function_ptr_t)&w2c_f3};"},
        {"funcref_table_init(&instance->w2c_T0, e, 2, 1u, 0, 2, instance, func_types);",
         "funcref_table_init(T0, e, 2, 1u, 0, 2);"},
        {"(instance->data_segment_dropped_w2c_d2 ? 0 : 7)",
         "(sn_module->data_segment_dropped_w2c_d2 ? 0 : 7)"},
        {"offsetof(Z_m_instance_t, Z_h_instance)}", "0}"},
    };
    for (size_t i = 0; i < SN_COUNT(pairs); i++)
        expect_rewritten(pairs[i][0], pairs[i][1]);
}

static void unknown_uses_are_refused(void **state) {
    (void)state;
    static const char *const texts[] = {
        "Z_m_instance_t instance;",
        "x = instance->other;",
        "x = *instance;",
        "f(x, instance);",
        "x = instance->w2c_M0.size;",
        "x = instance->w2c_T0.data;",
        "CALL_INDIRECT(instance->w2c_T0, something, 0);",
        "CALL_INDIRECT(instance->w2c_T0, u32 (*)(int), 0);",
        "f(x, instance->w2c_T0.data[0].func)\n].module_instance",
        "instance",
    };
    for (size_t i = 0; i < SN_COUNT(texts); i++) {
        sn_buffer out = {0};
        sn_error err = SN_ERROR_INIT;
        if (sn_split_rewrite(&out, texts[i], strlen(texts[i]), &err) != SN_EUNAVAILABLE)
            fail_msg("taken: %s", texts[i]);
        assert_non_null(strstr(err.message, "does not know"));
        sn_buffer_free(&out);
    }
}

static const char header[] =
    "#ifndef wasm_multi_ij\nstruct wasm_multi_ij {\n  u32 i0;\n};\n#endif\n"
    "typedef struct Z_m_instance_t {\n"
    "  struct Z_h_instance_t* Z_h_instance;\n"
    "  u32 w2c_g0;\n"
    "  wasm_rt_memory_t w2c_M0;\n"
    "  wasm_rt_funcref_table_t w2c_T0;\n"
    "} Z_m_instance_t;\n";

#define PREAMBLE "junk\nstatic bool s_module_initialized = false;\n\nstatic u32 func_types[3];\n"
#define INITS                                                                                      \
    "static void init_globals(Z_m_instance_t* instance) {\n  instance->w2c_g0 = 5u;\n}\n"          \
    "static void init_tables(Z_m_instance_t* instance) {\n}\n"
#define END "void Z_m_free(Z_m_instance_t* instance) {\n}\n"

static void files_are_cut_into_parts(void **state) {
    (void)state;
    sn_buffer source = {0};
    sn_error err = SN_ERROR_INIT;
    bool ok = sn_buffer_add(&source, PREAMBLE, sizeof PREAMBLE - 1);
    ok = ok && sn_buffer_add(&source, INITS, sizeof INITS - 1);
    for (int i = 0; i < 100; i++) {
        sn_auto_free char *prototype = sn_format("static void w2c_f%d(Z_m_instance_t*);\n", i);
        sn_auto_free char *function = sn_format(
            "static void w2c_f%d(Z_m_instance_t* instance) {\n  w2c_f%d(instance);\n}\n\n", i, i);
        ok = ok && sn_buffer_add(&source, prototype, strlen(prototype)) &&
             sn_buffer_add(&source, function, strlen(function));
    }
    ok = ok && sn_buffer_add(&source, END, sizeof END - 1);
    assert_true(ok);
    sn_split split;
    assert_int_equal(sn_split_read(&split, header, source.data, 500, &err), 0);
    assert_int_equal(split.types_count, 3);
    assert_string_equal(split.state.data, "  u32 w2c_g0;\n");
    assert_string_equal(split.globals.data, "  sn_module->w2c_g0 = 5u;\n");
    assert_non_null(strstr(split.types.data, "struct wasm_multi_ij {"));
    assert_in_range(split.parts_count, 5, 12);
    assert_false(split.tables_change);
    assert_int_equal(split.starts[0], 0);
    assert_int_equal(split.starts[split.parts_count], split.functions.bytes);
    for (size_t i = 0; i < split.parts_count; i++) {
        assert_in_range(split.starts[i + 1] - split.starts[i], 1, 600);
        assert_memory_equal(split.functions.data + split.starts[i], "void w2c_f", 10);
    }
    assert_null(strstr(split.functions.data, "static"));
    sn_split_free(&split);
    sn_buffer_free(&source);
}

static void writes_to_tables_are_seen(void **state) {
    (void)state;
    sn_split split;
    sn_error err = SN_ERROR_INIT;
    static const char source[] =
        PREAMBLE INITS "static void w2c_f1(Z_m_instance_t* instance) {\n"
                       "  funcref_table_set(&instance->w2c_T0, w2c_i0, w2c_r1);\n}\n" END;
    assert_int_equal(sn_split_read(&split, header, source, 1000, &err), 0);
    assert_true(split.tables_change);
    sn_split_free(&split);
}

static void other_shapes_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *source;
        int code;
    } cases[] = {
        {"", SN_EUNAVAILABLE},
        {PREAMBLE INITS "int surprise(void) {\n}\n" END, SN_EUNAVAILABLE},
        {PREAMBLE INITS
         "static void w2c_f1(Z_m_instance_t* instance) {\n  g(instance->z);\n}\n" END,
         SN_EUNAVAILABLE},
        {PREAMBLE INITS, SN_ERESOURCE_EXHAUSTED},
        {PREAMBLE INITS "static void w2c_f1(Z_m_instance_t* instance) {\n  FUNC_PRO",
         SN_ERESOURCE_EXHAUSTED},
        {PREAMBLE INITS "void Z_m_free(Z_m_instance_t* instance) {\n", SN_ERESOURCE_EXHAUSTED},
    };
    for (size_t i = 0; i < SN_COUNT(cases); i++) {
        sn_split split;
        sn_error err = SN_ERROR_INIT;
        assert_int_equal(sn_split_read(&split, header, cases[i].source, 1000, &err), cases[i].code);
        sn_split_free(&split);
    }
    sn_split split;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_split_read(&split, "no structure", PREAMBLE END, 1000, &err),
                     SN_EUNAVAILABLE);
    sn_split_free(&split);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_instance_pointer_is_taken_out),
        cmocka_unit_test(unknown_uses_are_refused),
        cmocka_unit_test(files_are_cut_into_parts),
        cmocka_unit_test(writes_to_tables_are_seen),
        cmocka_unit_test(other_shapes_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
