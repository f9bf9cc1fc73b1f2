/*
 * reader.h - a cursor over untrusted bytes.
 *
 * The first thing that is wrong is remembered in the caller's sn_error, with the section's name and
 * the offset in the file; from then on every read gives 0 and `failed` is set. So a parser reads
 * straight on and asks once, before it uses a number to take memory or to loop.
 */
#ifndef SN_WASM_READER_H
#define SN_WASM_READER_H

#include "shannon.h"

typedef struct sn_reader {
    const uint8_t *start; /* of the file; offsets in messages count from here */
    const uint8_t *at;
    const uint8_t *end;
    const char *section; /* for messages */
    sn_error *err;
    bool failed;
} sn_reader;

/* Fails with "the module's NAME section (byte N): ..."; the hint is for the builder of the module.
 */
void sn_reader_fail(sn_reader *reader, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline size_t sn_reader_left(const sn_reader *reader) {
    return reader->failed ? 0 : (size_t)(reader->end - reader->at);
}

uint8_t sn_reader_u8(sn_reader *reader);

/* LEB128 as the specification bounds it: at most ceil(bits / 7) bytes, unused bits zero or the
 * sign. */
uint32_t sn_reader_u32(sn_reader *reader);
int32_t sn_reader_s32(sn_reader *reader);

/* Skips `bytes` and points at them; NULL if they are not there. */
const uint8_t *sn_reader_take(sn_reader *reader, size_t bytes);

/*
 * A count of things that take at least `least_bytes` each: refused when the section is too short
 * for them, so that memory taken for them is in proportion to the file.
 */
uint32_t sn_reader_count(sn_reader *reader, size_t least_bytes, const char *what);

#endif
