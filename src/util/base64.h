/* base64.h - base64 as RFC 4648 has it: padded, without line breaks, and only one way to write each
 * text. */
#ifndef SN_UTIL_BASE64_H
#define SN_UTIL_BASE64_H

#include "shannon.h"

/* Decodes into fresh memory; free() it. NULL: no memory, or it is none, and then `*wrong` is the
 * offset of the first byte that does not belong there, else SIZE_MAX. */
void *sn_base64_decode(size_t *out_bytes, size_t *wrong, const char *text, size_t bytes);

#endif
