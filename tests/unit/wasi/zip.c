/* zip.c - see zip.h. */
#include "zip.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put16(FILE *out, uint32_t value) {
    fputc(value & 255, out);
    fputc(value >> 8 & 255, out);
}

static void put32(FILE *out, uint32_t value) {
    put16(out, value & 65535);
    put16(out, value >> 16);
}

/* The part that both headers of a member share. */
static void put_common(FILE *out, const zip_member *member, size_t bytes) {
    put16(out, member->flags);
    put16(out, member->method);
    put32(out, 0x00210000); /* 1980-01-01 */
    put32(out, 0);          /* checksum: not looked at */
    put32(out, (uint32_t)bytes);
    put32(out, (uint32_t)bytes);
    put16(out, (uint32_t)strlen(member->name));
}

uint8_t *zip_build(size_t *bytes, const zip_member *members, size_t count) {
    char *data;
    uint32_t *offsets = calloc(count + 1, sizeof *offsets);
    FILE *out = open_memstream(&data, bytes);
    if (!out || !offsets)
        abort();
    for (size_t i = 0; i < count; i++) {
        size_t length = members[i].content ? strlen(members[i].content) : 0;
        offsets[i] = (uint32_t)ftell(out);
        fwrite("PK\3\4", 4, 1, out);
        put16(out, 10);
        put_common(out, &members[i], length);
        put16(out, members[i].local_extra);
        fputs(members[i].name, out);
        for (uint16_t extra = members[i].local_extra; extra; extra--)
            fputc('E', out);
        if (length)
            fwrite(members[i].content, 1, length, out);
    }
    uint32_t directory = (uint32_t)ftell(out);
    for (size_t i = 0; i < count; i++) {
        fwrite("PK\1\2", 4, 1, out);
        put16(out, members[i].mode ? 3 << 8 : 0);
        put16(out, 10);
        put_common(out, &members[i], members[i].content ? strlen(members[i].content) : 0);
        put16(out, 0); /* no extra field */
        put16(out, 0); /* no comment */
        put16(out, 0);
        put16(out, 0);
        put32(out, members[i].mode << 16);
        put32(out, offsets[i]);
        fputs(members[i].name, out);
    }
    uint32_t end = (uint32_t)ftell(out);
    fwrite("PK\5\6\0\0\0\0", 8, 1, out);
    put16(out, (uint32_t)count);
    put16(out, (uint32_t)count);
    put32(out, end - directory);
    put32(out, directory);
    put16(out, 0);
    fclose(out);
    free(offsets);
    return (uint8_t *)data;
}
