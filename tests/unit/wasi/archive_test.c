/* archive_test.c - zip archives: good ones, wrong ones, and every way to damage a small one. */
#include "guest.h"

#include "tree_check.h"
#include "wasi/path.h"
#include "zip.h"

#include <stdio.h>
#include <stdlib.h>

static int mount(sn_vfs **out, const zip_member *members, size_t count, sn_error *err,
                 uint8_t **zip) {
    size_t bytes;
    *zip = zip_build(&bytes, members, count);
    assert_int_equal(sn_vfs_new(out, NULL), 0);
    int e = sn_vfs_mount_archive(*out, *zip, bytes, err);
    sn_tree_check(*out);
    return e;
}

static void check_file(const sn_vfs *vfs, const char *path, const char *content) {
    sn_lookup at;
    assert_int_equal(sn_path_lookup(&at, vfs, SN_TREE_ROOT, path, strlen(path), SN_FOLLOW), 0);
    assert_int_not_equal(at.node, 0);
    const sn_node *node = &vfs->nodes[at.node];
    assert_int_equal(node->type, SN_FILETYPE_REGULAR_FILE);
    assert_int_equal(node->space, 0);
    assert_int_equal(node->mtim, SN_TREE_EPOCH_NS);
    assert_int_equal(node->file.bytes, strlen(content));
    assert_memory_equal(node->file.data, content, strlen(content));
}

static void members_become_files(void **state) {
    (void)state;
    static const zip_member members[] = {
        {.name = "top.txt", .content = "top"},
        {.name = "lib/"},
        {.name = "lib/a.py", .content = "A"},
        {.name = "lib/b/c.py", .content = "C"},
        {.name = "lib/b/"},
        {.name = "lib/b/empty"},
        {.name = "lib/d.py", .content = "D"},
        {.name = "other/\xc3\xa4.py", .content = "umlaut", .mode = 0100644},
    };
    sn_vfs *vfs;
    uint8_t *zip;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(mount(&vfs, members, 8, &err, &zip), 0);
    check_file(vfs, "top.txt", "top");
    check_file(vfs, "lib/a.py", "A");
    check_file(vfs, "lib/b/c.py", "C");
    check_file(vfs, "lib/b/empty", "");
    check_file(vfs, "lib/d.py", "D");
    check_file(vfs, "other/\xc3\xa4.py", "umlaut");
    sn_vfs_free(vfs);
    free(zip);
}

static void an_empty_archive_is_fine(void **state) {
    (void)state;
    sn_vfs *vfs;
    uint8_t *zip;
    assert_int_equal(mount(&vfs, NULL, 0, NULL, &zip), 0);
    sn_vfs_free(vfs);
    free(zip);
}

static void a_comment_at_the_end_is_fine(void **state) {
    (void)state;
    static const zip_member member = {.name = "a", .content = "A"};
    size_t bytes;
    uint8_t *zip = zip_build(&bytes, &member, 1);
    zip = realloc(zip, bytes + 4);
    memcpy(zip + bytes, "note", 4);
    zip[bytes - 2] = 4;
    sn_vfs *vfs;
    assert_int_equal(sn_vfs_new(&vfs, NULL), 0);
    assert_int_equal(sn_vfs_mount_archive(vfs, zip, bytes + 4, NULL), 0);
    check_file(vfs, "a", "A");
    sn_vfs_free(vfs);
    free(zip);
}

static void local_headers_count_where_they_can_add_something(void **state) {
    (void)state;
    static const zip_member members[] = {
        {.name = "a", .content = "A", .local_extra = 7},
        {.name = "b", .content = "B"},
        {.name = "c", .content = "C", .local_extra = 20, .flags = 1 << 3},
    };
    sn_vfs *vfs;
    uint8_t *zip;
    assert_int_equal(mount(&vfs, members, 3, NULL, &zip), 0);
    check_file(vfs, "a", "A");
    check_file(vfs, "b", "B");
    check_file(vfs, "c", "C");
    sn_vfs_free(vfs);
    free(zip);
    size_t bytes;
    zip = zip_build(&bytes, members, 3);
    static const size_t wrong[] = {0, 6, 8, 14, 18, 22, 26, 28, 30};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        sn_error err = SN_ERROR_INIT;
        zip[wrong[i]] ^= 0x40;
        assert_int_equal(sn_vfs_new(&vfs, NULL), 0);
        assert_int_equal(sn_vfs_mount_archive(vfs, zip, bytes, &err), SN_EUNAVAILABLE);
        sn_vfs_free(vfs);
        zip[wrong[i]] ^= 0x40;
    }
    free(zip);
}

static void wrong_members_are_refused(void **state) {
    (void)state;
    char longer[300];
    memset(longer, 'n', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    const struct {
        zip_member members[2];
        const char *why;
    } cases[] = {
        {{{.name = "x", .content = "x", .method = 8}}, "compressed"},
        {{{.name = "x", .content = "x", .flags = 1}}, "encrypted"},
        {{{.name = "x", .content = "x", .flags = 1 << 13}}, "encrypted"},
        {{{.name = "/x", .content = "x"}}, "absolute"},
        {{{.name = "../x", .content = "x"}}, "climbs"},
        {{{.name = "a/../../x", .content = "x"}}, "climbs"},
        {{{.name = "a/..", .content = "x"}}, "climbs"},
        {{{.name = "a//x", .content = "x"}}, "no name"},
        {{{.name = "./x", .content = "x"}}, "no name"},
        {{{.name = "x\xff", .content = "x"}}, "no name"},
        {{{.name = longer, .content = "x"}}, "no name"},
        {{{.name = "", .content = "x"}}, "length"},
        {{{.name = "x/", .content = "x"}}, "folder with contents"},
        {{{.name = "x", .content = "y", .mode = 0120777}}, "symbolic link"},
        {{{.name = "x"}, {.name = "x"}}, "twice"},
        {{{.name = "x"}, {.name = "x/y"}}, "below a file"},
        {{{.name = "x/y"}, {.name = "x"}}, "twice"},
        {{{.name = "x"}, {.name = "x/"}}, "twice"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        sn_vfs *vfs;
        uint8_t *zip;
        sn_error err = SN_ERROR_INIT;
        size_t count = cases[i].members[1].name ? 2 : 1;
        assert_int_equal(mount(&vfs, cases[i].members, count, &err, &zip), SN_EUNAVAILABLE);
        assert_non_null(strstr(err.message, cases[i].why));
        assert_string_not_equal(err.hint, "");
        sn_vfs_free(vfs);
        free(zip);
    }
}

static void a_file_that_is_there_is_not_replaced(void **state) {
    (void)state;
    static const zip_member member = {.name = "dir/a", .content = "archive"};
    size_t bytes;
    uint8_t *zip = zip_build(&bytes, &member, 1);
    sn_vfs *vfs;
    assert_int_equal(sn_vfs_new(&vfs, NULL), 0);
    assert_int_equal(sn_vfs_add_file(vfs, "dir/a", "host", 4, NULL), 0);
    assert_int_equal(sn_vfs_mount_archive(vfs, zip, bytes, NULL), SN_EUNAVAILABLE);
    check_file(vfs, "dir/a", "host");
    sn_vfs_free(vfs);
    free(zip);
}

static const zip_member small[] = {
    {.name = "a.txt", .content = "first"},
    {.name = "d/"},
    {.name = "d/b.txt", .content = "second"},
};

/* Mounts bytes in a block of exactly their size, so that the sanitizer sees a read beyond. */
static int mount_exactly(const uint8_t *data, size_t bytes) {
    uint8_t *copy = malloc(bytes ? bytes : 1);
    assert_non_null(copy);
    memcpy(copy, data, bytes);
    sn_vfs *vfs;
    assert_int_equal(sn_vfs_new(&vfs, NULL), 0);
    sn_error err = SN_ERROR_INIT;
    int e = sn_vfs_mount_archive(vfs, copy, bytes, &err);
    assert_true(e == 0 || e == SN_EUNAVAILABLE);
    assert_int_equal(e, err.code);
    sn_tree_check(vfs);
    for (uint32_t i = 1; i < vfs->nodes_used; i++) {
        const sn_node *node = &vfs->nodes[i];
        if (node->type != SN_FILETYPE_REGULAR_FILE)
            continue;
        assert_true(node->file.data >= copy && node->file.data + node->file.bytes <= copy + bytes);
    }
    sn_vfs_free(vfs);
    free(copy);
    return e;
}

static void every_cut_is_noticed(void **state) {
    (void)state;
    size_t bytes;
    uint8_t *zip = zip_build(&bytes, small, 3);
    assert_int_equal(mount_exactly(zip, bytes), 0);
    for (size_t cut = 0; cut < bytes; cut++) {
        assert_int_equal(mount_exactly(zip, cut), SN_EUNAVAILABLE);
        assert_int_equal(mount_exactly(zip + cut + 1, bytes - cut - 1), SN_EUNAVAILABLE);
    }
    free(zip);
}

static void no_flipped_bit_does_harm(void **state) {
    (void)state;
    size_t bytes, refused = 0;
    uint8_t *zip = zip_build(&bytes, small, 3);
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        zip[bit / 8] ^= (uint8_t)(1 << bit % 8);
        refused += mount_exactly(zip, bytes) != 0;
        zip[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t at = 0; at < bytes; at++) {
        uint8_t was = zip[at];
        for (unsigned value = 0; value < 256; value += 51) {
            zip[at] = (uint8_t)value;
            refused += mount_exactly(zip, bytes) != 0;
        }
        zip[at] = was;
    }
    assert_true(refused > bytes); /* the rest are contents, dates, local headers */
    free(zip);
}

static void overlapping_members_are_refused(void **state) {
    (void)state;
    size_t bytes;
    uint8_t *zip = zip_build(&bytes, small, 3);
    /* The last entry of the list claims the place of the first member. */
    uint8_t *entry = zip + bytes - 22 - 46 - strlen("d/b.txt");
    assert_memory_equal(entry, "PK\1\2", 4);
    memset(entry + 42, 0, 4);
    sn_vfs *vfs;
    assert_int_equal(sn_vfs_new(&vfs, NULL), 0);
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_vfs_mount_archive(vfs, zip, bytes, &err), SN_EUNAVAILABLE);
    assert_non_null(strstr(err.message, "overlaps"));
    sn_vfs_free(vfs);
    free(zip);
}

static void many_members_are_found(void **state) {
    (void)state;
    enum { COUNT = 3000 };
    static char names[COUNT][64];
    static zip_member members[COUNT];
    for (int i = 0; i < COUNT; i++) {
        snprintf(names[i], sizeof names[i], "lib/package%d/module%d.py", i / 50, i);
        members[i] = (zip_member){.name = names[i], .content = names[i]};
    }
    sn_vfs *vfs;
    uint8_t *zip;
    assert_int_equal(mount(&vfs, members, COUNT, NULL, &zip), 0);
    for (int i = 0; i < COUNT; i++)
        check_file(vfs, names[i], names[i]);
    sn_vfs_free(vfs);
    free(zip);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_become_files),
        cmocka_unit_test(an_empty_archive_is_fine),
        cmocka_unit_test(a_comment_at_the_end_is_fine),
        cmocka_unit_test(local_headers_count_where_they_can_add_something),
        cmocka_unit_test(wrong_members_are_refused),
        cmocka_unit_test(a_file_that_is_there_is_not_replaced),
        cmocka_unit_test(every_cut_is_noticed),
        cmocka_unit_test(no_flipped_bit_does_harm),
        cmocka_unit_test(overlapping_members_are_refused),
        cmocka_unit_test(many_members_are_found),
    };
    return cmocka_run_group_tests_name("archive", tests, NULL, NULL);
}
