/* readdir_test.c - listing folders, in pieces, while they change. */
#include "guest.h"

#include <stdio.h>

enum {
    HEADER = sizeof(sn_abi_dirent),
};

static uint32_t list(guest *g, uint32_t fd, uint32_t bytes, uint64_t cookie) {
    assert_done(sn_wasi_fd_readdir(g->wasi, fd, AT_DATA, bytes, cookie, AT_RESULT));
    uint32_t used = guest_u32(g, AT_RESULT);
    assert_true(used <= bytes);
    return used;
}

/* The record at `*at`, moved behind it; false: the rest is no whole record. */
static bool next(guest *g, sn_abi_dirent *out, char name[256], uint32_t *at, uint32_t used) {
    if (used - *at < HEADER)
        return false;
    memcpy(out, g->memory.base + AT_DATA + *at, HEADER);
    if (used - *at - HEADER < out->namlen)
        return false;
    memcpy(name, g->memory.base + AT_DATA + *at + HEADER, out->namlen);
    name[out->namlen] = '\0';
    *at += HEADER + out->namlen;
    return true;
}

/* Reads the folder with a buffer of `bytes`, as wasi-libc does; gives the names in a row. */
static void read_all(guest *g, uint32_t fd, uint32_t bytes, char *names, size_t size) {
    uint64_t cookie = 0;
    names[0] = '\0';
    for (;;) {
        uint32_t at = 0, used = list(g, fd, bytes, cookie);
        sn_abi_dirent entry;
        char name[256];
        bool any = false;
        while (next(g, &entry, name, &at, used)) {
            assert_true(strlen(names) + strlen(name) + 2 <= size);
            strcat(strcat(names, name), ",");
            cookie = entry.next;
            any = true;
        }
        if (used < bytes)
            return;
        assert_true(any);
    }
}

static uint32_t make_folder(guest *g) {
    assert_done(guest_mkdir(g, "w/d"));
    guest_file(g, "w/d/file", "x");
    assert_done(guest_mkdir(g, "w/d/sub"));
    assert_done(guest_symlink(g, "file", "w/d/link"));
    return guest_open(g, "w/d", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
}

static void entries_say_what_they_are(void **state) {
    guest *g = *state;
    uint32_t fd = make_folder(g), at = 0, used = list(g, fd, 1000, 0);
    const struct {
        const char *name, *path;
        uint8_t type;
    } expected[] = {
        {".", "w/d", SN_FILETYPE_DIRECTORY},
        {"..", "w", SN_FILETYPE_DIRECTORY},
        {"file", "w/d/file", SN_FILETYPE_REGULAR_FILE},
        {"sub", "w/d/sub", SN_FILETYPE_DIRECTORY},
        {"link", "w/d/link", SN_FILETYPE_SYMBOLIC_LINK},
    };
    sn_abi_dirent entry;
    char name[256];
    for (size_t i = 0; i < 5; i++) {
        sn_abi_filestat stat;
        assert_true(next(g, &entry, name, &at, used));
        assert_string_equal(name, expected[i].name);
        assert_int_equal(entry.type, expected[i].type);
        uint8_t copy[DATA_BYTES / 64];
        memcpy(copy, g->memory.base + AT_DATA, sizeof copy);
        assert_done(guest_stat(g, &stat, expected[i].path, false));
        memcpy(g->memory.base + AT_DATA, copy, sizeof copy);
        assert_int_equal(entry.ino, stat.ino);
    }
    assert_int_equal(at, used);
    /* Nothing is told of what lies above a preopened folder. */
    used = list(g, 3, 1000, 0);
    at = 0;
    assert_true(next(g, &entry, name, &at, used));
    uint64_t root = entry.ino;
    assert_true(next(g, &entry, name, &at, used));
    assert_int_equal(entry.ino, root);
}

static void every_buffer_gives_the_same_list(void **state) {
    guest *g = *state;
    uint32_t fd = make_folder(g);
    char names[256];
    for (uint32_t bytes = HEADER + 4; bytes < 300; bytes++) {
        read_all(g, fd, bytes, names, sizeof names);
        assert_string_equal(names, ".,..,file,sub,link,");
    }
}

static void tiny_buffers_are_filled_to_the_brim(void **state) {
    guest *g = *state;
    uint32_t fd = make_folder(g);
    uint8_t whole[512];
    uint32_t total = list(g, fd, sizeof whole, 0);
    memcpy(whole, g->memory.base + AT_DATA, total);
    for (uint32_t bytes = 0; bytes < total; bytes++) {
        memset(g->memory.base + AT_DATA, '#', total + 1);
        assert_int_equal(list(g, fd, bytes, 0), bytes);
        assert_memory_equal(g->memory.base + AT_DATA, whole, bytes);
        assert_int_equal(g->memory.base[AT_DATA + bytes], '#');
    }
}

static void cookies_resume(void **state) {
    guest *g = *state;
    uint32_t fd = make_folder(g), at = 0, used = list(g, fd, 1000, 0);
    uint64_t cookies[5];
    sn_abi_dirent entry;
    char name[256];
    for (int i = 0; i < 5; i++) {
        assert_true(next(g, &entry, name, &at, used));
        cookies[i] = entry.next;
    }
    at = 0;
    used = list(g, fd, 1000, cookies[1]);
    assert_true(next(g, &entry, name, &at, used));
    assert_string_equal(name, "file");
    at = 0;
    used = list(g, fd, 1000, cookies[3]);
    assert_true(next(g, &entry, name, &at, used));
    assert_string_equal(name, "link");
    assert_int_equal(list(g, fd, 1000, cookies[4]), 0);
    assert_int_equal(list(g, fd, 1000, UINT64_MAX), 0);
    assert_int_equal(list(g, fd, 1000, 1ull << 40), 0);
}

static void a_changing_folder_is_listed_once(void **state) {
    guest *g = *state;
    enum { FILES = 200 };
    char path[32], name[256];
    bool seen[FILES] = {false};
    assert_done(guest_mkdir(g, "w/d"));
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "w/d/%d", i);
        assert_done(guest_mkdir(g, path));
    }
    uint32_t fd = guest_open(g, "w/d", SN_OFLAG_DIRECTORY, SN_RIGHTS_DIR);
    uint64_t cookie = 0;
    for (;;) {
        uint32_t at = 0, used = list(g, fd, 150, cookie);
        uint8_t copy[150];
        memcpy(copy, g->memory.base + AT_DATA, sizeof copy);
        sn_abi_dirent entry;
        while (next(g, &entry, name, &at, used)) {
            cookie = entry.next;
            int i;
            if (sscanf(name, "%d", &i) != 1)
                continue;
            assert_false(seen[i]);
            seen[i] = true;
            snprintf(path, sizeof path, "w/d/%d", i);
            assert_done(guest_rmdir(g, path)); /* also the one that the cookie names */
            memcpy(g->memory.base + AT_DATA, copy, sizeof copy);
        }
        if (used < 150)
            break;
    }
    for (int i = 0; i < FILES; i++)
        assert_true(seen[i]);
    assert_done(guest_rmdir(g, "w/d"));
}

static void bad_calls_are_refused(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t fd = guest_open(g, "ro/file", 0, READING);
    assert_errno(sn_wasi_fd_readdir(w, fd, AT_DATA, 100, 0, AT_RESULT), SN_WASI_NOTDIR);
    assert_errno(sn_wasi_fd_readdir(w, 0, AT_DATA, 100, 0, AT_RESULT), SN_WASI_NOTDIR);
    assert_errno(sn_wasi_fd_readdir(w, 99, AT_DATA, 100, 0, AT_RESULT), SN_WASI_BADF);
    assert_errno(sn_wasi_fd_readdir(w, 3, END - 99, 100, 0, AT_RESULT), SN_WASI_FAULT);
    assert_errno(sn_wasi_fd_readdir(w, 3, AT_DATA, 100, 0, END - 3), SN_WASI_FAULT);
    assert_done(sn_wasi_fd_readdir(w, 3, END - 100, 100, 0, END - 4));
    fd = guest_open(g, "ro", SN_OFLAG_DIRECTORY, SN_RIGHT_PATH_OPEN);
    assert_errno(sn_wasi_fd_readdir(w, fd, AT_DATA, 100, 0, AT_RESULT), SN_WASI_NOTCAPABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(entries_say_what_they_are),
        GUEST_TEST(every_buffer_gives_the_same_list),
        GUEST_TEST(tiny_buffers_are_filled_to_the_brim),
        GUEST_TEST(cookies_resume),
        GUEST_TEST(a_changing_folder_is_listed_once),
        GUEST_TEST(bad_calls_are_refused),
    };
    return cmocka_run_group_tests_name("readdir", tests, NULL, NULL);
}
