/* image_test.c - a guest goes on where its image was made, and what is no image is refused. */
#include "guests.h"

#include "sandbox/image.h"
#include "util/buffer.h"

#include <string.h>
#include <unistd.h>

static const char wat[] =
    "(module (memory (export \"memory\") 2 40) (global $count (mut i32) (i32.const 5))"
    " (data (i32.const 70000) \"placed\")"
    " (func (export \"count\") (result i32)"
    "   (global.set $count (i32.add (global.get $count) (i32.const 1))) (global.get $count))"
    " (func (export \"store\") (param i32 i32) (i32.store (local.get 0) (local.get 1)))"
    " (func (export \"load\") (param i32) (result i32) (i32.load (local.get 0)))"
    " (func (export \"grow\") (param i32) (result i32) (memory.grow (local.get 0)))"
    " (func (export \"size\") (result i32) (memory.size)))";

static sn_native *guest;
static const sn_image_origin origin = {"module", "archive"};
static sn_buffer file;

static int put(void *user, const void *data, size_t bytes) {
    return sn_buffer_add(user, data, bytes) ? 0 : -1;
}

static uint32_t call(sn_instance *instance, const char *name, size_t count, uint32_t a,
                     uint32_t b) {
    sn_call result = guests_call(instance, name, count, a, b);
    assert_int_equal(result.outcome, SN_RETURNED);
    return result.value;
}

/* A guest that has counted to 7, has grown to 5 pages and written here and there. */
static int make_file(void **state) {
    (void)state;
    guest = guests_native("saved", wat);
    sn_instance *instance = guests_instance(guest, 40);
    call(instance, "count", 0, 0, 0);
    call(instance, "count", 0, 0, 0);
    call(instance, "grow", 1, 3, 0);
    call(instance, "store", 2, 0, 11);
    call(instance, "store", 2, 200000, 12);
    call(instance, "store", 2, 5 * 65536 - 4, 13);
    sn_error err = SN_ERROR_INIT;
    if (sn_image_write(put, &file, instance, sn_instance_memory(instance), &err) < 0 ||
        sn_image_seal(file.data, file.bytes, &origin, &err) < 0)
        fail_msg("%s", err.message);
    sn_instance_free(instance);
    return 0;
}

static int drop_file(void **state) {
    (void)state;
    sn_buffer_free(&file);
    sn_native_close(guest);
    return 0;
}

static sn_instance *restored(const sn_image *image, uint64_t limit_bytes) {
    sn_instance_options options = SN_INSTANCE_OPTIONS_INIT;
    sn_instance *instance;
    sn_error err = SN_ERROR_INIT;
    options.memory_limit_bytes = limit_bytes;
    options.saved = &image->saved;
    if (sn_instance_new(&instance, guest, &options, &err) < 0)
        fail_msg("%s", err.message);
    return instance;
}

static void a_guest_goes_on(void **state) {
    (void)state;
    sn_image *image;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_image_parse(&image, file.data, file.bytes, &origin, &err), 0);
    for (int i = 0; i < 2; i++) { /* the second finds nothing of what the first did */
        sn_instance *instance = restored(image, 10 << 16);
        assert_int_equal(call(instance, "count", 0, 0, 0), 8);
        assert_int_equal(call(instance, "size", 0, 0, 0), 5);
        assert_int_equal(call(instance, "load", 1, 0, 0), 11);
        assert_int_equal(call(instance, "load", 1, 200000, 0), 12);
        assert_int_equal(call(instance, "load", 1, 5 * 65536 - 4, 0), 13);
        assert_int_equal(call(instance, "load", 1, 100000, 0), 0);
        assert_memory_equal(sn_instance_memory(instance)->base + 70000, "placed", 6);
        assert_int_equal(guests_call(instance, "load", 1, 5 * 65536).outcome, SN_TRAPPED);
        sn_instance_free(instance);
        instance = restored(image, 10 << 16);
        call(instance, "store", 2, 0, 99);
        call(instance, "store", 2, 100000, 99);
        assert_int_equal(call(instance, "grow", 1, 5, 0), 5);
        assert_int_equal(call(instance, "grow", 1, 1, 0), UINT32_MAX);
        assert_int_equal(call(instance, "load", 1, 9 * 65536, 0), 0);
        sn_instance_free(instance);
    }
    sn_image_close(image);
}

static void the_file_is_small_and_always_the_same(void **state) {
    (void)state;
    assert_true(file.bytes < 20 * 4096); /* of 80 pages */
    sn_image *image;
    assert_int_equal(sn_image_parse(&image, file.data, file.bytes, &origin, NULL), 0);
    sn_instance *instance = restored(image, 10 << 16);
    sn_buffer again = {0};
    assert_int_equal(sn_image_write(put, &again, instance, sn_instance_memory(instance), NULL), 0);
    assert_int_equal(sn_image_seal(again.data, again.bytes, &origin, NULL), 0);
    assert_int_equal(again.bytes, file.bytes);
    assert_memory_equal(again.data, file.data, file.bytes);
    sn_buffer_free(&again);
    sn_instance_free(instance);
    sn_image_close(image);
}

static void what_is_mapped_cannot_be_written_to(void **state) {
    (void)state;
    sn_image *image;
    assert_int_equal(sn_image_parse(&image, file.data, file.bytes, &origin, NULL), 0);
    assert_true(write(image->saved.fd, "x", 1) < 0);
    assert_true(ftruncate(image->saved.fd, 0) < 0);
    sn_image_close(image);
}

static void every_changed_byte_is_found(void **state) {
    (void)state;
    sn_image *image;
    sn_error err;
    for (size_t at = 0; at < file.bytes; at += at < 400 ? 1 : 97) {
        file.data[at] ^= 0x40;
        assert_int_equal(sn_image_parse(&image, file.data, file.bytes, &origin, &err),
                         SN_EUNAVAILABLE);
        file.data[at] ^= 0x40;
    }
    for (size_t bytes = 0; bytes < file.bytes; bytes += 509)
        assert_int_equal(sn_image_parse(&image, file.data, bytes, &origin, &err), SN_EUNAVAILABLE);
}

static void another_origin_is_refused(void **state) {
    (void)state;
    const sn_image_origin other = {"module", "another archive"};
    sn_image *image;
    sn_error err;
    assert_int_equal(sn_image_parse(&image, file.data, file.bytes, &other, &err), SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "another interpreter"));
}

static void what_is_saved_of_another_module_is_refused(void **state) {
    (void)state;
    static const char other_wat[] = "(module (memory (export \"memory\") 9))";
    sn_native *other = guests_native("other", other_wat);
    sn_instance_options options = SN_INSTANCE_OPTIONS_INIT;
    sn_instance *instance;
    sn_image *image;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_image_parse(&image, file.data, file.bytes, &origin, NULL), 0);
    options.memory_limit_bytes = 40 << 16;
    options.saved = &image->saved;
    assert_int_equal(sn_instance_new(&instance, other, &options, &err), SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "not of this module"));
    sn_image_close(image);
    sn_native_close(other);
}

static void one_with_tables_that_change_is_not_saved(void **state) {
    (void)state;
    sn_native *native = guests_native(
        "changing", "(module (memory (export \"memory\") 1) (table $t 2 funcref)"
                    " (func (export \"f\") (table.set $t (i32.const 0) (ref.null func))))");
    sn_instance *instance = guests_instance(native, 1);
    sn_buffer none = {0};
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_image_write(put, &none, instance, sn_instance_memory(instance), &err),
                     SN_EUNAVAILABLE);
    sn_instance_free(instance);
    sn_native_close(native);
}

/* The program is the guest's; what it touches is noted. */
static void touched_pages_are_noted(void **state) {
    (void)state;
    sn_instance *instance = guests_instance(guest, 40);
    uint8_t pages[32] = {0};
    assert_int_equal(sn_instance_watch(instance, pages, NULL), 0);
    call(instance, "load", 1, 3 * 4096, 0);
    call(instance, "store", 2, 5 * 4096 + 8, 1);
    call(instance, "load", 1, 6 * 4096 - 2, 0); /* reads 5 and 6 */
    call(instance, "store", 2, 3 * 4096, 1);
    sn_instance_memory(instance)->base[9 * 4096] = 1; /* the host does, between two calls */
    for (uint32_t i = 0; i < 32; i++) {
        bool written = i == 3 || i == 5 || i == 9;
        assert_int_equal(pages[i], written  ? SN_PAGE_WRITTEN
                                   : i == 6 ? SN_PAGE_READ
                                            : SN_PAGE_UNTOUCHED);
    }
    assert_int_equal(call(instance, "load", 1, 5 * 4096 + 8, 0), 1);
    sn_instance_free(instance);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_guest_goes_on),
        cmocka_unit_test(the_file_is_small_and_always_the_same),
        cmocka_unit_test(what_is_mapped_cannot_be_written_to),
        cmocka_unit_test(every_changed_byte_is_found),
        cmocka_unit_test(another_origin_is_refused),
        cmocka_unit_test(what_is_saved_of_another_module_is_refused),
        cmocka_unit_test(one_with_tables_that_change_is_not_saved),
        cmocka_unit_test(touched_pages_are_noted), /* last: what it watches stays watched */
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
