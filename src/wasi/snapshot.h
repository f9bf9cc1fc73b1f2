/*
 * snapshot.h - what of a guest's world is neither linear memory nor the same for everybody: the
 * files that lie in it beyond its ground, and its descriptors; written out after a run, and put
 * back in another process (docs/design/sessions.md).
 *
 * The *ground* is the tree as it was before anything of a request came into it: archive and folders
 * of the host. It is the same whenever the world is built from the same archive, so a snapshot
 * refers to its nodes by number and says nothing more of them.
 *
 * Contents of files are not in the snapshot but beside it, in whole *pages* of 4096 bytes, numbered
 * from 0, where a file has the same place from one snapshot to the next as long as nobody writes to
 * it: so what did not change is not handed out again.
 *
 * A snapshot that is read is believed nothing: it may come from anywhere.
 */
#ifndef SN_WASI_SNAPSHOT_H
#define SN_WASI_SNAPSHOT_H

#include "util/buffer.h"
#include "wasi/wasi.h"

enum {
    SN_SNAPSHOT_PAGES_MOST = 1 << 19, /* 2 GiB of files */
};

/* Pages that files of a snapshot lie in. */
typedef struct sn_extent {
    uint32_t first;
    uint32_t count; /* not 0 */
} sn_extent;

/* Told of each file that is new or was written to since the snapshot that it came from. `bytes`
 * need not be whole pages; the rest of the last one is zero. Non-zero ends the saving. */
typedef int (*sn_snapshot_file_fn)(void *user, uint32_t first_page, const void *data,
                                   uint64_t bytes);

/* Remembers that the tree is the ground now. SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_wasi_mark_ground(sn_wasi *wasi, sn_error *err);

/*
 * Adds the snapshot to `out`, and to `extents` (sn_extent, in order) where its files lie.
 * SN_ERESOURCE_EXHAUSTED: no memory, or more files than there are pages. Else what `put` gave.
 */
SN_WARN_UNUSED int sn_wasi_save(sn_buffer *out, sn_buffer *extents, sn_wasi *wasi,
                                sn_snapshot_file_fn put, void *user, sn_error *err);

/* Where the contents of a snapshot's files are. */
typedef struct sn_snapshot_pages {
    const uint8_t *base;      /* page n at n * 4096; borrowed until the world is gone */
    const sn_extent *extents; /* those that there are, in order; looked at during the call only */
    size_t extents_count;
} sn_snapshot_pages;

/*
 * Puts everything back, into a world that is nothing but its ground. No page is looked at that is
 * not among those there are. The monotonic clock goes on from where it was, or later.
 * SN_EUNAVAILABLE: damaged, or of another ground.
 */
SN_WARN_UNUSED int sn_wasi_load(sn_wasi *wasi, const void *data, size_t bytes,
                                const sn_snapshot_pages *pages, sn_error *err);

#endif
