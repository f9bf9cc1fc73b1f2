/*
 * workspace.h - what a guest may change: contents of files, names in folders. For src/wasi only.
 *
 * Everything here is all or nothing, checks that the place is in a workspace (ROFS) and keeps to
 * its quota (NOSPC). `now_ns` is what changed times are set to. Functions return 0 or a WASI errno.
 */
#ifndef SN_WASI_WORKSPACE_H
#define SN_WASI_WORKSPACE_H

#include "wasi/path.h"

/* ---- contents ---- */

/* Sets the size of a file; what is added is zero. */
SN_WARN_UNUSED int sn_file_resize(sn_vfs *vfs, uint32_t file, uint64_t bytes, uint64_t now_ns);

/*
 * Makes room to write `bytes` bytes at `offset`: the file is grown, a gap is zero, and `*out` is
 * where the caller must now put all of them.
 */
SN_WARN_UNUSED int sn_file_begin_write(uint8_t **out, sn_vfs *vfs, uint32_t file, uint64_t offset,
                                       uint64_t bytes, uint64_t now_ns);

/* ---- names; `at` is from sn_path_lookup() with SN_NAME, unless said otherwise ---- */

/* A new file (`at` may have followed links) or folder. EXIST, NOENT, ROFS, NOSPC. */
SN_WARN_UNUSED int sn_workspace_create(uint32_t *out, sn_vfs *vfs, const sn_lookup *at,
                                       uint8_t type, uint64_t now_ns);

/* A symbolic link to a relative target. */
SN_WARN_UNUSED int sn_workspace_symlink(sn_vfs *vfs, const sn_lookup *at, const char *target,
                                        size_t bytes, uint64_t now_ns);

/* One more name for a file or a link. */
SN_WARN_UNUSED int sn_workspace_link(sn_vfs *vfs, uint32_t node, const sn_lookup *at,
                                     uint64_t now_ns);

SN_WARN_UNUSED int sn_workspace_unlink(sn_vfs *vfs, const sn_lookup *at, uint64_t now_ns);
SN_WARN_UNUSED int sn_workspace_rmdir(sn_vfs *vfs, const sn_lookup *at, uint64_t now_ns);

/* As POSIX rename(): replaces a file by a file and an empty folder by a folder. */
SN_WARN_UNUSED int sn_workspace_rename(sn_vfs *vfs, const sn_lookup *from, const sn_lookup *to,
                                       uint64_t now_ns);

#endif
