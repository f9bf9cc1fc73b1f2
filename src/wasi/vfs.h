/*
 * vfs.h - the guest's file system: a tree in memory that knows no host path.
 *
 * Its state is plain data that can be written out and read back (sessions will): nodes in one
 * array, referred to by index; contents either borrowed and immutable (an archive, an input) or
 * owned and counted against the quota.
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
 * borrowed and must outlive the vfs. Errors: SN_EUNAVAILABLE, damaged or not such an archive.
 */
SN_WARN_UNUSED int sn_vfs_mount_archive(sn_vfs *vfs, const void *zip, size_t bytes, sn_error *err);

/* Adds a folder with its parents, read-only. An existing folder is fine. */
SN_WARN_UNUSED int sn_vfs_add_dir(sn_vfs *vfs, const char *path, sn_error *err);

/* Adds a read-only file; parents are made. The content is borrowed. SN_EINVALID_ARGUMENT: the path
 * exists, climbs, or has a component that is no name. */
SN_WARN_UNUSED int sn_vfs_add_file(sn_vfs *vfs, const char *path, const void *content, size_t bytes,
                                   sn_error *err);

/* Makes `path` a folder in which the guest may create, write, rename and remove, up to
 * `quota_bytes` in all. */
SN_WARN_UNUSED int sn_vfs_add_workspace(sn_vfs *vfs, const char *path, uint64_t quota_bytes,
                                        sn_error *err);

#endif
