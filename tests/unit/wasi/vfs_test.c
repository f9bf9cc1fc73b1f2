/* vfs_test.c - the tree as the host fills it. */
#include "guest.h"

#include "tree_check.h"

#include <stdio.h>

static sn_vfs *new_vfs(void) {
    sn_vfs *vfs;
    assert_int_equal(sn_vfs_new(&vfs, NULL), 0);
    return vfs;
}

static void files_and_folders_are_made_with_their_parents(void **state) {
    (void)state;
    sn_vfs *vfs = new_vfs();
    assert_int_equal(sn_vfs_add_file(vfs, "/a/b/c", "x", 1, NULL), 0);
    assert_int_equal(sn_vfs_add_file(vfs, "a/b/d", "", 0, NULL), 0);
    assert_int_equal(sn_vfs_add_dir(vfs, "/a/b", NULL), 0);
    assert_int_equal(sn_vfs_add_dir(vfs, "/a/e/", NULL), 0);
    assert_int_equal(sn_vfs_add_dir(vfs, "/", NULL), 0);
    sn_tree_check(vfs);
    assert_int_equal(vfs->names, 5);
    sn_vfs_free(vfs);
}

static void bad_paths_are_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",       "/",   "//x", "a//b", "a/",       ".",       "..",    "../x",
        "a/../b", "./x", "a/.", "\xff", "a/\xc3/b", "/file/x", "/file", "/dir",
    };
    sn_vfs *vfs = new_vfs();
    assert_int_equal(sn_vfs_add_file(vfs, "/file", "", 0, NULL), 0);
    assert_int_equal(sn_vfs_add_dir(vfs, "/dir", NULL), 0);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        sn_error err = SN_ERROR_INIT;
        assert_int_equal(sn_vfs_add_file(vfs, bad[i], "", 0, &err), SN_EINVALID_ARGUMENT);
        assert_int_equal(err.code, SN_EINVALID_ARGUMENT);
        assert_string_not_equal(err.message, "");
        assert_int_equal(sn_vfs_add_file(vfs, bad[i], "", 0, NULL), SN_EINVALID_ARGUMENT);
    }
    assert_int_equal(sn_vfs_add_dir(vfs, "/file", NULL), SN_EINVALID_ARGUMENT);
    sn_tree_check(vfs);
    sn_vfs_free(vfs);
}

static void names_have_a_length(void **state) {
    (void)state;
    sn_vfs *vfs = new_vfs();
    char name[SN_PATH_MAX_BYTES + 2];
    memset(name, 'n', sizeof name);
    name[255] = '\0';
    assert_int_equal(sn_vfs_add_file(vfs, name, "", 0, NULL), 0);
    name[255] = 'n';
    name[256] = '\0';
    assert_int_equal(sn_vfs_add_file(vfs, name, "", 0, NULL), SN_EINVALID_ARGUMENT);
    name[256] = 'n';
    name[sizeof name - 1] = '\0';
    assert_int_equal(sn_vfs_add_file(vfs, name, "", 0, NULL), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_vfs_add_dir(vfs, name, NULL), SN_EINVALID_ARGUMENT);
    sn_tree_check(vfs);
    sn_vfs_free(vfs);
}

static void workspaces_are_counted(void **state) {
    (void)state;
    sn_vfs *vfs = new_vfs();
    uint64_t used, quota;
    char path[16];
    for (int i = 1; i < SN_SPACES_MAX; i++) {
        snprintf(path, sizeof path, "/w%d", i);
        assert_int_equal(sn_vfs_add_workspace(vfs, path, 1000, NULL), 0);
        assert_int_equal(sn_vfs_workspace_usage(&used, &quota, vfs, path), 0);
        assert_int_equal(used, 0);
        assert_int_equal(quota, 1000);
    }
    assert_int_equal(sn_vfs_add_workspace(vfs, "/more", 1000, NULL), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_vfs_add_workspace(vfs, "/w1/../x", 1, NULL), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_vfs_workspace_usage(&used, &quota, vfs, "/"), SN_ENOT_FOUND);
    assert_int_equal(sn_vfs_workspace_usage(&used, &quota, vfs, "/nothing"), SN_ENOT_FOUND);
    sn_tree_check(vfs);
    sn_vfs_free(vfs);
}

static void a_workspace_is_made_once(void **state) {
    (void)state;
    sn_vfs *vfs = new_vfs();
    assert_int_equal(sn_vfs_add_file(vfs, "/f", "", 0, NULL), 0);
    assert_int_equal(sn_vfs_add_workspace(vfs, "/f", 1000, NULL), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_vfs_add_workspace(vfs, "/w", 1000, NULL), 0);
    assert_int_equal(sn_vfs_add_workspace(vfs, "/w", 1000, NULL), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_vfs_add_workspace(vfs, "/", 1000, NULL), 0);
    sn_tree_check(vfs);
    sn_vfs_free(vfs);
}

static void freeing_nothing_is_fine(void **state) {
    (void)state;
    sn_vfs_free(NULL);
    sn_wasi_free(NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_and_folders_are_made_with_their_parents),
        cmocka_unit_test(bad_paths_are_refused),
        cmocka_unit_test(names_have_a_length),
        cmocka_unit_test(workspaces_are_counted),
        cmocka_unit_test(a_workspace_is_made_once),
        cmocka_unit_test(freeing_nothing_is_fine),
    };
    return cmocka_run_group_tests_name("vfs", tests, NULL, NULL);
}
