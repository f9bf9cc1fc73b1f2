/* cache_test.c - what the cache finds, what it refuses, what it forgets. */
#include "guests.h"

#include "wasm/cache.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static const char one_wat[] = "(module (func (export \"f\") (result i32) (i32.const 1)))";
static const char two_wat[] = "(module (func (export \"f\") (result i32) (i32.const 2)))";

typedef struct place {
    char *wasm;
    char *native;
} place;

/* A compiled module for each test. */
static int build_one(void **state) {
    static place it;
    sn_error err = SN_ERROR_INIT;
    it.wasm = guests_wasm("one", one_wat);
    it.native = NULL;
    if (guests_build(&it.native, it.wasm, &err) < 0)
        fail_msg("%s", err.message);
    *state = &it;
    return 0;
}

static int forget_all(void **state) {
    place *it = *state;
    sn_auto_free char *folder = guests_path("native");
    sn_remove_tree(folder);
    free(it->wasm);
    free(it->native);
    return 0;
}

static void found(const place *it) {
    sn_auto_free char *path = NULL;
    sn_error err = SN_ERROR_INIT;
    if (sn_cache_find(&path, guests_folder(), it->wasm, &err) < 0)
        fail_msg("%s", err.message);
    assert_string_equal(path, it->native);
}

static void refused(const place *it, int code, const char *part, const char *hint) {
    sn_auto_free char *path = NULL;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_cache_find(&path, guests_folder(), it->wasm, &err), code);
    if (!strstr(err.message, part) || !strstr(err.hint, hint))
        fail_msg("\"%s\" (%s) does not say \"%s\" (%s)", err.message, err.hint, part, hint);
    assert_null(path);
}

static void change_byte(const char *path, off_t at) {
    sn_auto_fd int fd = open(path, O_RDWR | O_CLOEXEC);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

static char *record_of(const place *it) {
    char sum[SN_DIGEST_TEXT_BYTES];
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_cache_digest(sum, guests_folder(), it->wasm, 1 << 20, &err), 0);
    return sn_format("%s/native/%s.json", guests_folder(), sum);
}

/* ---- tests ---- */

static void what_was_built_is_found(void **state) {
    place *it = *state;
    found(it);
    found(it);
    const struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    assert_int_equal(utimensat(AT_FDCWD, it->wasm, times, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, it->native, times, 0), 0);
    found(it); /* after hashing both again */
    found(it);
    sn_auto_free char *link_path = guests_path("link.wasm");
    assert_int_equal(symlink(it->wasm, link_path), 0);
    place other = {link_path, it->native};
    found(&other);
    unlink(link_path);
    sn_auto_free char *copy = guests_wasm("copy", one_wat);
    other.wasm = copy;
    found(&other);
}

/* Copied to where nothing is written, and found for a home that has nothing yet. */
static void what_was_installed_is_found(void **state) {
    place *it = *state;
    sn_error err = SN_ERROR_INIT;
    sn_auto_free char *installed = guests_path("installed");
    sn_auto_free char *folder = sn_format("%s/native", installed);
    sn_auto_free char *home = guests_path("empty-home");
    sn_auto_free char *record = record_of(it);
    sn_auto_free char *native = sn_format("%s/%s", folder, strrchr(it->native, '/') + 1);
    sn_auto_free char *copy = sn_format("%s/%s", folder, strrchr(record, '/') + 1);
    sn_auto_free char *path = NULL;
    assert_int_equal(sn_make_dirs(folder, &err), 0);
    assert_int_equal(sn_cache_find_installed(&path, home, installed, it->wasm, &err),
                     SN_EUNAVAILABLE);
    assert_int_equal(rename(it->native, native), 0);
    assert_int_equal(rename(record, copy), 0);
    for (int n = 0; n < 2; n++) {
        assert_int_equal(sn_cache_find_installed(&path, home, installed, it->wasm, &err), 0);
        assert_string_equal(path, native);
        free(SN_STEAL(path));
    }
    change_byte(native, 100);
    assert_int_equal(sn_cache_find_installed(&path, home, installed, it->wasm, &err),
                     SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "damaged"));
    change_byte(native, 100);
    assert_int_equal(chmod(native, 0777), 0);
    assert_int_equal(sn_cache_find_installed(&path, home, installed, it->wasm, &err),
                     SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "other users"));
    assert_null(path);
    sn_remove_tree(installed);
    sn_remove_tree(home);
}

static void what_was_not_built_is_not(void **state) {
    place *it = *state;
    sn_auto_free char *two = guests_wasm("two", two_wat);
    place other = {two, NULL};
    refused(&other, SN_EUNAVAILABLE, "not compiled yet", "shannon interpreter build");
    other.wasm = "/absent.wasm";
    refused(&other, SN_ENOT_FOUND, "cannot open /absent.wasm", "");
    assert_int_equal(rename(two, it->wasm), 0); /* another module at the same path */
    refused(it, SN_EUNAVAILABLE, "not compiled yet", "shannon interpreter build");
}

static void a_changed_module_is_not_compiled(void **state) {
    place *it = *state;
    struct stat st;
    assert_int_equal(stat(it->wasm, &st), 0);
    change_byte(it->wasm, st.st_size - 2); /* same size, same inode */
    refused(it, SN_EUNAVAILABLE, "not compiled yet", "shannon interpreter build");
    change_byte(it->wasm, st.st_size - 2);
    found(it);
}

static void damaged_code_is_refused(void **state) {
    place *it = *state;
    struct stat st;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(stat(it->native, &st), 0);
    change_byte(it->native, st.st_size / 2);
    refused(it, SN_EUNAVAILABLE, "is damaged", "shannon interpreter build --force");
    change_byte(it->native, st.st_size / 2);
    found(it);
    assert_int_equal(truncate(it->native, st.st_size - 1), 0);
    refused(it, SN_EUNAVAILABLE, "is damaged", "shannon interpreter build --force");
    assert_int_equal(truncate(it->native, 0), 0);
    refused(it, SN_EUNAVAILABLE, "is damaged", "shannon interpreter build --force");
    sn_auto_free char *path = NULL;
    assert_int_equal(guests_build(&path, it->wasm, &err), 0); /* mends it */
    found(it);
    assert_int_equal(unlink(it->native), 0);
    refused(it, SN_EUNAVAILABLE, "not compiled yet", "shannon interpreter build");
}

static void what_others_can_write_is_refused(void **state) {
    place *it = *state;
    static const unsigned modes[] = {0720, 0702, 0777};
    sn_auto_free char *record = record_of(it);
    sn_auto_free char *folder = guests_path("native");
    for (size_t i = 0; i < SN_COUNT(modes); i++) {
        guests_chmod(it->native, modes[i]);
        refused(it, SN_EUNAVAILABLE, "can be written by other users", "chmod go-w");
        guests_chmod(it->native, 0700);
        found(it);
        guests_chmod(folder, modes[i]);
        refused(it, SN_EUNAVAILABLE, "can be written by other users", "chmod go-w");
        guests_chmod(folder, 0700);
        guests_chmod(record, modes[i]);
        refused(it, SN_EUNAVAILABLE, "not compiled yet", "");
        guests_chmod(record, 0600);
        found(it);
    }
    if (geteuid() != 0) {
        print_message("only root can give files away: owners are not tested\n");
        return;
    }
    assert_int_equal(chown(it->native, 12345, 0), 0);
    refused(it, SN_EUNAVAILABLE, "can be written by other users", "");
    assert_int_equal(chown(it->native, 0, 0), 0);
    found(it);
    assert_int_equal(chown(folder, 12345, 0), 0);
    refused(it, SN_EUNAVAILABLE, "can be written by other users", "");
    assert_int_equal(chown(folder, 0, 0), 0);
}

static void senseless_records_are_not_believed(void **state) {
    place *it = *state;
    sn_auto_free char *record = record_of(it);
    static const char *const texts[] = {
        "",
        "{",
        "[]",
        "{\"file\": 7}",
        "{\"version\": \"" SN_AOT_VERSION "\", \"file\": \"\"}",
        "{\"version\": \"" SN_AOT_VERSION "\", \"file\": \"../x.so\"}",
        "{\"version\": \"" SN_AOT_VERSION "\", \"file\": \"/bin/true\"}",
        "{\"version\": \"0\", \"file\": \"x.so\"}",
    };
    sn_error err = SN_ERROR_INIT;
    for (size_t i = 0; i < SN_COUNT(texts); i++) {
        assert_int_equal(sn_replace_file(record, texts[i], strlen(texts[i]), &err), 0);
        refused(it, SN_EUNAVAILABLE, "not compiled yet", "");
    }
    sn_auto_free char *name = sn_format("{\"version\": \"" SN_AOT_VERSION "\", \"file\": \"%s\"}",
                                        strrchr(it->native, '/') + 1);
    assert_int_equal(sn_replace_file(record, name, strlen(name), &err), 0);
    refused(it, SN_EUNAVAILABLE, "is damaged", "--force"); /* no digest, no trust */
}

static void records_are_listed(void **state) {
    place *it = *state;
    sn_error err = SN_ERROR_INIT;
    sn_auto_free char *two = guests_wasm("two", two_wat);
    sn_auto_free char *native = NULL;
    assert_int_equal(guests_build(&native, two, &err), 0);
    sn_cache_entry *entries;
    size_t count;
    assert_int_equal(sn_cache_list(&entries, &count, guests_folder(), &err), 0);
    assert_int_equal(count, 2);
    bool seen = false;
    for (size_t i = 0; i < count; i++) {
        assert_true(entries[i].native_bytes > 1000);
        assert_true(entries[i].built > 1600000000);
        assert_false(entries[i].trained);
        assert_non_null(strstr(entries[i].compiler, "clang"));
        assert_int_equal(strlen(entries[i].module_sha256), 64);
        seen |= strcmp(entries[i].wasm_path, it->wasm) == 0 &&
                strcmp(entries[i].native_path, it->native) == 0;
    }
    assert_true(seen);
    sn_cache_entries_free(entries, count);
    assert_int_equal(sn_cache_list(&entries, &count, "/absent", &err), 0);
    assert_int_equal(count, 0);
    sn_cache_entries_free(entries, count);
}

/* A module that was replaced leaves nothing of its predecessor. */
static void superseded_code_is_removed(void **state) {
    place *it = *state;
    sn_error err = SN_ERROR_INIT;
    sn_auto_free char *record = record_of(it);
    sn_auto_free char *two = guests_wasm("two", two_wat);
    assert_int_equal(rename(two, it->wasm), 0);
    sn_auto_free char *native = NULL;
    assert_int_equal(guests_build(&native, it->wasm, &err), 0);
    assert_string_not_equal(native, it->native);
    assert_int_equal(access(native, F_OK), 0);
    assert_int_not_equal(access(it->native, F_OK), 0);
    assert_int_not_equal(access(record, F_OK), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_built_is_found, build_one, forget_all),
        cmocka_unit_test_setup_teardown(what_was_installed_is_found, build_one, forget_all),
        cmocka_unit_test_setup_teardown(what_was_not_built_is_not, build_one, forget_all),
        cmocka_unit_test_setup_teardown(a_changed_module_is_not_compiled, build_one, forget_all),
        cmocka_unit_test_setup_teardown(damaged_code_is_refused, build_one, forget_all),
        cmocka_unit_test_setup_teardown(what_others_can_write_is_refused, build_one, forget_all),
        cmocka_unit_test_setup_teardown(senseless_records_are_not_believed, build_one, forget_all),
        cmocka_unit_test_setup_teardown(records_are_listed, build_one, forget_all),
        cmocka_unit_test_setup_teardown(superseded_code_is_removed, build_one, forget_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
