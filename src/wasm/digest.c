/* digest.c - see digest.h. */
#include "wasm/digest.h"

#include "util/error.h"

#include <openssl/evp.h>
#include <stdio.h>

int sn_digest(char out[SN_DIGEST_TEXT_BYTES], const void *data, size_t bytes, sn_error *err) {
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned sum_bytes = 0;
    if (EVP_Digest(data ? data : "", bytes, sum, &sum_bytes, EVP_sha256(), NULL) != 1)
        return sn_fail(err, SN_EINTERNAL, "SHA-256 is not to be had from the crypto library");
    for (unsigned i = 0; i < sum_bytes; i++)
        snprintf(out + 2 * (size_t)i, 3, "%02x", sum[i]);
    return 0;
}
