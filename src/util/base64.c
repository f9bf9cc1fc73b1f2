/* base64.c - see base64.h. */
#include "util/base64.h"

#include <stdlib.h>

static int digit(char c) {
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* How many bytes the last four characters stand for. */
static size_t last_bytes(const char *text, size_t bytes) {
    if (bytes == 0)
        return 0;
    return text[bytes - 1] != '=' ? 3 : text[bytes - 2] != '=' ? 2 : 1;
}

/* Four characters that stand for `count` bytes. The number of good ones: 4, or less. */
static size_t decode_four(uint8_t *out, const char *text, size_t count) {
    uint32_t all = 0;
    for (size_t i = 0; i < 4; i++) {
        int value = i <= count ? digit(text[i]) : text[i] == '=' ? 0 : -1;
        if (value < 0)
            return i;
        all = all << 6 | (uint32_t)value;
    }
    for (size_t i = 0; i < count; i++)
        out[i] = (uint8_t)(all >> (16 - 8 * i));
    uint32_t rest = count == 3 ? 0 : all & (0xFFFFFFu >> (8 * count));
    return rest ? count : 4; /* bits that nobody would see */
}

void *sn_base64_decode(size_t *out_bytes, size_t *wrong, const char *text, size_t bytes) {
    *wrong = SIZE_MAX;
    *out_bytes = 0;
    uint8_t *out = malloc(bytes / 4 * 3 + 1);
    if (!out)
        return NULL;
    size_t whole = bytes / 4 * 4;
    for (size_t at = 0; at < whole; at += 4) {
        size_t count = at + 4 == bytes ? last_bytes(text, bytes) : 3;
        size_t good = decode_four(out + *out_bytes, text + at, count);
        if (good < 4) {
            *wrong = at + good;
            break;
        }
        *out_bytes += count;
    }
    if (*wrong == SIZE_MAX && whole < bytes)
        *wrong = bytes;
    if (*wrong == SIZE_MAX)
        return out;
    free(out);
    return NULL;
}
