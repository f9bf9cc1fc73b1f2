/*
 * full_disk_test.c - a disk that is full: a small file system in memory, in a mount namespace of
 * this process's own.
 */
#include "stores.h"

#include "session/log.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/mount.h>

enum { KB = 1 << 10, MB = 1 << 20, SESSIONS = 8 };

static char *folder;
static sn_store *store;
static char why_not[200]; /* there is no such file system */

static uint64_t last_tag, tags[SESSIONS]; /* of the last step that was reported as done */

static const char *name(size_t i) {
    static const char *const names[SESSIONS] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    return names[i % SESSIONS];
}

/* ---- a small file system ---- */

static bool write_text(const char *path, const char *text) {
    sn_auto_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
    return fd >= 0 && sn_write_full(fd, text, strlen(text)) == 0;
}

static void enter_namespace(void) {
    sn_auto_free char *uids = sn_format("0 %u 1", getuid());
    sn_auto_free char *gids = sn_format("0 %u 1", getgid());
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        snprintf(why_not, sizeof why_not, "no namespaces: %s", strerror(errno));
    else if (!write_text("/proc/self/setgroups", "deny") ||
             !write_text("/proc/self/uid_map", uids) || !write_text("/proc/self/gid_map", gids))
        snprintf(why_not, sizeof why_not, "no ids: %s", strerror(errno));
    else if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        snprintf(why_not, sizeof why_not, "no mounts: %s", strerror(errno));
}

static int begin(void **state) {
    (void)state;
    folder = stores_folder();
    memset(tags, 0, sizeof tags);
    if (!*why_not && mount("none", folder, "tmpfs", 0, "size=16m") < 0)
        snprintf(why_not, sizeof why_not, "no tmpfs: %s", strerror(errno));
    if (!*why_not)
        store = stores_open(folder);
    return 0;
}

static int finish(void **state) {
    (void)state;
    sn_store_close(SN_STEAL(store));
    (void)!umount2(folder, MNT_DETACH);
    sn_remove_tree(folder);
    free(folder);
    return 0;
}

static void skip_without(void) {
    if (!*why_not)
        return;
    print_message("# skipped: %s\n", why_not);
    skip();
}

/* ---- what is to be there ---- */

static void check_all(void) {
    uint64_t there = 0;
    for (size_t i = 0; i < SESSIONS; i++) {
        assert_int_equal(stores_last(store, name(i)), tags[i] ? tags[i] : STORES_NONE);
        there += tags[i] != 0;
    }
    assert_int_equal(stores_totals(store).sessions, there);
    stores_check(store);
}

/* Also nothing of what failed is left in the log. */
static void check_before_and_after_rebuild(void) {
    check_all();
    assert_int_equal(stores_bytes(folder, 1), stores_totals(store).disk_bytes);
    store = stores_rebuilt(store, folder);
    check_all();
}

static bool step(size_t i, size_t bytes) {
    sn_error err = SN_ERROR_INIT;
    int rc = stores_step(store, name(i), ++last_tag, bytes, &err);
    if (rc == 0)
        tags[i % SESSIONS] = last_tag;
    else if (rc != SN_ERESOURCE_EXHAUSTED || !strstr(err.message, "No space left on device"))
        fail_msg("%d: %s", rc, err.message);
    return rc == 0;
}

/* Until a step of so many bytes has no room. */
static size_t fill(size_t bytes) {
    size_t i = 0;
    while (step(i, bytes))
        i++;
    return i;
}

static bool remove_one(size_t i) {
    sn_error err = SN_ERROR_INIT;
    int rc = sn_store_remove(store, name(i), &err);
    if (rc < 0)
        print_message("# remove: %s\n", err.message);
    if (rc == 0)
        tags[i] = 0;
    return rc == 0;
}

/* ---- tests ---- */

static void a_step_that_has_no_room_is_not_there(void **state) {
    (void)state;
    skip_without();
    assert_true(fill(300 * KB) > 30);
    check_before_and_after_rebuild();
    assert_false(step(0, 2 * MB));
    check_before_and_after_rebuild();
}

static void nor_at_the_last_byte(void **state) {
    (void)state;
    skip_without();
    for (size_t bytes = 2 * MB; bytes > 0; bytes /= 2)
        fill(bytes);
    check_before_and_after_rebuild();
    for (size_t bytes = 64 * KB; bytes > 0; bytes /= 2)
        fill(bytes);
    check_before_and_after_rebuild();
}

static void it_goes_on_when_there_is_room_again(void **state) {
    (void)state;
    skip_without();
    sn_auto_free char *ballast = sn_format("%s/ballast", folder);
    sn_auto_fd int fd = open(ballast, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(posix_fallocate(fd, 0, 4 * MB), 0);
    for (size_t bytes = MB; bytes > 0; bytes /= 2)
        fill(bytes);
    assert_int_equal(unlink(ballast), 0);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_true(step(0, 2 * MB));
    check_before_and_after_rebuild();
}

static void deleting_makes_room(void **state) {
    (void)state;
    skip_without();
    fill(300 * KB);
    for (size_t i = 0; i < SESSIONS; i++)
        assert_true(remove_one(i));
    stores_tidy(store);
    check_all();
    assert_true(fill(300 * KB) > 10);
    check_all();
}

static void deleting_makes_room_at_the_last_byte(void **state) {
    (void)state;
    skip_without();
    for (size_t bytes = MB; bytes > 0; bytes /= 2)
        fill(bytes);
    for (size_t i = 0; i < SESSIONS; i++)
        assert_true(remove_one(i));
    stores_tidy(store);
    check_all();
    assert_true(fill(300 * KB) > 10);
    check_all();
}

#define ON_A_SMALL_DISK(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_A_SMALL_DISK(a_step_that_has_no_room_is_not_there),
        ON_A_SMALL_DISK(nor_at_the_last_byte),
        ON_A_SMALL_DISK(it_goes_on_when_there_is_room_again),
        ON_A_SMALL_DISK(deleting_makes_room),
        ON_A_SMALL_DISK(deleting_makes_room_at_the_last_byte),
    };
    enter_namespace();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
