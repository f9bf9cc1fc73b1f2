/* image.c - see image.h. */
#include "sandbox/image.h"

#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"
#include "util/io.h"
#include "wasm/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    PAGE = 4096,
    FORMAT = 1,
    RUNS_MOST = 1 << 16,
    GLOBALS_MOST_BYTES = 1 << 20,
    FILE_MOST_BYTES = 1 << 30,
    /* Zero pages between two others are kept up to so many: each run is a mapping of its own, and
     * fork pays for each. */
    GAP_PAGES = 16,
};

static const char magic[8] = "SNIMAGE";

typedef struct sn_image_head {
    char magic[8];
    uint32_t format;
    uint32_t head_bytes; /* up to the first page */
    uint64_t file_bytes;
    uint64_t memory_bytes;
    uint32_t runs_count;
    uint32_t globals_bytes;
    sn_image_origin origin;
    uint8_t unused[6];
    uint8_t checksum[16]; /* XXH3 of the whole file, these bytes as zeros; canonical order */
} sn_image_head;

_Static_assert(sizeof(sn_image_head) % 8 == 0, "the runs follow, aligned");

/* ---- the file ---- */

/* XXH3 and not SHA-256: the key only names the file, whose head holds the whole origin. */
char *sn_image_path(const char *home, const sn_image_origin *origin) {
    sn_auto_free char *text =
        sn_format("image %d %s %s", FORMAT, origin->module_sha256, origin->archive_sha256);
    XXH128_hash_t key = XXH3_128bits(text, strlen(text));
    return sn_format("%s/images/%016llx%016llx.img", home, (unsigned long long)key.high64,
                     (unsigned long long)key.low64);
}

static void checksum_of(uint8_t out[16], const void *data, size_t bytes) {
    static const uint8_t zeros[16];
    const uint8_t *at = data;
    size_t before = offsetof(sn_image_head, checksum), after = before + sizeof zeros;
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        abort();
    XXH3_128bits_reset(state);
    XXH3_128bits_update(state, at, before);
    XXH3_128bits_update(state, zeros, sizeof zeros);
    XXH3_128bits_update(state, at + after, bytes - after);
    XXH128_canonicalFromHash((XXH128_canonical_t *)out, XXH3_128bits_digest(state));
    XXH3_freeState(state);
}

/* ---- opening ---- */

static int damaged(sn_error *err, const char *why) {
    return sn_fail(err, SN_EUNAVAILABLE, "the base image is damaged: %s", why);
}

static int check_head(const sn_image_head *head, size_t bytes, const sn_image_origin *origin,
                      sn_error *err) {
    if (memcmp(head->magic, magic, sizeof magic) != 0 || head->format != FORMAT)
        return damaged(err, "it is not an image of this version");
    if (head->file_bytes != bytes || head->runs_count > RUNS_MOST ||
        head->globals_bytes > GLOBALS_MOST_BYTES || head->head_bytes % PAGE != 0 ||
        head->head_bytes > bytes ||
        head->head_bytes <
            sizeof *head + (uint64_t)head->runs_count * sizeof(sn_saved_run) + head->globals_bytes)
        return damaged(err, "its sizes make no sense");
    if (memcmp(&head->origin, origin, sizeof *origin) != 0)
        return damaged(err, "it was made from another interpreter");
    return 0;
}

/* What sn_instance_new() does not check: that the runs lie in the file. */
static int check_runs(const sn_image *image, sn_error *err) {
    for (size_t i = 0; i < image->saved.runs_count; i++) {
        const sn_saved_run *run = &image->runs[i];
        if (run->offset > image->file_bytes || run->bytes > image->file_bytes - run->offset)
            return damaged(err, "a page lies outside of it");
    }
    return 0;
}

static int copy_sealed(int *out, const void *data, size_t bytes, sn_error *err) {
    sn_auto_fd int fd = memfd_create("shannon-image", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int failed = fd < 0 ? -errno : sn_write_full(fd, data, bytes);
    if (failed == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
        failed = -errno;
    if (failed < 0)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, -failed, "no memory for the base image");
    *out = SN_STEAL_FD(fd);
    return 0;
}

static int parse(sn_image *image, const uint8_t *data, size_t bytes, const sn_image_origin *origin,
                 sn_error *err) {
    sn_image_head head;
    uint8_t checksum[16];
    if (bytes < sizeof head)
        return damaged(err, "it is cut off");
    memcpy(&head, data, sizeof head);
    int rc = check_head(&head, bytes, origin, err);
    if (rc < 0)
        return rc;
    checksum_of(checksum, data, bytes);
    if (memcmp(checksum, head.checksum, sizeof checksum) != 0)
        return damaged(err, "its checksum differs");
    size_t runs_bytes = head.runs_count * sizeof *image->runs;
    image->runs = malloc(runs_bytes + 1);
    image->globals = malloc((size_t)head.globals_bytes + 1);
    if (!image->runs || !image->globals)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the base image");
    memcpy(image->runs, data + sizeof head, runs_bytes);
    memcpy(image->globals, data + sizeof head + runs_bytes, head.globals_bytes);
    image->file_bytes = bytes;
    image->saved.memory_bytes = head.memory_bytes;
    image->saved.runs = image->runs;
    image->saved.runs_count = head.runs_count;
    image->saved.globals = image->globals;
    image->saved.globals_bytes = head.globals_bytes;
    memcpy(image->checksum, checksum, sizeof checksum);
    rc = check_runs(image, err);
    if (rc == 0)
        rc = copy_sealed(&image->saved.fd, data, bytes, err);
    if (rc < 0)
        return rc;
    void *map = mmap(NULL, bytes, PROT_READ, MAP_SHARED, image->saved.fd, 0);
    if (map == MAP_FAILED)
        return sn_fail_errno(err, SN_ERESOURCE_EXHAUSTED, errno, "cannot map the base image");
    image->map = map;
    return 0;
}

int sn_image_parse(sn_image **out, const void *data, size_t bytes, const sn_image_origin *origin,
                   sn_error *err) {
    sn_image *image = calloc(1, sizeof *image);
    if (!image)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the base image");
    image->saved.fd = -1;
    int rc = parse(image, data, bytes, origin, err);
    if (rc < 0) {
        sn_image_close(image);
        return rc;
    }
    *out = image;
    return 0;
}

int sn_image_open(sn_image **out, const char *path, const sn_image_origin *origin, sn_error *err) {
    struct stat st;
    if (stat(path, &st) < 0)
        return sn_fail_errno(err, errno == ENOENT ? SN_ENOT_FOUND : SN_EUNAVAILABLE, errno,
                             "cannot open %s", path);
    sn_mapping file = {0};
    int rc = sn_cache_check_owner(path, &st, err);
    if (rc == 0)
        rc = sn_map_file(&file, path, FILE_MOST_BYTES, err);
    if (rc == 0)
        rc = sn_image_parse(out, file.data, file.bytes, origin, err);
    sn_unmap(&file);
    return rc;
}

void sn_image_close(sn_image *image) {
    if (!image)
        return;
    if (image->map)
        munmap((void *)image->map, image->file_bytes);
    if (image->saved.fd >= 0)
        close(image->saved.fd);
    free(image->runs);
    free(image->globals);
    free(image);
}

const uint8_t *sn_image_page(const sn_image *image, uint32_t number) {
    if (!image)
        return NULL;
    uint64_t at = (uint64_t)number * PAGE;
    const sn_saved *saved = &image->saved;
    size_t low = 0, high = saved->runs_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const sn_saved_run *run = &saved->runs[middle];
        if (at < run->at)
            high = middle;
        else if (at >= run->at + run->bytes)
            low = middle + 1;
        else
            return image->map + run->offset + (at - run->at);
    }
    return NULL;
}

/* ---- making one ---- */

static bool is_zero(const uint8_t *page) {
    return page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
}

/* The next run of pages at or behind page `at`; false if all the rest is zero. */
static bool next_run(uint64_t *first, uint64_t *end, const sn_memory *memory, uint64_t at) {
    uint64_t pages = memory->size_bytes / PAGE;
    while (at < pages && is_zero(memory->base + at * PAGE))
        at++;
    if (at == pages)
        return false;
    *first = at;
    *end = at + 1;
    for (at++; at < pages && at - *end < GAP_PAGES; at++)
        if (!is_zero(memory->base + at * PAGE))
            *end = at + 1;
    return true;
}

/* The offsets are counted from the first page of the file. */
static int find_runs(sn_buffer *out, const sn_memory *memory, sn_error *err) {
    uint64_t first, end, at = 0, offset = 0;
    while (next_run(&first, &end, memory, at)) {
        sn_saved_run run = {first * PAGE, (end - first) * PAGE, offset};
        if (!sn_buffer_add(out, &run, sizeof run))
            return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the base image");
        offset += run.bytes;
        at = end;
    }
    return 0;
}

static int write_image(sn_image_put_fn put, void *user, const sn_memory *memory,
                       const void *globals, size_t globals_bytes, sn_saved_run *runs,
                       size_t runs_count) {
    static const uint8_t zeros[PAGE];
    sn_image_head head = {
        .format = FORMAT,
        .memory_bytes = memory->size_bytes,
        .runs_count = (uint32_t)runs_count,
        .globals_bytes = (uint32_t)globals_bytes,
    };
    memcpy(head.magic, magic, sizeof magic);
    size_t bytes = sizeof head + runs_count * sizeof *runs + globals_bytes;
    size_t padding = (PAGE - bytes % PAGE) % PAGE;
    head.head_bytes = (uint32_t)(bytes + padding);
    head.file_bytes = head.head_bytes;
    for (size_t i = 0; i < runs_count; i++) {
        runs[i].offset += head.head_bytes;
        head.file_bytes += runs[i].bytes;
    }
    int rc = put(user, &head, sizeof head);
    if (rc == 0)
        rc = put(user, runs, runs_count * sizeof *runs);
    if (rc == 0)
        rc = put(user, globals, globals_bytes);
    if (rc == 0)
        rc = put(user, zeros, padding);
    for (size_t i = 0; rc == 0 && i < runs_count; i++)
        rc = put(user, memory->base + runs[i].at, runs[i].bytes);
    return rc;
}

int sn_image_write(sn_image_put_fn put, void *user, const sn_instance *instance,
                   const sn_memory *memory, sn_error *err) {
    size_t globals_bytes;
    const void *globals = sn_instance_globals(instance, &globals_bytes);
    if (!globals)
        return sn_fail(err, SN_EUNAVAILABLE,
                       "the interpreter has tables that change, or several memories: it cannot be "
                       "saved as an image");
    sn_buffer runs = {0};
    int rc = find_runs(&runs, memory, err);
    if (rc == 0)
        rc = write_image(put, user, memory, globals, globals_bytes, (sn_saved_run *)runs.data,
                         runs.bytes / sizeof(sn_saved_run));
    sn_buffer_free(&runs);
    return rc;
}

int sn_image_seal(void *data, size_t bytes, const sn_image_origin *origin, sn_error *err) {
    sn_image_head *head = data;
    if (bytes < sizeof *head || head->file_bytes != bytes)
        return sn_fail(err, SN_EINTERNAL, "the base image came incomplete");
    head->origin = *origin;
    checksum_of(head->checksum, data, bytes);
    return 0;
}
