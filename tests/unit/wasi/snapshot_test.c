/* snapshot_test.c - a world that is saved and put back into another one: everything a guest can see
 * is as it was, contents that did not change stay where they are, and damage is found. */
#include "guest.h"

#include "tree_check.h"
#include "util/auto.h"
#include "wasi/snapshot.h"

enum { PAGE = 4096, PAGES = 64, SPACE_BYTES = 100000 };

/* A snapshot, and the contents that belong to it. */
typedef struct saved {
    sn_buffer blob, extents;
    uint8_t pages[PAGES * PAGE];
    unsigned given; /* files that were handed out by the last saving */
} saved;

typedef struct worlds {
    guest *one, *two;
    saved *saved;
} worlds;

static guest *make_world(void) {
    void *made;
    guest_setup(&made);
    guest *g = made;
    assert_int_equal(sn_wasi_mark_ground(g->wasi, NULL), 0);
    return g;
}

static int begin(void **state) {
    worlds *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->saved = calloc(1, sizeof *w->saved);
    assert_non_null(w->saved);
    w->one = make_world();
    w->two = make_world();
    assert_int_equal(sn_vfs_set_workspace(w->one->vfs, "/work", SPACE_BYTES, NULL), 0);
    *state = w;
    return 0;
}

static void free_world(guest *g) {
    guest_teardown(&(void *){g});
}

static int finish(void **state) {
    worlds *w = *state;
    free_world(w->one);
    free_world(w->two);
    sn_buffer_free(&w->saved->blob);
    sn_buffer_free(&w->saved->extents);
    free(w->saved);
    free(w);
    return 0;
}

static int take_file(void *user, uint32_t first_page, const void *data, uint64_t bytes) {
    saved *s = user;
    uint64_t end = (first_page + (bytes + PAGE - 1) / PAGE) * PAGE;
    assert_true(bytes > 0 && end <= sizeof s->pages);
    memset(s->pages + first_page * PAGE, 0, end - first_page * PAGE);
    memcpy(s->pages + first_page * PAGE, data, bytes);
    s->given++;
    return 0;
}

static void save(saved *s, guest *g) {
    s->given = 0;
    s->blob.bytes = s->extents.bytes = 0;
    assert_int_equal(sn_wasi_save(&s->blob, &s->extents, g->wasi, take_file, s, NULL), 0);
}

static int load(guest *g, const saved *s) {
    return sn_wasi_load(g->wasi, s->blob.data, s->blob.bytes, s->pages, PAGES, NULL);
}

/* From the first world into the second. */
static void move(worlds *w) {
    save(w->saved, w->one);
    assert_int_equal(load(w->two, w->saved), 0);
    sn_tree_check(w->two->vfs);
}

static void check_same_stat(worlds *w, const char *path) {
    sn_abi_filestat before, after;
    assert_done(guest_stat(w->one, &before, path, false));
    assert_done(guest_stat(w->two, &after, path, false));
    assert_memory_equal(&before, &after, sizeof before);
}

static void put_long_file(guest *g, const char *path, size_t bytes) {
    char text[3 * PAGE + 1];
    assert_true(bytes < sizeof text);
    memset(text, 'a' + (int)(bytes % 26), bytes);
    text[bytes] = '\0';
    guest_file(g, path, text);
}

static void files_and_folders(void **state) {
    static const char *const paths[] = {"work/empty",    "work/d",    "work/d/e",
                                        "work/d/e/page", "work/more", "work/d/renamed",
                                        "work/hard",     "work/soft"};
    worlds *w = *state;
    guest *g = w->one;
    guest_file(g, "work/empty", "");
    guest_file(g, "work/gone", "gone");
    assert_done(guest_mkdir(g, "work/d"));
    assert_done(guest_mkdir(g, "work/d/e"));
    put_long_file(g, "work/d/e/page", PAGE);
    g->clock_ns[0]++;
    put_long_file(g, "work/more", 2 * PAGE + 7);
    guest_file(g, "work/named", "renamed");
    assert_done(guest_rename(g, "work/named", "work/d/renamed"));
    assert_done(guest_link(g, "work/more", "work/hard"));
    assert_done(guest_symlink(g, "d/renamed", "work/soft"));
    assert_done(guest_unlink(g, "work/gone"));
    move(w);
    for (size_t i = 0; i < SN_COUNT(paths); i++)
        check_same_stat(w, paths[i]);
    guest_expect(w->two, "work/soft", "renamed");
    guest_expect(w->two, "work/empty", "");
    sn_abi_filestat stat;
    assert_errno(guest_stat(w->two, &stat, "work/gone", false), SN_WASI_NOENT);
    guest_expect(w->two, "ro/file", "read only");
    guest_file(w->two, "work/d/renamed", "written to");
    guest_expect(w->two, "work/soft", "written to");
}

/* What lies in a folder of the ground. */
static void a_workspace_of_the_ground(void **state) {
    worlds *w = *state;
    guest_file(w->one, "w/f", "here");
    move(w);
    guest_expect(w->two, "w/f", "here");
    check_same_stat(w, "w");
    check_same_stat(w, "w/f");
}

static void descriptors(void **state) {
    worlds *w = *state;
    uint32_t got;
    guest_file(w->one, "work/f", "0123456789");
    guest_file(w->one, "work/log", "a");
    guest_file(w->one, "work/unlinked", "kept");
    uint32_t closed = guest_open(w->one, "work/f", 0, READING);
    uint32_t fd = guest_open(w->one, "work/f", 0, SN_RIGHTS_FILE);
    uint32_t log, kept = guest_open(w->one, "work/unlinked", 0, READING);
    uint32_t dir = guest_open(w->one, "work", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    assert_done(
        guest_open_as(w->one, &log, 3, "work/log", 0, 0, SN_RIGHTS_FILE, 0, SN_FDFLAG_APPEND));
    assert_done(sn_wasi_fd_close(w->one->wasi, closed));
    assert_done(guest_read(w->one, &got, fd, 4));
    assert_done(guest_unlink(w->one, "work/unlinked"));
    move(w);
    assert_done(guest_read(w->two, &got, fd, 100));
    assert_int_equal(got, 6);
    assert_memory_equal(w->two->memory.base + AT_DATA, "456789", 6);
    assert_done(guest_write(w->two, log, "b"));
    guest_expect(w->two, "work/log", "ab");
    assert_done(guest_read(w->two, &got, kept, 100));
    assert_int_equal(got, 4);
    assert_errno(guest_read(w->two, &got, closed, 1), SN_WASI_BADF);
    assert_errno(guest_write(w->two, kept, "x"), SN_WASI_NOTCAPABLE);
    assert_done(sn_wasi_fd_close(w->two->wasi, kept));
    assert_int_equal(guest_open(w->two, "work/f", 0, READING), closed);
    assert_int_equal(w->two->wasi->fds[dir].kind, SN_FD_DIR);
}

/* A folder that is being listed goes on behind the entry that was read last. */
static void a_listing_goes_on(void **state) {
    worlds *w = *state;
    guest_file(w->one, "work/a", "");
    guest_file(w->one, "work/b", "");
    guest_file(w->one, "work/c", "");
    assert_done(guest_unlink(w->one, "work/a"));
    uint32_t dir = guest_open(w->one, "work", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    uint32_t used[2];
    guest *both[] = {w->one, w->two};
    uint8_t listed[2][256] = {{0}};
    for (size_t i = 0; i < 2; i++) {
        if (i == 1)
            move(w);
        uint64_t cookie = 3; /* behind "a", which is gone */
        assert_done(sn_wasi_fd_readdir(both[i]->wasi, dir, AT_DATA, 256, cookie, AT_RESULT));
        used[i] = guest_u32(both[i], AT_RESULT);
        memcpy(listed[i], both[i]->memory.base + AT_DATA, used[i]);
    }
    assert_true(used[0] > 0);
    assert_int_equal(used[0], used[1]);
    assert_memory_equal(listed[0], listed[1], used[0]);
}

static void only_what_changed_is_handed_out(void **state) {
    worlds *w = *state;
    put_long_file(w->one, "work/a", PAGE + 1);
    put_long_file(w->one, "work/b", 3 * PAGE);
    guest_file(w->one, "work/c", "c");
    move(w);
    assert_int_equal(w->saved->given, 3);
    save(w->saved, w->two);
    assert_int_equal(w->saved->given, 0);
    uint32_t fd = guest_open(w->two, "work/b", 0, SN_RIGHTS_FILE);
    assert_done(guest_write(w->two, fd, "!"));
    assert_done(guest_unlink(w->two, "work/a"));
    save(w->saved, w->two);
    assert_int_equal(w->saved->given, 1);
    guest *third = make_world();
    assert_int_equal(load(third, w->saved), 0);
    guest_expect(third, "work/c", "c");
    sn_abi_filestat stat;
    assert_done(guest_stat(third, &stat, "work/b", false));
    assert_int_equal(stat.size, 3 * PAGE);
    free_world(third);
}

static void the_same_again(void **state) {
    worlds *w = *state;
    guest_file(w->one, "work/a", "text");
    assert_done(guest_mkdir(w->one, "work/d"));
    guest_open(w->one, "work/a", 0, SN_RIGHTS_FILE);
    move(w);
    size_t bytes = w->saved->blob.bytes;
    sn_auto_free void *first = malloc(bytes);
    assert_non_null(first);
    memcpy(first, w->saved->blob.data, bytes);
    save(w->saved, w->two);
    assert_int_equal(w->saved->blob.bytes, bytes);
    assert_memory_equal(w->saved->blob.data, first, bytes);
}

static void the_quota_holds_on(void **state) {
    worlds *w = *state;
    uint64_t used[2], quota;
    put_long_file(w->one, "work/a", 2 * PAGE);
    assert_int_equal(sn_vfs_workspace_usage(&used[0], &quota, w->one->vfs, "/work"), 0);
    move(w);
    assert_int_equal(sn_vfs_workspace_usage(&used[1], &quota, w->two->vfs, "/work"), 0);
    assert_int_equal(used[0], used[1]);
    assert_int_equal(quota, SPACE_BYTES);
    uint32_t fd = guest_open(w->two, "work/a", 0, SN_RIGHTS_FILE);
    assert_errno(sn_wasi_fd_filestat_set_size(w->two->wasi, fd, SPACE_BYTES), SN_WASI_NOSPC);
    assert_done(guest_unlink(w->two, "work/a"));
    assert_done(sn_wasi_fd_close(w->two->wasi, fd));
    assert_int_equal(sn_vfs_workspace_usage(&used[1], &quota, w->two->vfs, "/work"), 0);
    assert_int_equal(used[1], 0);
}

static void the_clock_does_not_go_back(void **state) {
    worlds *w = *state;
    w->one->clock_ns[1] = 90000;
    w->two->clock_ns[1] = 10;
    move(w);
    assert_int_equal(w->two->wasi->monotonic_offset_ns, 90000 - 10);
}

/* ---- damage ---- */

static void build_some(worlds *w) {
    guest_file(w->one, "work/a", "text");
    assert_done(guest_mkdir(w->one, "work/d"));
    guest_file(w->one, "work/d/b", "more");
    assert_done(guest_symlink(w->one, "d/b", "work/soft"));
    guest_open(w->one, "work/a", 0, SN_RIGHTS_FILE);
    save(w->saved, w->one);
}

/* Whatever it makes is sound. */
static int try_bytes(const saved *s, const void *data, size_t bytes) {
    guest *g = make_world();
    int rc = sn_wasi_load(g->wasi, data, bytes, s->pages, PAGES, NULL);
    sn_tree_check(g->vfs);
    free_world(g);
    return rc;
}

static void cut_off_anywhere(void **state) {
    worlds *w = *state;
    build_some(w);
    for (size_t bytes = 0; bytes < w->saved->blob.bytes; bytes++) {
        sn_auto_free void *exact = malloc(bytes + 1);
        assert_non_null(exact);
        memcpy(exact, w->saved->blob.data, bytes);
        assert_int_equal(try_bytes(w->saved, exact, bytes), SN_EUNAVAILABLE);
    }
}

static void changed_anywhere(void **state) {
    worlds *w = *state;
    build_some(w);
    for (size_t at = 0; at < w->saved->blob.bytes; at++) {
        for (int bit = 0; bit < 8; bit++) {
            w->saved->blob.data[at] ^= (char)(1 << bit);

            int rc = try_bytes(w->saved, w->saved->blob.data, w->saved->blob.bytes);
            assert_true(rc == 0 || rc == SN_EUNAVAILABLE);
            w->saved->blob.data[at] ^= (char)(1 << bit);
        }
    }
}

static void of_another_ground(void **state) {
    worlds *w = *state;
    save(w->saved, w->one);
    assert_int_equal(sn_vfs_add_dir(w->two->vfs, "/one/more", NULL), 0);
    assert_int_equal(sn_wasi_mark_ground(w->two->wasi, NULL), 0);
    assert_int_equal(load(w->two, w->saved), SN_EUNAVAILABLE);
}

#define WORLDS_TEST(test) cmocka_unit_test_setup_teardown(test, begin, finish)

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLDS_TEST(files_and_folders),
        WORLDS_TEST(a_workspace_of_the_ground),
        WORLDS_TEST(descriptors),
        WORLDS_TEST(a_listing_goes_on),
        WORLDS_TEST(only_what_changed_is_handed_out),
        WORLDS_TEST(the_same_again),
        WORLDS_TEST(the_quota_holds_on),
        WORLDS_TEST(the_clock_does_not_go_back),
        WORLDS_TEST(cut_off_anywhere),
        WORLDS_TEST(changed_anywhere),
        WORLDS_TEST(of_another_ground),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
