/*
 * vfs.h - the guest's file system: a tree in memory that knows no host path.
 *
 * Its state is plain data that can be written out and read back (snapshot.h): nodes in one array,
 * referred to by index; contents either borrowed and immutable (an archive, an input) or
 * owned and counted against the quota. Inside: tree.h.
 *
 * Paths here are the guest's; a leading '/' makes no difference. One thread at a time. Nothing
 * blocks. A failed call may leave folders that it made; the tree stays sound.
 */
#ifndef SN_WASI_VFS_H
#define SN_WASI_VFS_H

#include "shannon.h"

typedef struct sn_vfs sn_vfs;

/* An empty root folder, read-only for the guest. */
SN_WARN_UNUSED int sn_vfs_new(sn_vfs **out, sn_error *err);
void sn_vfs_free(sn_vfs *vfs);

/*
 * Lays a zip archive of stored (uncompressed) members over the tree, read-only. The bytes are
 * borrowed and must outlive the vfs. Errors: SN_EUNAVAILABLE, damaged or not such an archive, or
 * one of its files is there already (the tree is then of no use). Contents are not checksummed.
 */
SN_WARN_UNUSED int sn_vfs_mount_archive(sn_vfs *vfs, const void *zip, size_t bytes, sn_error *err);

/* Adds a folder with its parents, read-only. An existing folder is fine. */
SN_WARN_UNUSED int sn_vfs_add_dir(sn_vfs *vfs, const char *path, sn_error *err);

/* Adds a read-only file; parents are made. The content is borrowed. SN_EINVALID_ARGUMENT: the path
 * exists, climbs, or has a component that is no name. In a workspace the guest may remove or rename
 * it, not write to it. */
SN_WARN_UNUSED int sn_vfs_add_file(sn_vfs *vfs, const char *path, const void *content, size_t bytes,
                                   sn_error *err);

/* As sn_vfs_add_file(), but takes the place of a file that was added so before; who has that one
 * open keeps it. */
SN_WARN_UNUSED int sn_vfs_put_file(sn_vfs *vfs, const char *path, const void *content, size_t bytes,
                                   sn_error *err);

/* Makes `path` a folder in which the guest may create, write, rename and remove, up to
 * `quota_bytes` in all. What lies in it already stays read-only. Names and empty files count too,
 * by what they cost the host (some 320 bytes and the name's length each). At most 15. */
SN_WARN_UNUSED int sn_vfs_add_workspace(sn_vfs *vfs, const char *path, uint64_t quota_bytes,
                                        sn_error *err);

/* Adds a workspace, or gives the one that is there another quota. SN_EINVALID_ARGUMENT: it holds
 * more already. */
SN_WARN_UNUSED int sn_vfs_set_workspace(sn_vfs *vfs, const char *path, uint64_t quota_bytes,
                                        sn_error *err);

/* What a workspace holds. SN_ENOT_FOUND: `path` is not in one. */
SN_WARN_UNUSED int sn_vfs_workspace_usage(uint64_t *used_bytes, uint64_t *quota_bytes,
                                          const sn_vfs *vfs, const char *path);

#endif
