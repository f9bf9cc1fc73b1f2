/*
 * digest.h - SHA-256 (FIPS 180-4) as lower-case hexadecimal, by OpenSSL.
 */
#ifndef SN_WASM_DIGEST_H
#define SN_WASM_DIGEST_H

#include "shannon.h"

#define SN_DIGEST_TEXT_BYTES 65 /* with the NUL */

SN_WARN_UNUSED int sn_digest(char out[SN_DIGEST_TEXT_BYTES], const void *data, size_t bytes,
                             sn_error *err);

#endif
