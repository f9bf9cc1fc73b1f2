/*
 * guest.h - a guest without Wasm: a block of memory, a tree, an sn_wasi over both, and what the
 * guest would do to call a host function: put strings and structs into its memory, read results.
 *
 * The memory is a malloc'd block of exactly the guest's size, so that the address sanitizer sees a
 * host function that goes beyond it.
 */
#ifndef SN_TESTS_WASI_GUEST_H
#define SN_TESTS_WASI_GUEST_H

#include "test.h"

#include "util/buffer.h"
#include "wasi/calls.h"
#include "wasi/state.h"

#include <string.h>

enum {
    /* Where things lie in the guest's memory. */
    AT_RESULT = 64,
    AT_RESULT2 = 128,
    AT_STRUCT = 256,
    AT_IOVS = 1024,
    AT_PATH = 16384,
    AT_PATH2 = 32768,
    AT_DATA = 49152,
    DATA_BYTES = 65536,
    GUEST_PAGES = 2,
    GUEST_BYTES = GUEST_PAGES * 65536,
    END = GUEST_BYTES, /* one beyond the last address */

    QUOTA_BYTES = 256 << 10,
};

#define ALL_RIGHTS (SN_RIGHTS_FILE | SN_RIGHTS_DIR)
#define READING                                                                                    \
    (SN_RIGHTS_FILE & ~(SN_RIGHT_FD_WRITE | SN_RIGHT_FD_ALLOCATE | SN_RIGHT_FD_FILESTAT_SET_SIZE | \
                        SN_RIGHT_FD_DATASYNC))

typedef struct guest {
    sn_memory memory;
    sn_vfs *vfs;
    sn_wasi *wasi;
    sn_buffer output[3]; /* by stream; [0] is not used */
    uint32_t output_calls;
    int output_errno;
    const char *input; /* what is left of it */
    size_t input_bytes;
    size_t input_piece;   /* given at most per call; 0: any */
    int64_t input_result; /* not 0: given instead */
    uint64_t clock_ns[4];
    uint64_t slept_ns;
    int sleep_errno;
    int ready;         /* what input_ready gives */
    uint64_t ready_ns; /* what it was asked */
} guest;

/* The exit code of the last proc_exit. */
extern uint32_t guest_exit_code;
extern jmp_buf guest_exit;

/*
 * A tree with /ro/file ("read only"), /ro/dir/, and the workspace /w with QUOTA_BYTES; clocks that
 * only the test moves. `*state` becomes the guest.
 */
int guest_setup(void **state);
int guest_teardown(void **state);

/* Puts bytes, or a string, into memory; gives its length. */
uint32_t guest_put(guest *g, sn_gaddr at, const void *data, size_t bytes);
uint32_t guest_path(guest *g, sn_gaddr at, const char *path);
uint32_t guest_u32(const guest *g, sn_gaddr at);
uint64_t guest_u64(const guest *g, sn_gaddr at);

/* Calls of which most tests need many; each gives the errno. */
uint32_t guest_open_as(guest *g, uint32_t *fd, uint32_t dir, const char *path, uint32_t dirflags,
                       uint32_t oflags, uint64_t base, uint64_t inheriting, uint32_t fdflags);
uint32_t guest_mkdir(guest *g, const char *path);
uint32_t guest_rmdir(guest *g, const char *path);
uint32_t guest_unlink(guest *g, const char *path);
uint32_t guest_symlink(guest *g, const char *target, const char *path);
uint32_t guest_link(guest *g, const char *from, const char *to);
uint32_t guest_rename(guest *g, const char *from, const char *to);
uint32_t guest_stat(guest *g, sn_abi_filestat *out, const char *path, bool follow);
uint32_t guest_fstat(guest *g, sn_abi_filestat *out, uint32_t fd);
uint32_t guest_write(guest *g, uint32_t fd, const char *text);
/* Reads up to `bytes` (at most DATA_BYTES) to AT_DATA and gives how many came. */
uint32_t guest_read(guest *g, uint32_t *got, uint32_t fd, uint32_t bytes);

/* Opens from "/" with all rights that apply, for reading or for all; must work. */
uint32_t guest_open(guest *g, const char *path, uint32_t oflags, uint64_t base);
/* Makes a file with that content, or replaces it. */
void guest_file(guest *g, const char *path, const char *content);
/* The file must hold this. */
void guest_expect(guest *g, const char *path, const char *content);

#define assert_errno(call, errno) assert_int_equal((call), (errno))
#define GUEST_TEST(test) cmocka_unit_test_setup_teardown(test, guest_setup, guest_teardown)
#define assert_done(call) assert_int_equal((call), SN_WASI_OK)

#endif
