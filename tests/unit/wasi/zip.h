/* zip.h - builds small zip archives of stored members, also wrong ones, for tests and fuzzing. */
#ifndef SN_TESTS_WASI_ZIP_H
#define SN_TESTS_WASI_ZIP_H

#include <stddef.h>
#include <stdint.h>

typedef struct zip_member {
    const char *name;
    const char *content; /* NULL: empty */
    uint16_t flags;
    uint16_t method;
    uint32_t mode;        /* of Unix; 0: none */
    uint16_t local_extra; /* bytes between the local header and the content */
} zip_member;

/* The archive, from malloc. */
uint8_t *zip_build(size_t *bytes, const zip_member *members, size_t count);

#endif
