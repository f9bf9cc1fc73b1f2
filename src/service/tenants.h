/*
 * tenants.h - who may call besides the operator: a file of names and tokens, one of each a line.
 *
 *     # comment
 *     alice  4f1c0a7c5b3e9d2288aa
 *     bob    9e107d9d372bb6826bd8
 *
 * Names are 1 to SN_TENANT_NAME_MAX_BYTES of A-Za-z0-9_-, tokens SN_TENANT_TOKEN_MIN_BYTES or more
 * of visible ASCII; neither may be there twice. Only the digests of tokens are kept.
 *
 * Threads: never changes once it is open.
 */
#ifndef SN_SERVICE_TENANTS_H
#define SN_SERVICE_TENANTS_H

#include "shannon.h"
#include "util/buffer.h"

enum {
    SN_TENANTS_MOST = 1000, /* all are compared with each token that comes */
    SN_TENANTS_FILE_MAX_BYTES = 1 << 20,
    SN_TENANT_NAME_MAX_BYTES = 32,
    SN_TENANT_TOKEN_MIN_BYTES = 16,
    SN_TENANT_TOKEN_MAX_BYTES = 512,
};

typedef struct sn_tenants sn_tenants;

/*
 * Reads the file, which others than its owner and group must not be able to read. `reserved`: NULL,
 * or a token that no tenant may have. `problems` gets a line for each thing that is wrong, with the
 * number of the file's line and without any token; it may be NULL, as may `out`, if all that is
 * wanted is to know. SN_EINVALID_ARGUMENT: something is wrong, the first of which the error tells;
 * SN_ERESOURCE_EXHAUSTED: no memory.
 */
SN_WARN_UNUSED int sn_tenants_open(sn_tenants **out, sn_buffer *problems, const char *path,
                                   const char *reserved, sn_error *err);

/* The same of a text in memory, which is called `path` in what is wrong. */
SN_WARN_UNUSED int sn_tenants_parse(sn_tenants **out, sn_buffer *problems, const char *path,
                                    const char *text, size_t bytes, const char *reserved,
                                    sn_error *err);
void sn_tenants_close(sn_tenants *tenants); /* NULL is allowed */

size_t sn_tenants_count(const sn_tenants *tenants);

/* Whose token it is; NULL: nobody's. Takes as long for one as for any other. The name lives as long
 * as the tenants. */
const char *sn_tenants_find(const sn_tenants *tenants, const char *token);

#endif
