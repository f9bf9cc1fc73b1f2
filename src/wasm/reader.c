/* reader.c - see reader.h. */
#include "wasm/reader.h"

#include "util/error.h"

#include <stdarg.h>
#include <stdio.h>

void sn_reader_fail(sn_reader *reader, const char *fmt, ...) {
    if (reader->failed)
        return;
    reader->failed = true;
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    sn_fail(reader->err, SN_EINVALID_ARGUMENT, "the module's %s section (byte %zu): %s",
            reader->section, (size_t)(reader->at - reader->start), text);
}

uint8_t sn_reader_u8(sn_reader *reader) {
    const uint8_t *at = sn_reader_take(reader, 1);
    return at ? *at : 0;
}

/* Up to `bits` bits, sign-extended to 64 if `is_signed`. */
static uint64_t leb(sn_reader *reader, unsigned bits, bool is_signed) {
    uint64_t value = 0;
    unsigned shift = 0;
    for (;;) {
        if (sn_reader_left(reader) == 0) {
            sn_reader_fail(reader, "ends inside a number");
            return 0;
        }
        uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (shift + 7 >= bits) { /* the last byte that may follow: its spare bits are checked */
            unsigned used = bits - shift;
            uint8_t spare = (uint8_t)(byte & 0x7f) >> used;
            uint8_t ones = 0x7f >> used;
            bool negative = is_signed && ((byte >> (used - 1)) & 1);
            if ((byte & 0x80) || spare != (negative ? ones : 0)) {
                reader->at--;
                sn_reader_fail(reader, "has a number of more than %u bits", bits);
                return 0;
            }
            shift += 7;
            break;
        }
        shift += 7;
        if (!(byte & 0x80))
            break;
    }
    if (is_signed && shift < 64 && (value >> (shift - 1) & 1))
        value |= ~(uint64_t)0 << shift;
    return value;
}

uint32_t sn_reader_u32(sn_reader *reader) {
    return (uint32_t)leb(reader, 32, false);
}

int32_t sn_reader_s32(sn_reader *reader) {
    return (int32_t)leb(reader, 32, true);
}

const uint8_t *sn_reader_take(sn_reader *reader, size_t bytes) {
    if (reader->failed)
        return NULL;
    if (bytes > sn_reader_left(reader)) {
        sn_reader_fail(reader, "ends too early: %zu bytes are needed, %zu are there", bytes,
                       sn_reader_left(reader));
        return NULL;
    }
    const uint8_t *taken = reader->at;
    reader->at += bytes;
    return taken;
}

uint32_t sn_reader_count(sn_reader *reader, size_t least_bytes, const char *what) {
    uint32_t count = sn_reader_u32(reader);
    if (count > sn_reader_left(reader) / least_bytes) {
        sn_reader_fail(reader, "announces %u %s, more than its bytes can hold", count, what);
        return 0;
    }
    return count;
}
