/* delta.c - see delta.h. */
#include "session/delta.h"

#include "util/auto.h"
#include "util/error.h"

#include <pthread.h>
#include <string.h>
#include <zstd.h>

enum {
    PAGE = SN_STATE_PAGE_BYTES,
    MAGIC = 0x44534e53,
    FORMAT = 1,
    LEVEL = 1,
    BLOCK = 64,
    AT_ONCE_PAGES = 2048,
    MERGED_LAYERS = 3,          /* so many of about one size become one with the next */
    SIMILAR_FACTOR = 4,         /* what about one size is */
    WINDOW_MOST_BYTES_LOG = 23, /* of zstd; writing takes 2^19 */
};

typedef struct delta_head {
    uint32_t magic;
    uint32_t format;
    uint64_t memory_bytes;
    uint32_t pages_count;
    uint32_t extents_count;
    uint32_t blob_bytes;
    uint32_t unused;
} delta_head;

static int damaged(sn_error *err) {
    return sn_fail(err, SN_EUNAVAILABLE, "the session's record is damaged");
}

static int no_memory(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the session");
}

/* ---- zstd's contexts: one of each for each thread, as making one takes longer than a small step;
 * they end with it ---- */

static pthread_key_t compressors, decompressors;
static bool have_keys;

static void end_compressor(void *context) {
    ZSTD_freeCCtx(context);
}

static void end_decompressor(void *context) {
    ZSTD_freeDCtx(context);
}

static void make_keys(void) {
    have_keys = pthread_key_create(&compressors, end_compressor) == 0 &&
                pthread_key_create(&decompressors, end_decompressor) == 0;
}

static bool keys_are_there(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_keys);
    return have_keys;
}

/* NULL: no memory. */
static ZSTD_CCtx *compressor(void) {
    ZSTD_CCtx *context = keys_are_there() ? pthread_getspecific(compressors) : NULL;
    if (context || !have_keys || !(context = ZSTD_createCCtx()))
        return context;
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, LEVEL);
    if (pthread_setspecific(compressors, context) == 0)
        return context;
    ZSTD_freeCCtx(context);
    return NULL;
}

static ZSTD_DCtx *decompressor(void) {
    ZSTD_DCtx *context = keys_are_there() ? pthread_getspecific(decompressors) : NULL;
    if (context || !have_keys || !(context = ZSTD_createDCtx()))
        return context;
    ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_MOST_BYTES_LOG);
    if (pthread_setspecific(decompressors, context) == 0)
        return context;
    ZSTD_freeDCtx(context);
    return NULL;
}

/* ---- planning ---- */

/* Of `pages`, those that the state still has. */
static int still_there(sn_pages *out, const sn_pages *pages, const sn_state *state, sn_error *err) {
    uint32_t *numbers = malloc((pages->count + 1) * sizeof *numbers);
    if (!numbers)
        return no_memory(err);
    size_t count = 0;
    for (size_t i = 0; i < pages->count; i++)
        if (sn_pages_have(&state->pages, pages->numbers[i]))
            numbers[count++] = pages->numbers[i];
    *out = (sn_pages){numbers, count};
    return 0;
}

/* Adds to `all` what a layer has that is still there. */
static int take_over(sn_pages *all, const sn_pages *layer, const sn_state *state, sn_error *err) {
    sn_pages united, living;
    int rc = sn_pages_unite(&united, all, layer, err);
    if (rc < 0)
        return rc;
    rc = still_there(&living, &united, state, err);
    free(united.numbers);
    if (rc < 0)
        return rc;
    free(all->numbers);
    *all = living;
    return 0;
}

/* How many layers from `next` on are not much larger than `count` pages. */
static size_t similar_layers(const sn_state *state, size_t next, size_t count) {
    size_t end = next;
    while (end < state->layers_count && state->layers[end].pages.count <= SIMILAR_FACTOR * count)
        end++;
    return end - next;
}

int sn_delta_plan(sn_pages *covered, size_t *keep, const sn_state *state, const sn_pages *changed,
                  sn_error *err) {
    sn_pages all;
    size_t next = 0; /* the layer below */
    int rc = still_there(&all, changed, state, err);
    while (rc == 0 && next < state->layers_count) {
        size_t similar = similar_layers(state, next, all.count);
        bool too_long = state->layers_count - next >= SN_LAYERS_MOST - 1;
        if (similar < MERGED_LAYERS && !too_long)
            break;
        size_t end = next + (similar > 0 ? similar : 1);
        for (; rc == 0 && next < end; next++)
            rc = take_over(&all, &state->layers[next].pages, state, err);
    }
    if (rc < 0) {
        free(all.numbers);
        return rc;
    }
    *covered = all;
    *keep = state->layers_count - next;
    return 0;
}

/* ---- writing ---- */

typedef struct packer {
    ZSTD_CCtx *context;
    sn_buffer *out;
    bool failed;
} packer;

static void pack(packer *p, const void *data, size_t bytes, ZSTD_EndDirective how) {
    char room[1 << 16];
    ZSTD_inBuffer in = {data, bytes, 0};
    size_t left;
    do {
        ZSTD_outBuffer to = {room, sizeof room, 0};
        left = ZSTD_compressStream2(p->context, &to, &in, how);
        if (ZSTD_isError(left) || !sn_buffer_add(p->out, room, to.pos)) {
            p->failed = true;
            return;
        }
    } while (how == ZSTD_e_end ? left > 0 : in.pos < in.size);
}

/* A page is stored as a number whose bit i says that its block i is not zero, and those blocks. */
enum { THIN_PAGE_MOST_BYTES = sizeof(uint64_t) + PAGE };

static void xor_into(uint8_t *page, const uint8_t *base) {
    for (size_t i = 0; i < PAGE; i++)
        page[i] ^= base[i];
}

/* Whether anything is in it. */
static bool xor_block(uint8_t *out, const uint8_t *page, const uint8_t *base) {
    uint64_t any = 0;
    for (size_t i = 0; i < BLOCK; i += sizeof any) {
        uint64_t left, right;
        memcpy(&left, page + i, sizeof left);
        memcpy(&right, base + i, sizeof right);
        left ^= right;
        any |= left;
        memcpy(out + i, &left, sizeof left);
    }
    return any != 0;
}

/* The number of bytes that it takes, THIN_PAGE_MOST_BYTES at most, which may all be written to. */
static size_t thin_out(uint8_t *out, const sn_state *state, const sn_image *image,
                       uint32_t number) {
    static const uint8_t zeros[PAGE];
    const uint8_t *base = number < SN_STATE_FILES ? sn_image_page(image, number) : NULL;
    const uint8_t *page = sn_state_page(state, number);
    uint64_t blocks = 0;
    size_t bytes = sizeof blocks;
    if (!base)
        base = zeros;
    for (unsigned i = 0; i < PAGE / BLOCK; i++) {
        if (!xor_block(out + bytes, page + i * BLOCK, base + i * BLOCK))
            continue;
        blocks |= 1ull << i;
        bytes += BLOCK;
    }
    memcpy(out, &blocks, sizeof blocks);
    return bytes;
}

/* Everything at once: much faster than a stream, and it takes as much memory again. */
static int write_at_once(sn_buffer *out, ZSTD_CCtx *context, const sn_state *state,
                         const sn_image *image, const sn_pages *covered, sn_error *err) {
    size_t extents_bytes = state->extents_count * sizeof *state->extents;
    size_t room = extents_bytes + state->blob_bytes + covered->count * THIN_PAGE_MOST_BYTES;
    sn_auto_free uint8_t *raw = malloc(room + 1);
    if (!raw)
        return no_memory(err);
    memcpy(raw, state->extents, extents_bytes);
    memcpy(raw + extents_bytes, state->blob, state->blob_bytes);
    size_t bytes = extents_bytes + state->blob_bytes;
    for (size_t i = 0; i < covered->count; i++)
        bytes += thin_out(raw + bytes, state, image, covered->numbers[i]);
    size_t most = ZSTD_compressBound(bytes);
    sn_auto_free uint8_t *packed = malloc(most);
    if (!packed)
        return no_memory(err);
    size_t packed_bytes = ZSTD_compress2(context, packed, most, raw, bytes);
    return ZSTD_isError(packed_bytes) || !sn_buffer_add(out, packed, packed_bytes) ? no_memory(err)
                                                                                   : 0;
}

int sn_delta_write(sn_buffer *out, const sn_state *state, const sn_image *image,
                   const sn_pages *covered, sn_error *err) {
    delta_head head = {
        .magic = MAGIC,
        .format = FORMAT,
        .memory_bytes = state->memory_bytes,
        .pages_count = (uint32_t)covered->count,
        .extents_count = (uint32_t)state->extents_count,
        .blob_bytes = (uint32_t)state->blob_bytes,
    };
    packer p = {.context = compressor(), .out = out};
    if (!p.context || !sn_buffer_add(out, &head, sizeof head) ||
        !sn_buffer_add(out, covered->numbers, covered->count * sizeof *covered->numbers))
        return no_memory(err);
    ZSTD_CCtx_reset(p.context, ZSTD_reset_session_only);
    if (covered->count <= AT_ONCE_PAGES)
        return write_at_once(out, p.context, state, image, covered, err);
    pack(&p, state->extents, state->extents_count * sizeof *state->extents, ZSTD_e_continue);
    pack(&p, state->blob, state->blob_bytes, ZSTD_e_continue);
    for (size_t i = 0; i < covered->count && !p.failed; i++) {
        uint8_t thin[THIN_PAGE_MOST_BYTES];
        pack(&p, thin, thin_out(thin, state, image, covered->numbers[i]), ZSTD_e_continue);
    }
    if (!p.failed)
        pack(&p, NULL, 0, ZSTD_e_end);
    return p.failed ? no_memory(err) : 0;
}

/* ---- reading ---- */

typedef struct unpacker {
    ZSTD_DCtx *context;
    ZSTD_inBuffer in;
} unpacker;

static bool unpack(unpacker *u, void *to, size_t bytes) {
    ZSTD_outBuffer out = {to, bytes, 0};
    while (out.pos < out.size) {
        size_t before_in = u->in.pos, before_out = out.pos;
        size_t rc = ZSTD_decompressStream(u->context, &out, &u->in);
        if (ZSTD_isError(rc) || (u->in.pos == before_in && out.pos == before_out))
            return false;
    }
    return true;
}

/* Whether nothing is left. */
static bool at_end(unpacker *u) {
    uint8_t more;
    ZSTD_outBuffer out = {&more, sizeof more, 0};
    size_t rc = ZSTD_decompressStream(u->context, &out, &u->in);
    return !ZSTD_isError(rc) && out.pos == 0 && u->in.pos == u->in.size;
}

/* The page of the next thin one. */
static bool unpack_page(unpacker *u, uint8_t *page) {
    uint64_t blocks;
    uint8_t data[PAGE];
    if (!unpack(u, &blocks, sizeof blocks) ||
        !unpack(u, data, (size_t)__builtin_popcountll(blocks) * BLOCK))
        return false;
    const uint8_t *from = data;
    memset(page, 0, PAGE);
    for (unsigned i = 0; i < PAGE / BLOCK; i++) {
        if (!(blocks >> i & 1))
            continue;
        memcpy(page + i * BLOCK, from, BLOCK);
        from += BLOCK;
    }
    return true;
}

static bool numbers_rise(const sn_pages *pages, uint64_t memory_bytes) {
    uint64_t least = 0;
    for (size_t i = 0; i < pages->count; i++) {
        uint32_t number = pages->numbers[i];
        if (number < least || number >= SN_STATE_PAGES_MOST ||
            (number < SN_STATE_FILES && number >= memory_bytes / PAGE))
            return false;
        least = (uint64_t)number + 1;
    }
    return true;
}

static bool head_makes_sense(const delta_head *h, size_t bytes) {
    return h->magic == MAGIC && h->format == FORMAT && h->pages_count <= SN_STATE_PAGES_MOST &&
           h->pages_count * sizeof(uint32_t) <= bytes - sizeof *h &&
           h->extents_count <= SN_SNAPSHOT_PAGES_MOST &&
           h->blob_bytes <= SN_STATE_BLOB_MOST_BYTES && h->memory_bytes % SN_WASM_PAGE_BYTES == 0 &&
           h->memory_bytes <= (uint64_t)SN_STATE_FILES * PAGE;
}

int sn_delta_count(uint32_t *pages, const void *data, size_t bytes, sn_error *err) {
    delta_head head;
    if (bytes < sizeof head)
        return damaged(err);
    memcpy(&head, data, sizeof head);
    if (!head_makes_sense(&head, bytes))
        return damaged(err);
    *pages = head.pages_count;
    return 0;
}

/* The newest record's. */
static int take_rest(sn_state *state, const delta_head *head, unpacker *u, sn_error *err) {
    size_t extents_bytes = head->extents_count * sizeof(sn_extent);
    state->extents = malloc(extents_bytes + 1);
    state->blob = malloc((size_t)head->blob_bytes + 1);
    if (!state->extents || !state->blob)
        return no_memory(err);
    if (!unpack(u, state->extents, extents_bytes) || !unpack(u, state->blob, head->blob_bytes) ||
        !sn_extents_rise(state->extents, head->extents_count))
        return damaged(err);
    state->extents_count = head->extents_count;
    state->blob_bytes = head->blob_bytes;
    state->memory_bytes = head->memory_bytes;
    return 0;
}

static int skip_rest(const delta_head *head, unpacker *u, sn_error *err) {
    size_t bytes = head->extents_count * sizeof(sn_extent) + head->blob_bytes;
    sn_auto_free void *room = malloc(bytes + 1);
    if (!room)
        return no_memory(err);
    return unpack(u, room, bytes) ? 0 : damaged(err);
}

static int take_pages(sn_state *state, const sn_image *image, const sn_pages *pages, unpacker *u,
                      sn_error *err) {
    sn_pages fresh = {malloc((pages->count + 1) * sizeof(uint32_t)), 0}, all;
    if (!fresh.numbers)
        return no_memory(err);
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < pages->count; i++) {
        uint8_t unwanted[PAGE];
        uint32_t number = pages->numbers[i];
        bool wanted = sn_state_uses(state, number) && !sn_pages_have(&state->pages, number);
        uint8_t *page = wanted ? sn_state_page(state, number) : unwanted;
        const uint8_t *base = number < SN_STATE_FILES ? sn_image_page(image, number) : NULL;
        if (!unpack_page(u, page))
            rc = damaged(err);
        else if (wanted) {
            fresh.numbers[fresh.count++] = number;
            if (base)
                xor_into(page, base);
        }
    }
    if (rc == 0)
        rc = sn_pages_unite(&all, &state->pages, &fresh, err);
    free(fresh.numbers);
    if (rc < 0)
        return rc;
    free(state->pages.numbers);
    state->pages = all;
    return 0;
}

int sn_delta_read(sn_state *state, const sn_image *image, uint64_t node, const void *data,
                  size_t bytes, sn_error *err) {
    delta_head head;
    if (bytes < sizeof head || state->layers_count == SN_LAYERS_MOST)
        return damaged(err);
    memcpy(&head, data, sizeof head);
    if (!head_makes_sense(&head, bytes))
        return damaged(err);
    size_t numbers_bytes = head.pages_count * sizeof(uint32_t);
    sn_layer *layer = &state->layers[state->layers_count];
    *layer = (sn_layer){node, {malloc(numbers_bytes + 1), head.pages_count}};
    if (!layer->pages.numbers)
        return no_memory(err);
    state->layers_count++;
    memcpy(layer->pages.numbers, (const uint8_t *)data + sizeof head, numbers_bytes);
    if (!numbers_rise(&layer->pages, head.memory_bytes))
        return damaged(err);
    unpacker u = {.context = decompressor()};
    size_t before = sizeof head + numbers_bytes;
    u.in = (ZSTD_inBuffer){(const uint8_t *)data + before, bytes - before, 0};
    if (!u.context)
        return no_memory(err);
    ZSTD_DCtx_reset(u.context, ZSTD_reset_session_only);
    bool newest = state->layers_count == 1;
    int rc = newest ? take_rest(state, &head, &u, err) : skip_rest(&head, &u, err);
    if (rc == 0)
        rc = take_pages(state, image, &layer->pages, &u, err);
    return rc == 0 && !at_end(&u) ? damaged(err) : rc;
}
