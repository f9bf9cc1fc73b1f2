/* io_test.c - reading, writing, seeking; pieces of memory that are many, odd or hostile. */
#include "guest.h"

#include <stdlib.h>

static uint32_t put_iovs(guest *g, const sn_abi_iovec *iovs, uint32_t count) {
    guest_put(g, AT_IOVS, iovs, count * sizeof *iovs);
    return count;
}

static uint64_t seek(guest *g, uint32_t fd, int64_t offset, uint32_t whence) {
    assert_done(sn_wasi_fd_seek(g->wasi, fd, (uint64_t)offset, whence, AT_RESULT));
    return guest_u64(g, AT_RESULT);
}

static void output_goes_to_its_stream(void **state) {
    guest *g = *state;
    assert_done(guest_write(g, 1, "out"));
    assert_done(guest_write(g, 2, "err"));
    assert_done(guest_write(g, 1, "put"));
    assert_string_equal(g->output[1].data, "output");
    assert_string_equal(g->output[2].data, "err");
    assert_errno(guest_write(g, 0, "in"), SN_WASI_NOTCAPABLE);
    g->output_errno = SN_WASI_IO;
    assert_errno(guest_write(g, 1, "x"), SN_WASI_IO);
}

static void small_pieces_are_one_output(void **state) {
    guest *g = *state;
    guest_path(g, AT_DATA, "onetwothree");
    const sn_abi_iovec iovs[] = {{AT_DATA, 3}, {AT_DATA + 3, 0}, {AT_DATA + 3, 3}, {AT_DATA, 11}};
    put_iovs(g, iovs, 4);
    assert_done(sn_wasi_fd_write(g->wasi, 1, AT_IOVS, 4, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 17);
    assert_string_equal(g->output[1].data, "onetwoonetwothree");
    assert_int_equal(g->output_calls, 1);
    const sn_abi_iovec large[] = {{0, 60000}, {0, 60000}};
    put_iovs(g, large, 2);
    assert_done(sn_wasi_fd_write(g->wasi, 2, AT_IOVS, 2, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 120000);
    assert_int_equal(g->output[2].bytes, 120000);
    assert_int_equal(g->output_calls, 3);
}

static void nothing_is_written_for_nothing(void **state) {
    guest *g = *state;
    assert_done(sn_wasi_fd_write(g->wasi, 1, AT_IOVS, 0, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 0);
    const sn_abi_iovec empty[] = {{AT_DATA, 0}, {END, 0}};
    put_iovs(g, empty, 2);
    assert_done(sn_wasi_fd_write(g->wasi, 1, AT_IOVS, 2, AT_RESULT));
    assert_int_equal(g->output_calls, 0);
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    seek(g, fd, 100, SN_WHENCE_SET);
    assert_done(sn_wasi_fd_write(g->wasi, fd, AT_IOVS, 2, AT_RESULT));
    sn_abi_filestat stat;
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.size, 0);
}

static void bad_ranges_have_no_effect(void **state) {
    guest *g = *state;
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    const struct {
        sn_abi_iovec bad;
        uint32_t errno_;
    } cases[] = {
        {{END, 1}, SN_WASI_FAULT},        {{END - 1, 2}, SN_WASI_FAULT},
        {{UINT32_MAX, 1}, SN_WASI_FAULT}, {{UINT32_MAX, UINT32_MAX}, SN_WASI_FAULT},
        {{0, UINT32_MAX}, SN_WASI_FAULT}, {{END + 1, 0}, SN_WASI_FAULT},
        {{2, UINT32_MAX}, SN_WASI_FAULT},
    };
    sn_wasi *w = g->wasi;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const sn_abi_iovec iovs[] = {{AT_DATA, 1}, cases[i].bad};
        put_iovs(g, iovs, 2);
        uint32_t want = cases[i].errno_;
        assert_errno(sn_wasi_fd_write(w, 1, AT_IOVS, 2, AT_RESULT), want);
        assert_errno(sn_wasi_fd_write(w, fd, AT_IOVS, 2, AT_RESULT), want);
        assert_errno(sn_wasi_fd_pwrite(w, fd, AT_IOVS, 2, 0, AT_RESULT), want);
        assert_errno(sn_wasi_fd_read(w, fd, AT_IOVS, 2, AT_RESULT), want);
        assert_errno(sn_wasi_fd_pread(w, fd, AT_IOVS, 2, 0, AT_RESULT), want);
        assert_errno(sn_wasi_fd_read(w, 0, AT_IOVS, 2, AT_RESULT), want);
    }
    const sn_abi_iovec good = {AT_DATA, 1};
    put_iovs(g, &good, 1);
    assert_errno(sn_wasi_fd_write(w, 1, AT_IOVS, 1, END - 3), SN_WASI_FAULT);
    assert_errno(sn_wasi_fd_write(w, 1, AT_IOVS, 1, UINT32_MAX), SN_WASI_FAULT);
    assert_errno(sn_wasi_fd_write(w, 1, END - 7, 1, AT_RESULT), SN_WASI_FAULT);
    assert_errno(sn_wasi_fd_write(w, 1, UINT32_MAX - 7, 1, AT_RESULT), SN_WASI_FAULT);
    assert_errno(sn_wasi_fd_write(w, 99, AT_IOVS, 1, AT_RESULT), SN_WASI_BADF);
    assert_int_equal(g->output_calls, 0);
    assert_int_equal(seek(g, fd, 0, SN_WHENCE_END), 0);
    /* At the very end is inside. */
    const sn_abi_iovec last = {END - 1, 1};
    put_iovs(g, &last, 1);
    assert_done(sn_wasi_fd_write(w, 1, AT_IOVS, 1, END - 4));
}

static void pieces_are_limited(void **state) {
    guest *g = *state;
    static sn_abi_iovec iovs[SN_IOVECS_MAX];
    for (int i = 0; i < SN_IOVECS_MAX; i++)
        iovs[i] = (sn_abi_iovec){AT_DATA, 1};
    put_iovs(g, iovs, SN_IOVECS_MAX);
    assert_done(sn_wasi_fd_write(g->wasi, 1, AT_IOVS, SN_IOVECS_MAX, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), SN_IOVECS_MAX);
    assert_errno(sn_wasi_fd_write(g->wasi, 1, AT_IOVS, SN_IOVECS_MAX + 1, AT_RESULT),
                 SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_read(g->wasi, 0, AT_IOVS, UINT32_MAX, AT_RESULT), SN_WASI_INVAL);
}

static void sums_beyond_32_bits_are_refused(void **state) {
    guest *g = *state;
    /* The same 128 KiB a thousand times is 128 MiB: fine. A guest of 4 GiB could go further. */
    static sn_abi_iovec iovs[SN_IOVECS_MAX];
    for (int i = 0; i < SN_IOVECS_MAX; i++)
        iovs[i] = (sn_abi_iovec){0, GUEST_BYTES};
    put_iovs(g, iovs, SN_IOVECS_MAX);
    assert_errno(sn_wasi_fd_write(g->wasi, guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE),
                                  AT_IOVS, SN_IOVECS_MAX, AT_RESULT),
                 SN_WASI_NOSPC);
    uint8_t *real = g->memory.base;
    g->memory.size_bytes = 1ull << 32; /* what lies beyond is not touched */
    for (int i = 0; i < 2; i++)
        iovs[i] = (sn_abi_iovec){0, UINT32_MAX};
    memcpy(real + AT_IOVS, iovs, 2 * sizeof *iovs);
    assert_errno(sn_wasi_fd_write(g->wasi, 1, AT_IOVS, 2, AT_RESULT), SN_WASI_INVAL);
    g->memory.size_bytes = GUEST_BYTES;
}

static void input_is_read_once_per_call(void **state) {
    guest *g = *state;
    uint32_t got;
    g->input = "hello world";
    g->input_bytes = 11;
    g->input_piece = 7;
    assert_done(guest_read(g, &got, 0, 100));
    assert_int_equal(got, 7);
    assert_memory_equal(g->memory.base + AT_DATA, "hello w", 7);
    const sn_abi_iovec iovs[] = {{AT_DATA, 0}, {AT_DATA, 1}, {AT_DATA + 10, 2}, {AT_DATA + 20, 9}};
    put_iovs(g, iovs, 4);
    assert_done(sn_wasi_fd_read(g->wasi, 0, AT_IOVS, 4, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 4);
    assert_memory_equal(g->memory.base + AT_DATA, "o", 1);
    assert_memory_equal(g->memory.base + AT_DATA + 10, "rl", 2);
    assert_memory_equal(g->memory.base + AT_DATA + 20, "d", 1);
    assert_done(guest_read(g, &got, 0, 100));
    assert_int_equal(got, 0);
    assert_errno(guest_read(g, &got, 1, 1), SN_WASI_NOTCAPABLE);
}

static void wrong_answers_of_the_host_are_errors(void **state) {
    guest *g = *state;
    uint32_t got;
    g->input_result = -SN_WASI_INTR;
    assert_errno(guest_read(g, &got, 0, 10), SN_WASI_INTR);
    g->input_result = 11;
    assert_errno(guest_read(g, &got, 0, 10), SN_WASI_IO);
    g->input_result = INT64_MIN;
    assert_errno(guest_read(g, &got, 0, 10), SN_WASI_IO);
    g->input_result = -1000;
    assert_errno(guest_read(g, &got, 0, 10), SN_WASI_IO);
}

static void input_that_must_not_wait_is_asked_for_first(void **state) {
    guest *g = *state;
    uint32_t got;
    g->input = "data";
    g->input_bytes = 4;
    assert_done(sn_wasi_fd_fdstat_set_flags(g->wasi, 0, SN_FDFLAG_NONBLOCK));
    g->ready = 0;
    assert_errno(guest_read(g, &got, 0, 10), SN_WASI_AGAIN);
    assert_int_equal(g->ready_ns, 0);
    g->ready = -SN_WASI_INTR;
    assert_errno(guest_read(g, &got, 0, 10), SN_WASI_INTR);
    g->ready = 1;
    assert_done(guest_read(g, &got, 0, 10));
    assert_int_equal(got, 4);
}

static void pieces_may_overlap_anything(void **state) {
    guest *g = *state;
    guest_file(g, "w/f", "0123456789abcdef0123456789abcdef");
    uint32_t fd = guest_open(g, "w/f", 0, SN_RIGHTS_FILE);
    /* The first piece is the list of pieces itself; the result lies in the second. */
    const sn_abi_iovec iovs[] = {{AT_IOVS, 16}, {AT_DATA, 8}, {AT_DATA + 4, 8}};
    put_iovs(g, iovs, 3);
    assert_done(sn_wasi_fd_read(g->wasi, fd, AT_IOVS, 3, AT_DATA));
    assert_memory_equal(g->memory.base + AT_IOVS, "0123456789abcdef", 16);
    assert_int_equal(guest_u32(g, AT_DATA), 32);
    assert_memory_equal(g->memory.base + AT_DATA + 4, "89abcdef", 8);
    const sn_abi_iovec same[] = {{AT_DATA, 12}, {AT_DATA, 12}};
    put_iovs(g, same, 2);
    assert_done(sn_wasi_fd_pwrite(g->wasi, fd, AT_IOVS, 2, 0, AT_DATA));
    assert_int_equal(guest_u32(g, AT_DATA), 24);
}

static void offsets_move_by_reading_and_writing(void **state) {
    guest *g = *state;
    uint32_t got, fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(guest_write(g, fd, "0123456789"));
    assert_int_equal(seek(g, fd, 0, SN_WHENCE_CUR), 10);
    assert_done(guest_read(g, &got, fd, 10));
    assert_int_equal(got, 0);
    assert_int_equal(seek(g, fd, -4, SN_WHENCE_CUR), 6);
    assert_done(guest_read(g, &got, fd, 10));
    assert_int_equal(got, 4);
    assert_int_equal(seek(g, fd, -9, SN_WHENCE_END), 1);
    assert_done(guest_write(g, fd, "x"));
    assert_done(sn_wasi_fd_tell(g->wasi, fd, AT_RESULT));
    assert_int_equal(guest_u64(g, AT_RESULT), 2);
    guest_expect(g, "w/f", "0x23456789");
}

static void seeking_has_bounds(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t got, fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(guest_write(g, fd, "abc"));
    assert_errno(sn_wasi_fd_seek(w, fd, (uint64_t)-1, SN_WHENCE_SET, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_seek(w, fd, (uint64_t)-4, SN_WHENCE_CUR, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_seek(w, fd, (uint64_t)-4, SN_WHENCE_END, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_seek(w, fd, (uint64_t)INT64_MIN, SN_WHENCE_END, AT_RESULT),
                 SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_seek(w, fd, INT64_MAX, SN_WHENCE_CUR, AT_RESULT), SN_WASI_OVERFLOW);
    assert_errno(sn_wasi_fd_seek(w, fd, 0, 3, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_seek(w, fd, 0, UINT32_MAX, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_seek(w, fd, 0, 0, END - 7), SN_WASI_FAULT);
    assert_int_equal(seek(g, fd, 0, SN_WHENCE_CUR), 3); /* nothing moved it */
    assert_int_equal(seek(g, fd, INT64_MAX, SN_WHENCE_SET), INT64_MAX);
    assert_done(guest_read(g, &got, fd, 10));
    assert_int_equal(got, 0);
    assert_errno(guest_write(g, fd, "x"), SN_WASI_FBIG);
    assert_errno(sn_wasi_fd_seek(w, 0, 0, SN_WHENCE_CUR, AT_RESULT), SN_WASI_SPIPE);
    assert_errno(sn_wasi_fd_tell(w, 1, AT_RESULT), SN_WASI_SPIPE);
    assert_errno(sn_wasi_fd_seek(w, 3, 0, SN_WHENCE_CUR, AT_RESULT), SN_WASI_ISDIR);
    assert_errno(sn_wasi_fd_tell(w, 3, AT_RESULT), SN_WASI_ISDIR);
    assert_errno(sn_wasi_fd_tell(w, 77, AT_RESULT), SN_WASI_BADF);
}

static void a_gap_is_zero(void **state) {
    guest *g = *state;
    uint32_t got, fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(guest_write(g, fd, "garbage garbage garbage"));
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 2));
    seek(g, fd, 6, SN_WHENCE_SET);
    assert_done(guest_write(g, fd, "end"));
    assert_done(sn_wasi_fd_filestat_set_size(g->wasi, fd, 12));
    seek(g, fd, 0, SN_WHENCE_SET);
    assert_done(guest_read(g, &got, fd, 100));
    assert_int_equal(got, 12);
    assert_memory_equal(g->memory.base + AT_DATA, "ga\0\0\0\0end\0\0\0", 12);
}

static void appending_goes_to_the_end(void **state) {
    guest *g = *state;
    uint32_t fd;
    guest_file(g, "w/f", "start");
    assert_done(guest_open_as(g, &fd, 3, "w/f", 0, 0, SN_RIGHTS_FILE, 0, SN_FDFLAG_APPEND));
    assert_done(guest_write(g, fd, "+1"));
    seek(g, fd, 0, SN_WHENCE_SET);
    assert_done(guest_write(g, fd, "+2"));
    assert_int_equal(seek(g, fd, 0, SN_WHENCE_CUR), 9);
    guest_expect(g, "w/f", "start+1+2");
    guest_path(g, AT_DATA, "S");
    const sn_abi_iovec iov = {AT_DATA, 1};
    put_iovs(g, &iov, 1);
    assert_done(sn_wasi_fd_pwrite(g->wasi, fd, AT_IOVS, 1, 0, AT_RESULT)); /* as POSIX has it */
    assert_int_equal(seek(g, fd, 0, SN_WHENCE_CUR), 9);
    guest_expect(g, "w/f", "Start+1+2");
    assert_done(sn_wasi_fd_fdstat_set_flags(g->wasi, fd, 0));
    seek(g, fd, 0, SN_WHENCE_SET);
    assert_done(guest_write(g, fd, "T"));
    guest_expect(g, "w/f", "Ttart+1+2");
}

static void reading_and_writing_at_an_offset(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    guest_file(g, "w/f", "0123456789");
    uint32_t fd = guest_open(g, "w/f", 0, SN_RIGHTS_FILE);
    const sn_abi_iovec iov = {AT_DATA, 4};
    put_iovs(g, &iov, 1);
    assert_done(sn_wasi_fd_pread(w, fd, AT_IOVS, 1, 8, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 2);
    assert_memory_equal(g->memory.base + AT_DATA, "89", 2);
    assert_done(sn_wasi_fd_pread(w, fd, AT_IOVS, 1, 100, AT_RESULT));
    assert_int_equal(guest_u32(g, AT_RESULT), 0);
    assert_done(sn_wasi_fd_pread(w, fd, AT_IOVS, 1, INT64_MAX, AT_RESULT));
    assert_errno(sn_wasi_fd_pread(w, fd, AT_IOVS, 1, 1ull << 63, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_pwrite(w, fd, AT_IOVS, 1, 1ull << 63, AT_RESULT), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_pwrite(w, fd, AT_IOVS, 1, INT64_MAX, AT_RESULT), SN_WASI_FBIG);
    assert_errno(sn_wasi_fd_pwrite(w, fd, AT_IOVS, 1, 1ull << 40, AT_RESULT), SN_WASI_NOSPC);
    assert_errno(sn_wasi_fd_pread(w, 0, AT_IOVS, 1, 0, AT_RESULT), SN_WASI_SPIPE);
    assert_errno(sn_wasi_fd_pwrite(w, 1, AT_IOVS, 1, 0, AT_RESULT), SN_WASI_SPIPE);
    assert_errno(sn_wasi_fd_pread(w, 3, AT_IOVS, 1, 0, AT_RESULT), SN_WASI_ISDIR);
    assert_errno(sn_wasi_fd_pwrite(w, 3, AT_IOVS, 1, 0, AT_RESULT), SN_WASI_BADF);
    assert_errno(sn_wasi_fd_read(w, 3, AT_IOVS, 1, AT_RESULT), SN_WASI_ISDIR);
    assert_errno(sn_wasi_fd_write(w, 3, AT_IOVS, 1, AT_RESULT), SN_WASI_BADF);
    assert_int_equal(seek(g, fd, 0, SN_WHENCE_CUR), 0);
    /* Without the right to seek there is no reading at an offset. */
    assert_done(sn_wasi_fd_fdstat_set_rights(w, fd, SN_RIGHT_FD_READ | SN_RIGHT_FD_WRITE, 0));
    assert_errno(sn_wasi_fd_pread(w, fd, AT_IOVS, 1, 0, AT_RESULT), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_pwrite(w, fd, AT_IOVS, 1, 0, AT_RESULT), SN_WASI_NOTCAPABLE);
    assert_done(sn_wasi_fd_read(w, fd, AT_IOVS, 1, AT_RESULT));
}

static void space_is_allocated(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    sn_abi_filestat stat;
    uint32_t fd = guest_open(g, "w/f", SN_OFLAG_CREAT, SN_RIGHTS_FILE);
    assert_done(sn_wasi_fd_allocate(w, fd, 0, 100));
    assert_done(sn_wasi_fd_allocate(w, fd, 10, 10));
    assert_done(sn_wasi_fd_allocate(w, fd, 90, 20));
    assert_done(guest_fstat(g, &stat, fd));
    assert_int_equal(stat.size, 110);
    assert_errno(sn_wasi_fd_allocate(w, fd, 0, 0), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_allocate(w, fd, 0, UINT64_MAX), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_allocate(w, fd, INT64_MAX, INT64_MAX), SN_WASI_FBIG);
    assert_errno(sn_wasi_fd_allocate(w, fd, 0, 1ull << 50), SN_WASI_NOSPC);
    assert_errno(sn_wasi_fd_allocate(w, 3, 0, 1), SN_WASI_ISDIR);
    assert_errno(sn_wasi_fd_allocate(w, 1, 0, 1), SN_WASI_NOTCAPABLE);
    assert_done(sn_wasi_fd_advise(w, fd, 0, 0, SN_ADVICE_MAX));
    assert_errno(sn_wasi_fd_advise(w, fd, 0, 0, SN_ADVICE_MAX + 1), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_advise(w, fd, 1ull << 63, 0, 0), SN_WASI_INVAL);
    assert_errno(sn_wasi_fd_advise(w, 0, 0, 0, 0), SN_WASI_SPIPE);
    assert_done(sn_wasi_fd_sync(w, fd));
    assert_done(sn_wasi_fd_datasync(w, fd));
    assert_done(sn_wasi_fd_sync(w, 1));
    assert_errno(sn_wasi_fd_sync(w, 50), SN_WASI_BADF);
    assert_done(sn_wasi_fd_fdstat_set_rights(w, fd, 0, 0));
    assert_errno(sn_wasi_fd_sync(w, fd), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_datasync(w, fd), SN_WASI_NOTCAPABLE);
}

static void rights_to_seek_and_tell(void **state) {
    guest *g = *state;
    sn_wasi *w = g->wasi;
    uint32_t fd = guest_open(g, "ro/file", 0, READING);
    assert_done(sn_wasi_fd_fdstat_set_rights(w, fd, SN_RIGHT_FD_TELL, 0));
    assert_done(sn_wasi_fd_tell(w, fd, AT_RESULT));
    assert_done(sn_wasi_fd_seek(w, fd, 0, SN_WHENCE_CUR, AT_RESULT));
    assert_errno(sn_wasi_fd_seek(w, fd, 1, SN_WHENCE_CUR, AT_RESULT), SN_WASI_NOTCAPABLE);
    assert_errno(sn_wasi_fd_seek(w, fd, 0, SN_WHENCE_SET, AT_RESULT), SN_WASI_NOTCAPABLE);
    fd = guest_open(g, "ro/file", 0, SN_RIGHT_FD_SEEK);
    assert_done(sn_wasi_fd_tell(w, fd, AT_RESULT)); /* seeking implies telling */
    assert_done(sn_wasi_fd_fdstat_set_rights(w, fd, 0, 0));
    assert_errno(sn_wasi_fd_tell(w, fd, AT_RESULT), SN_WASI_NOTCAPABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        GUEST_TEST(output_goes_to_its_stream),
        GUEST_TEST(small_pieces_are_one_output),
        GUEST_TEST(nothing_is_written_for_nothing),
        GUEST_TEST(bad_ranges_have_no_effect),
        GUEST_TEST(pieces_are_limited),
        GUEST_TEST(sums_beyond_32_bits_are_refused),
        GUEST_TEST(input_is_read_once_per_call),
        GUEST_TEST(wrong_answers_of_the_host_are_errors),
        GUEST_TEST(input_that_must_not_wait_is_asked_for_first),
        GUEST_TEST(pieces_may_overlap_anything),
        GUEST_TEST(offsets_move_by_reading_and_writing),
        GUEST_TEST(seeking_has_bounds),
        GUEST_TEST(a_gap_is_zero),
        GUEST_TEST(appending_goes_to_the_end),
        GUEST_TEST(reading_and_writing_at_an_offset),
        GUEST_TEST(space_is_allocated),
        GUEST_TEST(rights_to_seek_and_tell),
    };
    return cmocka_run_group_tests_name("io", tests, NULL, NULL);
}
