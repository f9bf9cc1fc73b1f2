/* snapshot_test.c - a guest's files and descriptors, saved and put back in another world. */
#include "guest.h"
#include "tree_check.h"
#include "wasi/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    PAGE = 4096,
    PAGES_MOST = 80, /* more than the quotas are */
    GIVEN_MOST = 16,
    TMP_QUOTA_BYTES = 20000,
};

/* What one saving gave, over the pages that earlier ones left. */
typedef struct saved {
    sn_buffer blob, extents;
    uint8_t *pages;
    uint32_t given[GIVEN_MOST]; /* first pages */
    size_t given_count;
    uint64_t given_bytes;
    int refuse;
} saved;

static saved new_saved(void) {
    saved s = {.pages = malloc(PAGES_MOST * PAGE)};
    assert_non_null(s.pages);
    memset(s.pages, '#', PAGES_MOST * PAGE);
    return s;
}

static void end_saved(saved *s) {
    sn_buffer_free(&s->blob);
    sn_buffer_free(&s->extents);
    free(s->pages);
}

static int take_file(void *user, uint32_t first, const void *data, uint64_t bytes) {
    saved *s = user;
    assert_true(bytes > 0 && first + (bytes + PAGE - 1) / PAGE <= PAGES_MOST);
    assert_true(s->given_count < GIVEN_MOST);
    s->given[s->given_count++] = first;
    s->given_bytes += bytes;
    memcpy(s->pages + (size_t)first * PAGE, data, bytes);
    return s->refuse;
}

static void save(saved *s, guest *g) {
    s->blob.bytes = s->extents.bytes = 0;
    s->given_count = s->given_bytes = 0;
    assert_int_equal(sn_wasi_save(&s->blob, &s->extents, g->wasi, take_file, s, NULL), 0);
}

static uint32_t pages_named(const saved *s) {
    const sn_extent *extents = (const sn_extent *)s->extents.data;
    uint32_t sum = 0;
    uint64_t end = 0;
    for (size_t i = 0; i < s->extents.bytes / sizeof *extents; i++) {
        assert_true(extents[i].count > 0 && (i == 0 || extents[i].first > end));
        end = (uint64_t)extents[i].first + extents[i].count;
        sum += extents[i].count;
    }
    return sum;
}

/* A guest whose ground is /ro and an empty /tmp, as a worker's before its request. */
static guest *new_guest(void) {
    void *state;
    assert_int_equal(guest_setup(&state), 0);
    guest *g = state;
    sn_wasi_options options = g->wasi->options;
    sn_wasi_sources sources = g->wasi->sources;
    options.sources = &sources;
    sn_wasi_free(g->wasi);
    sn_vfs_free(g->vfs);
    assert_int_equal(sn_vfs_new(&g->vfs, NULL), 0);
    assert_int_equal(sn_vfs_add_file(g->vfs, "/ro/file", "read only", 9, NULL), 0);
    assert_int_equal(sn_vfs_add_dir(g->vfs, "/tmp", NULL), 0);
    options.vfs = g->vfs;
    assert_int_equal(sn_wasi_new(&g->wasi, &options, NULL), 0);
    sn_wasi_set_memory(g->wasi, &g->memory);
    assert_int_equal(sn_wasi_mark_ground(g->wasi, NULL), 0);
    return g;
}

static void end_guest(guest *g) {
    void *state = g;
    guest_teardown(&state);
}

/* The workspaces of a first request: one in the ground, one beside it. */
static guest *first_guest(void) {
    guest *g = new_guest();
    assert_int_equal(sn_vfs_add_workspace(g->vfs, "/tmp", TMP_QUOTA_BYTES, NULL), 0);
    assert_int_equal(sn_vfs_add_workspace(g->vfs, "/w", QUOTA_BYTES, NULL), 0);
    return g;
}

static sn_snapshot_pages pages_of(const saved *s) {
    return (sn_snapshot_pages){s->pages, (const sn_extent *)s->extents.data,
                               s->extents.bytes / sizeof(sn_extent)};
}

static int load_into(guest *g, const saved *s) {
    sn_snapshot_pages pages = pages_of(s);
    return sn_wasi_load(g->wasi, s->blob.data, s->blob.bytes, &pages, NULL);
}

static guest *load(const saved *s) {
    guest *g = new_guest();
    assert_int_equal(load_into(g, s), 0);
    sn_tree_check(g->vfs);
    return g;
}

/* The same guest in another process. */
static guest *move(saved *s, guest *g) {
    save(s, g);
    end_guest(g);
    return load(s);
}

static uint64_t used(const guest *g, const char *path) {
    uint64_t used_bytes, quota_bytes;
    assert_int_equal(sn_vfs_workspace_usage(&used_bytes, &quota_bytes, g->vfs, path), 0);
    return used_bytes;
}

/* A file of so many bytes, all of them `with`. */
static void fill(guest *g, const char *path, uint32_t bytes, char with) {
    uint32_t fd = guest_open(g, path, SN_OFLAG_CREAT | SN_OFLAG_TRUNC, SN_RIGHTS_FILE);
    sn_abi_iovec iov = {AT_DATA, bytes};
    assert_true(bytes <= DATA_BYTES);
    memset(g->memory.base + AT_DATA, with, bytes);
    guest_put(g, AT_IOVS, &iov, sizeof iov);
    assert_done(sn_wasi_fd_write(g->wasi, fd, AT_IOVS, 1, AT_RESULT));
    assert_done(sn_wasi_fd_close(g->wasi, fd));
}

static void expect_filled(guest *g, const char *path, uint32_t bytes, char with) {
    uint32_t fd = guest_open(g, path, 0, READING), got;
    assert_done(guest_read(g, &got, fd, DATA_BYTES));
    assert_int_equal(got, bytes);
    for (uint32_t i = 0; i < bytes; i++)
        assert_int_equal(g->memory.base[AT_DATA + i], with);
    assert_done(sn_wasi_fd_close(g->wasi, fd));
}

static void expect_read(guest *g, uint32_t fd, const char *text) {
    uint32_t got;
    assert_done(guest_read(g, &got, fd, 1000));
    assert_int_equal(got, strlen(text));
    assert_memory_equal(g->memory.base + AT_DATA, text, got);
}

/* ---- what comes back ---- */

static void files_and_folders_come_back(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    guest_file(g, "tmp/note", "in tmp");
    guest_file(g, "w/empty", "");
    fill(g, "w/page", PAGE, 'p');
    fill(g, "w/large", 3 * PAGE + 1, 'l');
    assert_done(guest_mkdir(g, "w/a"));
    assert_done(guest_mkdir(g, "w/a/b"));
    guest_file(g, "w/a/b/deep", "deep");
    guest_file(g, "w/old", "renamed");
    assert_done(guest_rename(g, "w/old", "w/a/new"));
    assert_done(guest_link(g, "w/a/new", "w/twice"));
    assert_done(guest_symlink(g, "a/b/deep", "w/link"));
    uint64_t in_tmp = used(g, "/tmp"), in_w = used(g, "/w");
    for (int i = 0; i < 3; i++) {
        g = move(&s, g);
        guest_expect(g, "tmp/note", "in tmp");
        guest_expect(g, "ro/file", "read only");
        guest_expect(g, "w/empty", "");
        expect_filled(g, "w/page", PAGE, 'p');
        expect_filled(g, "w/large", 3 * PAGE + 1, 'l');
        guest_expect(g, "w/a/b/deep", "deep");
        guest_expect(g, "w/a/new", "renamed");
        guest_expect(g, "w/link", "deep");
        sn_abi_filestat one, two;
        assert_done(guest_stat(g, &one, "w/twice", true));
        assert_done(guest_stat(g, &two, "w/a/new", true));
        assert_int_equal(one.ino, two.ino);
        assert_int_equal(one.nlink, 2);
        assert_errno(guest_stat(g, &one, "w/old", true), SN_WASI_NOENT);
        assert_int_equal(used(g, "/tmp"), in_tmp);
        assert_int_equal(used(g, "/w"), in_w);
    }
    end_guest(g);
    end_saved(&s);
}

static void times_and_numbers_stay(void **state) {
    static const char *const paths[] = {"w", "w/d", "w/d/f", "w/d/l", "tmp"};
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    sn_abi_filestat before[5], after;
    assert_done(guest_mkdir(g, "w/d"));
    g->clock_ns[0] += 1000;
    guest_file(g, "w/d/f", "x");
    g->clock_ns[0] += 1000;
    assert_done(guest_symlink(g, "f", "w/d/l"));
    uint32_t length = guest_path(g, AT_PATH, "w/d/f");
    assert_done(sn_wasi_path_filestat_set_times(g->wasi, 3, 0, AT_PATH, length, 11, 22,
                                                SN_FST_ATIM | SN_FST_MTIM));
    for (int i = 0; i < 5; i++)
        assert_done(guest_stat(g, &before[i], paths[i], false));
    uint64_t next_ino = g->vfs->next_ino;
    g->clock_ns[0] += 1000;
    g = move(&s, g);
    for (int i = 0; i < 5; i++) {
        assert_done(guest_stat(g, &after, paths[i], false));
        assert_memory_equal(&after, &before[i], sizeof after);
    }
    assert_int_equal(g->vfs->next_ino, next_ino);
    end_guest(g);
    end_saved(&s);
}

static void descriptors_come_back(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    uint32_t appending;
    uint64_t rights = SN_RIGHTS_FILE & ~SN_RIGHT_FD_ADVISE;
    guest_file(g, "w/f", "0123456789");
    uint32_t reading = guest_open(g, "w/f", 0, READING);
    expect_read(g, reading, "0123456789");
    assert_done(sn_wasi_fd_seek(g->wasi, reading, 4, SN_WHENCE_SET, AT_RESULT));
    assert_done(
        guest_open_as(g, &appending, 3, "w/log", 0, SN_OFLAG_CREAT, rights, 0, SN_FDFLAG_APPEND));
    assert_done(guest_write(g, appending, "one "));
    uint32_t outside = guest_open(g, "ro/file", 0, READING);
    assert_done(sn_wasi_fd_close(g->wasi, 0));
    g = move(&s, g);
    assert_int_equal(g->wasi->fds[appending].flags, SN_FDFLAG_APPEND);
    assert_int_equal(g->wasi->fds[appending].rights, rights);
    expect_read(g, reading, "456789");
    expect_read(g, outside, "read only");
    assert_done(sn_wasi_fd_seek(g->wasi, appending, 0, SN_WHENCE_SET, AT_RESULT));
    assert_done(guest_write(g, appending, "two"));
    guest_expect(g, "w/log", "one two");
    assert_errno(sn_wasi_fd_sync(g->wasi, 0), SN_WASI_BADF);
    assert_int_equal(guest_open(g, "w/f", 0, READING), 0); /* the lowest that is free */
    assert_done(guest_write(g, 1, "out"));
    assert_string_equal(g->output[1].data, "out");
    end_guest(g);
    end_saved(&s);
}

static void many_descriptors_come_back(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    uint32_t last = 0;
    while (last < 200)
        last = guest_open(g, "ro/file", 0, READING);
    for (uint32_t fd = 10; fd < last; fd++)
        assert_done(sn_wasi_fd_close(g->wasi, fd));
    g = move(&s, g);
    expect_read(g, last, "read only");
    assert_int_equal(guest_open(g, "ro/file", 0, READING), 10);
    end_guest(g);
    end_saved(&s);
}

static void what_was_unlinked_stays_open(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    guest_file(g, "w/f", "still here");
    uint32_t file = guest_open(g, "w/f", 0, SN_RIGHTS_FILE);
    assert_done(guest_unlink(g, "w/f"));
    assert_done(guest_mkdir(g, "w/d"));
    uint32_t folder = guest_open(g, "w/d", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    assert_done(guest_rmdir(g, "w/d"));
    uint64_t in_w = used(g, "/w");
    g = move(&s, g);
    assert_int_equal(used(g, "/w"), in_w);
    expect_read(g, file, "still here");
    assert_done(guest_write(g, file, ", and more"));
    uint32_t fd;
    assert_errno(guest_open_as(g, &fd, folder, "x", 0, SN_OFLAG_CREAT, READING, 0, 0),
                 SN_WASI_NOENT);
    assert_done(sn_wasi_fd_close(g->wasi, file));
    assert_done(sn_wasi_fd_close(g->wasi, folder));
    assert_int_equal(used(g, "/w"), 0);
    end_guest(g);
    end_saved(&s);
}

/* The names from a cookie on, with a comma behind each; the last one's cookie. */
static uint64_t list(guest *g, char names[256], uint32_t fd, uint64_t cookie, uint32_t most) {
    assert_done(sn_wasi_fd_readdir(g->wasi, fd, AT_DATA, 1000, cookie, AT_RESULT));
    uint32_t at = AT_DATA, end = AT_DATA + guest_u32(g, AT_RESULT);
    names[0] = '\0';
    while (at < end && most-- > 0) {
        sn_abi_dirent entry;
        memcpy(&entry, g->memory.base + at, sizeof entry);
        strncat(names, (const char *)g->memory.base + at + sizeof entry, entry.namlen);
        strcat(names, ",");
        at += (uint32_t)sizeof entry + entry.namlen;
        cookie = entry.next;
    }
    return cookie;
}

static void a_listing_goes_on(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    char names[256];
    assert_done(guest_mkdir(g, "w/d"));
    for (int i = 0; i < 5; i++) {
        char path[] = "w/d/0";
        path[4] = (char)('0' + i);
        guest_file(g, path, "");
    }
    uint32_t fd = guest_open(g, "w/d", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    assert_done(guest_unlink(g, "w/d/1"));
    uint64_t middle = list(g, names, fd, 0, 4);
    assert_string_equal(names, ".,..,0,2,");
    uint64_t last = list(g, names, fd, middle, 9);
    assert_string_equal(names, "3,4,");
    assert_done(guest_unlink(g, "w/d/4"));
    g = move(&s, g);
    list(g, names, fd, middle, 9);
    assert_string_equal(names, "3,");
    guest_file(g, "w/d/new", ""); /* behind the one that is gone, too */
    list(g, names, fd, last, 9);
    assert_string_equal(names, "new,");
    end_guest(g);
    end_saved(&s);
}

static void the_clock_does_not_go_back(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    g->clock_ns[1] = 90000;
    save(&s, g);
    end_guest(g);
    g = load(&s);
    assert_int_equal(g->wasi->monotonic_offset_ns, 90000 - g->clock_ns[1]);
    end_guest(g);
    end_saved(&s);
}

/* ---- quotas ---- */

static void a_full_workspace_comes_back(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    fill(g, "tmp/f", 1000, 'x');
    uint32_t fd = guest_open(g, "tmp/f", 0, SN_RIGHTS_FILE);
    uint64_t rest = TMP_QUOTA_BYTES - used(g, "/tmp");
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 1000 + rest));
    guest_file(g, "w/f", "");
    fd = guest_open(g, "w/f", 0, SN_RIGHTS_FILE);
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, QUOTA_BYTES - used(g, "/w")));
    assert_errno(sn_wasi_fd_filestat_set_size(g->wasi, fd, QUOTA_BYTES), SN_WASI_NOSPC);
    for (int i = 0; i < 2; i++) {
        g = move(&s, g);
        assert_int_equal(used(g, "/tmp"), TMP_QUOTA_BYTES);
        assert_int_equal(used(g, "/w"), QUOTA_BYTES);
        assert_errno(guest_mkdir(g, "tmp/d"), SN_WASI_NOSPC);
        assert_errno(guest_mkdir(g, "w/d"), SN_WASI_NOSPC);
    }
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 0));
    assert_done(guest_mkdir(g, "w/d"));
    assert_int_equal(sn_vfs_set_workspace(g->vfs, "/tmp", TMP_QUOTA_BYTES - 1, NULL),
                     SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_vfs_set_workspace(g->vfs, "/w", 2000, NULL), 0);
    assert_errno(sn_wasi_fd_filestat_set_size(g->wasi, fd, 2000), SN_WASI_NOSPC);
    end_guest(g);
    end_saved(&s);
}

/* A session that was made up is not to have more memory than a request can ask for. */
static void a_quota_is_what_a_request_may_have(void **state) {
    static const uint64_t quotas[][2] = {
        {SN_WORKSPACE_MAX_BYTES + 1ull, 0},
        {SN_WORKSPACE_MAX_BYTES, 1},
        {UINT64_MAX, UINT64_MAX},
        {SN_WORKSPACE_MAX_BYTES, 0},
    };
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        saved s = new_saved();
        guest *g = new_guest(), *other = new_guest();
        assert_int_equal(sn_vfs_add_workspace(g->vfs, "/w", quotas[i][0], NULL), 0);
        assert_int_equal(sn_vfs_add_workspace(g->vfs, "/v", quotas[i][1], NULL), 0);
        save(&s, g);
        assert_int_equal(load_into(other, &s), i < 3 ? SN_EUNAVAILABLE : 0);
        end_guest(g);
        end_guest(other);
        end_saved(&s);
    }
}

/* ---- contents and their pages ---- */

static void only_what_was_written_is_given_again(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    fill(g, "w/a", 2 * PAGE, 'a');
    fill(g, "w/b", PAGE + 1, 'b');
    fill(g, "w/c", 1, 'c');
    save(&s, g);
    assert_int_equal(s.given_count, 3);
    assert_int_equal(s.given_bytes, 3 * PAGE + 2);
    assert_int_equal(pages_named(&s), 5);
    save(&s, g); /* also in the same process */
    assert_int_equal(s.given_count, 0);
    g = move(&s, g);
    assert_int_equal(s.given_count, 0);
    assert_int_equal(pages_named(&s), 5);
    assert_done(guest_rename(g, "w/a", "w/z"));
    uint32_t fd = guest_open(g, "w/b", 0, SN_RIGHTS_FILE);
    assert_done(guest_write(g, fd, "B"));
    save(&s, g);
    assert_int_equal(s.given_count, 1);
    assert_int_equal(s.given[0], 2); /* where it lay, as nothing else needs it */
    assert_int_equal(pages_named(&s), 5);
    assert_done(guest_unlink(g, "w/z"));
    fill(g, "w/d", 3 * PAGE, 'd');
    save(&s, g);
    assert_int_equal(s.given_count, 1);
    assert_int_equal(s.given[0], 5); /* two pages are free in front of the others */
    assert_int_equal(pages_named(&s), 6);
    fill(g, "w/e", PAGE, 'e');
    save(&s, g);
    assert_int_equal(s.given[0], 0);
    g = move(&s, g);
    expect_filled(g, "w/c", 1, 'c');
    expect_filled(g, "w/d", 3 * PAGE, 'd');
    expect_filled(g, "w/e", PAGE, 'e');
    end_guest(g);
    end_saved(&s);
}

static void borrowed_contents_are_copied_to_be_written(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    fill(g, "w/short", 5000, 's');
    fill(g, "w/long", 5000, 'l');
    guest_file(g, "w/middle", "0123456789");
    g = move(&s, g);
    uint8_t *copy = malloc(PAGES_MOST * PAGE);
    assert_non_null(copy);
    memcpy(copy, s.pages, PAGES_MOST * PAGE);
    uint32_t fd = guest_open(g, "w/short", 0, SN_RIGHTS_FILE);
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 10));
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 20));
    fd = guest_open(g, "w/long", 0, SN_RIGHTS_FILE);
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 6000));
    fd = guest_open(g, "w/middle", 0, SN_RIGHTS_FILE);
    assert_done(sn_wasi_fd_seek(g->wasi, fd, 3, SN_WHENCE_SET, AT_RESULT));
    assert_done(guest_write(g, fd, "###"));
    assert_memory_equal(copy, s.pages, PAGES_MOST * PAGE);
    g = move(&s, g);
    guest_expect(g, "w/middle", "012###6789");
    uint32_t got;
    fd = guest_open(g, "w/short", 0, READING);
    assert_done(guest_read(g, &got, fd, 100));
    assert_int_equal(got, 20);
    assert_memory_equal(g->memory.base + AT_DATA, "ssssssssss\0\0\0\0\0\0\0\0\0\0", 20);
    fd = guest_open(g, "w/long", 0, READING);
    assert_done(guest_read(g, &got, fd, 10000));
    assert_int_equal(got, 6000);
    for (uint32_t i = 0; i < 6000; i++)
        assert_int_equal(g->memory.base[AT_DATA + i], i < 5000 ? 'l' : '\0');
    end_guest(g);
    free(copy);
    end_saved(&s);
}

static void inputs_are_kept_until_they_are_replaced(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = new_guest();
    assert_int_equal(sn_vfs_put_file(g->vfs, "/tmp/deep/in", "first", 5, NULL), 0);
    uint32_t fd = guest_open(g, "tmp/deep/in", 0, READING);
    g = move(&s, g);
    guest_expect(g, "tmp/deep/in", "first");
    assert_int_equal(sn_vfs_put_file(g->vfs, "/tmp/deep/in", "second", 6, NULL), 0);
    g = move(&s, g);
    guest_expect(g, "tmp/deep/in", "second");
    expect_read(g, fd, "first");
    uint32_t other;
    assert_errno(guest_open_as(g, &other, 3, "tmp/deep/in", 0, 0, SN_RIGHTS_FILE, 0, 0),
                 SN_WASI_ROFS);
    end_guest(g);
    end_saved(&s);
}

static void who_takes_files_may_refuse(void **state) {
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    guest_file(g, "w/f", "x");
    s.refuse = -99;
    assert_true(sn_wasi_save(&s.blob, &s.extents, g->wasi, take_file, &s, NULL) < 0);
    end_guest(g);
    end_saved(&s);
}

/* ---- damage ---- */

/* A small world of everything. */
static void save_small(saved *s) {
    guest *g = first_guest();
    guest_file(g, "w/f", "contents");
    assert_done(guest_mkdir(g, "w/d"));
    guest_file(g, "w/d/g", "");
    assert_done(guest_symlink(g, "f", "w/l"));
    guest_file(g, "tmp/h", "tmp");
    guest_open(g, "w/f", 0, SN_RIGHTS_FILE);
    guest_open(g, "w/d", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    save(s, g);
    end_guest(g);
}

/* Loads it into a world that must be sound then, and free of leaks and faults in any case. */
static bool try(const void *blob, size_t bytes, const saved *s) {
    guest *g = new_guest();
    sn_error err = SN_ERROR_INIT;
    sn_snapshot_pages pages = pages_of(s);
    char *exact = malloc(bytes ? bytes : 1);
    assert_non_null(exact);
    memcpy(exact, blob, bytes);
    int rc = sn_wasi_load(g->wasi, exact, bytes, &pages, &err);
    free(exact);
    if (rc < 0) {
        assert_int_equal(rc, SN_EUNAVAILABLE);
        assert_string_not_equal(err.message, "");
    } else {
        sn_tree_check(g->vfs);
        guest_mkdir(g, "w/new");
        guest_unlink(g, "w/f");
        sn_buffer out = {0}, extents = {0};
        saved again = new_saved();
        assert_int_equal(sn_wasi_save(&out, &extents, g->wasi, take_file, &again, NULL), 0);
        sn_buffer_free(&out);
        sn_buffer_free(&extents);
        end_saved(&again);
    }
    end_guest(g); /* checks the tree, loaded or not */
    return rc == 0;
}

/* Where the host laid a folder into a workspace before the ground was marked, a guest can remove
 * it, and a file may get its place. */
static void a_folder_of_the_ground_may_be_gone(void **state) {
    void *made;
    (void)state;
    assert_int_equal(guest_setup(&made), 0);
    guest *g = made;
    saved s = new_saved();
    assert_int_equal(sn_vfs_add_dir(g->vfs, "/w/sub", NULL), 0);
    assert_int_equal(sn_wasi_mark_ground(g->wasi, NULL), 0);
    assert_done(guest_rmdir(g, "w/sub"));
    fill(g, "w/f", 3 * PAGE, 'x');
    save(&s, g);
    assert_true(s.blob.bytes < 1000);
    end_guest(g);
    end_saved(&s);
}

static void what_is_cut_off_is_refused(void **state) {
    (void)state;
    saved s = new_saved();
    save_small(&s);
    for (size_t bytes = 0; bytes < s.blob.bytes; bytes++)
        assert_false(try(s.blob.data, bytes, &s));
    assert_true(try(s.blob.data, s.blob.bytes, &s));
    assert_true(sn_buffer_add(&s.blob, "", 1));
    assert_false(try(s.blob.data, s.blob.bytes, &s));
    end_saved(&s);
}

static void damage_in_any_byte_is_survived(void **state) {
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    (void)state;
    saved s = new_saved();
    save_small(&s);
    size_t refused = 0;
    for (size_t i = 0; i < s.blob.bytes; i++)
        for (size_t k = 0; k < sizeof flips; k++) {
            s.blob.data[i] = (char)(s.blob.data[i] ^ flips[k]);
            refused += !try(s.blob.data, s.blob.bytes, &s);
            s.blob.data[i] = (char)(s.blob.data[i] ^ flips[k]);
        }
    assert_true(refused > s.blob.bytes);
    end_saved(&s);
}

/* Reading a hole of the state's file would make it larger than a session may be. */
static void contents_that_are_not_there_are_refused(void **state) {
    static const sn_extent few[] = {{0, 2}, {3, 1}, {5, 1}};
    (void)state;
    saved s = new_saved();
    guest *g = first_guest();
    fill(g, "w/a", 2 * PAGE, 'a');
    fill(g, "w/b", PAGE + 1, 'b');
    save(&s, g);
    end_guest(g);
    for (size_t i = 0; i <= 3; i++) {
        sn_snapshot_pages pages = {s.pages, few, i};
        g = new_guest();
        assert_int_equal(sn_wasi_load(g->wasi, s.blob.data, s.blob.bytes, &pages, NULL),
                         SN_EUNAVAILABLE);
        end_guest(g);
    }
    end_guest(load(&s));
    end_saved(&s);
}

static void another_ground_is_refused(void **state) {
    (void)state;
    saved s = new_saved();
    save_small(&s);
    guest *g = new_guest();
    assert_int_equal(sn_vfs_add_dir(g->vfs, "/more", NULL), 0);
    assert_int_equal(sn_wasi_mark_ground(g->wasi, NULL), 0);
    assert_int_equal(load_into(g, &s), SN_EUNAVAILABLE);
    end_guest(g);
    end_saved(&s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_folders_come_back),
        cmocka_unit_test(times_and_numbers_stay),
        cmocka_unit_test(descriptors_come_back),
        cmocka_unit_test(many_descriptors_come_back),
        cmocka_unit_test(what_was_unlinked_stays_open),
        cmocka_unit_test(a_listing_goes_on),
        cmocka_unit_test(the_clock_does_not_go_back),
        cmocka_unit_test(a_full_workspace_comes_back),
        cmocka_unit_test(a_quota_is_what_a_request_may_have),
        cmocka_unit_test(only_what_was_written_is_given_again),
        cmocka_unit_test(borrowed_contents_are_copied_to_be_written),
        cmocka_unit_test(inputs_are_kept_until_they_are_replaced),
        cmocka_unit_test(who_takes_files_may_refuse),
        cmocka_unit_test(a_folder_of_the_ground_may_be_gone),
        cmocka_unit_test(what_is_cut_off_is_refused),
        cmocka_unit_test(damage_in_any_byte_is_survived),
        cmocka_unit_test(contents_that_are_not_there_are_refused),
        cmocka_unit_test(another_ground_is_refused),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
