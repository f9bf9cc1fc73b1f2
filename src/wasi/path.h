/*
 * path.h - finds what a guest's path means. For src/wasi only.
 *
 * A path is resolved from a folder, component by component, and never leaves that folder: a path or
 * a link's target that is absolute, or a ".." that would climb above the folder, is NOTCAPABLE.
 * Where links point is decided by the tree, not by the text: "link/.." is the parent of what `link`
 * leads to.
 */
#ifndef SN_WASI_PATH_H
#define SN_WASI_PATH_H

#include "wasi/tree.h"

enum {
    SN_SYMLINKS_MAX = 40, /* followed in one resolution; one more is LOOP */
};

/* What becomes of a symbolic link that the path ends with. Those before are always followed. */
enum sn_follow {
    SN_FOLLOW,
    SN_NOFOLLOW, /* unless a '/' follows it, which asks for the folder behind it */
    SN_NAME,     /* never: the path is a name that is to be made, moved or removed */
};

/* Where a path leads. The name points into the path or into a link of the tree. */
typedef struct sn_lookup {
    uint32_t dir;   /* the folder of the last component; 0: the path ends in "." or ".." */
    uint32_t node;  /* 0: nothing is there */
    uint32_t entry; /* 0: nothing is there, or the path ends in "." or ".." */
    const char *name;
    size_t name_bytes;
    bool slash; /* the path ends in '/': only a folder will do (checked if something is there) */
} sn_lookup;

/*
 * Resolves `path` from the folder `start`. 0 also if only the last component is missing. Errnos:
 * NOENT, NOTDIR, LOOP, NAMETOOLONG, ILSEQ, INVAL (a NUL), NOTCAPABLE.
 */
SN_WARN_UNUSED int sn_path_lookup(sn_lookup *out, const sn_vfs *vfs, uint32_t start,
                                  const char *path, size_t bytes, enum sn_follow follow);

#endif
