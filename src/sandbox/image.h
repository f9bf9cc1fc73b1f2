/*
 * image.h - the base image: a Python guest after guest_init, in a file, to be mapped copy-on-write
 * by every worker (docs/design/zygote.md).
 *
 * The file, <home>/images/<key>.img, all integers little-endian, whole pages of 4096 bytes:
 *
 *     sn_image_head, the runs, the globals, zeros up to a page      "head"
 *     the pages of linear memory that are not all zero, in order
 *
 * Its name is a hash of the module, the archive and the format; what it holds depends on nothing
 * else (fixed clock, randomness and hash secret), so that two machines make the same file. It is
 * copied into sealed memory when it is opened, and its checksum (XXH3, 128 bits) compared on the
 * way: what is mapped cannot change. The checksum finds damage; against malice there is the owner
 * of the file, who must be this user or root.
 */
#ifndef SN_SANDBOX_IMAGE_H
#define SN_SANDBOX_IMAGE_H

#include "wasm/digest.h"
#include "wasm/instance.h"

/* What an image is made from. */
typedef struct sn_image_origin {
    char module_sha256[SN_DIGEST_TEXT_BYTES];
    char archive_sha256[SN_DIGEST_TEXT_BYTES]; /* "": there is none */
} sn_image_origin;

typedef struct sn_image {
    sn_saved saved; /* .fd is sealed memory */
    sn_saved_run *runs;
    uint8_t *globals;
    uint64_t file_bytes;
    const uint8_t *map;   /* the whole file, read-only */
    uint8_t checksum[16]; /* what it is known by: of everything in it */
} sn_image;

/* Where the image of this origin lies, whether it is there or not. free() it. */
char *sn_image_path(const char *home, const sn_image_origin *origin);

/* Opens the file at `path`. SN_ENOT_FOUND: there is none. SN_EUNAVAILABLE: damaged, of another
 * origin, or writable by others. */
SN_WARN_UNUSED int sn_image_open(sn_image **out, const char *path, const sn_image_origin *origin,
                                 sn_error *err);

/* The same from the bytes of such a file. */
SN_WARN_UNUSED int sn_image_parse(sn_image **out, const void *data, size_t bytes,
                                  const sn_image_origin *origin, sn_error *err);
void sn_image_close(sn_image *image);

/* A page of linear memory, 4096 bytes, as the image has it; NULL: all zero, as all are if `image`
 * is NULL. */
const uint8_t *sn_image_page(const sn_image *image, uint32_t number);

/* ---- making one ---- */

typedef int (*sn_image_put_fn)(void *user, const void *data, size_t bytes);

/* Writes the guest's image piece by piece, without origin and checksum. `put` gives 0, or what then
 * is returned. SN_EUNAVAILABLE: this guest cannot be saved. */
SN_WARN_UNUSED int sn_image_write(sn_image_put_fn put, void *user, const sn_instance *instance,
                                  const sn_memory *memory, sn_error *err);

/* Puts origin and checksum into the bytes that sn_image_write() wrote. */
SN_WARN_UNUSED int sn_image_seal(void *data, size_t bytes, const sn_image_origin *origin,
                                 sn_error *err);

#endif
