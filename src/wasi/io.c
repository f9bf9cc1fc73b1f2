/*
 * io.c - reading, writing and seeking.
 *
 * The pieces of memory (iovecs) that a guest reads into or writes from are copied and all checked
 * first; after that nothing can fail half-way but the host's own input and output functions. A
 * write to a file is whole or not at all. Input is read once per call: what comes is given, so that
 * a call never waits for more than the first byte.
 */
#include "wasi/calls.h"
#include "wasi/state.h"
#include "wasi/workspace.h"

enum {
    GATHER_BYTES = 4096,
    SCATTER_BYTES = 16384,
};

/* Pieces of guest memory, all inside it. */
struct pieces {
    uint32_t count;
    uint32_t used; /* that are not empty */
    uint64_t total_bytes;
    sn_abi_iovec at[SN_IOVECS_MAX];
};

static int get_pieces(struct pieces *out, const sn_wasi *wasi, sn_gaddr iovs, uint32_t count) {
    if (count > SN_IOVECS_MAX)
        return SN_WASI_INVAL;
    const void *from = sn_guest(wasi, iovs, (uint64_t)count * sizeof(sn_abi_iovec));
    if (!from)
        return SN_WASI_FAULT;
    memcpy(out->at, from, count * sizeof(sn_abi_iovec));
    out->count = count;
    out->used = 0;
    out->total_bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!sn_guest(wasi, out->at[i].buf, out->at[i].buf_len))
            return SN_WASI_FAULT;
        out->total_bytes += out->at[i].buf_len;
        out->used += out->at[i].buf_len > 0;
    }
    return out->total_bytes > UINT32_MAX ? SN_WASI_INVAL : SN_WASI_OK;
}

static uint8_t *piece(const sn_wasi *wasi, const struct pieces *pieces, uint32_t i) {
    return wasi->memory->base + pieces->at[i].buf;
}

static const sn_abi_iovec *first_used(const struct pieces *pieces) {
    const sn_abi_iovec *at = pieces->at;
    while (at->buf_len == 0)
        at++;
    return at;
}

/* Spreads `bytes` bytes over the pieces. */
static void scatter(const sn_wasi *wasi, const struct pieces *pieces, const uint8_t *data,
                    uint64_t bytes) {
    for (uint32_t i = 0; bytes; i++) {
        uint64_t n = pieces->at[i].buf_len < bytes ? pieces->at[i].buf_len : bytes;
        memcpy(piece(wasi, pieces, i), data, n);
        data += n;
        bytes -= n;
    }
}

/* Puts all pieces behind each other. */
static void gather(uint8_t *to, const sn_wasi *wasi, const struct pieces *pieces) {
    for (uint32_t i = 0; i < pieces->count; i++) {
        memcpy(to, piece(wasi, pieces, i), pieces->at[i].buf_len);
        to += pieces->at[i].buf_len;
    }
}

static uint64_t read_file(const sn_wasi *wasi, const sn_fd *file, uint64_t offset,
                          const struct pieces *pieces) {
    const sn_node *node = &wasi->vfs->nodes[file->node];
    if (offset >= node->file.bytes)
        return 0;
    uint64_t bytes = node->file.bytes - offset;
    if (bytes > pieces->total_bytes)
        bytes = pieces->total_bytes;
    scatter(wasi, pieces, node->file.data + offset, bytes);
    return bytes;
}

/* Whether reading input would not wait, as a descriptor in non-blocking mode demands. */
static int check_ready(const sn_wasi_options *options) {
    int n = options->input_ready ? options->input_ready(options->user, 0) : 1;
    if (n < 0)
        return n < -SN_WASI_ERRNO_MAX ? SN_WASI_IO : -n;
    return n ? SN_WASI_OK : SN_WASI_AGAIN;
}

static int read_input(uint64_t *got, const sn_wasi *wasi, const sn_fd *file,
                      const struct pieces *pieces) {
    const sn_wasi_options *options = &wasi->options;
    *got = 0;
    if (!options->input || !pieces->total_bytes)
        return 0;
    if (file->flags & SN_FDFLAG_NONBLOCK) {
        int e = check_ready(options);
        if (e)
            return e;
    }
    uint8_t together[SCATTER_BYTES];
    bool direct = pieces->used == 1;
    void *to = direct ? wasi->memory->base + first_used(pieces)->buf : together;
    uint64_t room = pieces->total_bytes;
    if (!direct && room > sizeof together)
        room = sizeof together;
    int64_t n = options->input(options->user, to, room);
    if (n < 0)
        return n < -SN_WASI_ERRNO_MAX ? SN_WASI_IO : (int)-n;
    if ((uint64_t)n > room)
        return SN_WASI_IO;
    if (!direct)
        scatter(wasi, pieces, together, (uint64_t)n);
    *got = (uint64_t)n;
    return 0;
}

static int write_output(const sn_wasi *wasi, int stream, const struct pieces *pieces) {
    const sn_wasi_options *options = &wasi->options;
    if (!options->output || !pieces->total_bytes)
        return 0;
    if (pieces->used > 1 && pieces->total_bytes <= GATHER_BYTES) {
        uint8_t together[GATHER_BYTES];
        gather(together, wasi, pieces);
        return options->output(options->user, stream, together, pieces->total_bytes);
    }
    for (uint32_t i = 0; i < pieces->count; i++) {
        if (!pieces->at[i].buf_len)
            continue;
        int e =
            options->output(options->user, stream, piece(wasi, pieces, i), pieces->at[i].buf_len);
        if (e)
            return e;
    }
    return 0;
}

static int write_file(const sn_wasi *wasi, const sn_fd *file, uint64_t offset,
                      const struct pieces *pieces) {
    if (!pieces->total_bytes)
        return 0;
    uint8_t *to;
    int e = sn_file_begin_write(&to, wasi->vfs, file->node, offset, pieces->total_bytes,
                                sn_wasi_now(wasi));
    if (!e)
        gather(to, wasi, pieces);
    return e;
}

/* The descriptor of a call that reads or writes, with its pieces and the place of its result. */
static int prepare(sn_fd **file, struct pieces *pieces, void **to, sn_wasi *wasi, uint32_t fd,
                   uint64_t right, sn_gaddr iovs, uint32_t count, sn_gaddr result) {
    int e = sn_fd_get(file, wasi, fd, 0);
    if (e)
        return e;
    if ((*file)->kind == SN_FD_DIR)
        return right == SN_RIGHT_FD_READ ? SN_WASI_ISDIR : SN_WASI_BADF;
    if (right & ~(*file)->rights)
        return SN_WASI_NOTCAPABLE;
    *to = sn_guest(wasi, result, 4);
    if (!*to)
        return SN_WASI_FAULT;
    return get_pieces(pieces, wasi, iovs, count);
}

uint32_t sn_wasi_fd_read(void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
                         uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *file;
    struct pieces pieces;
    void *to;
    int e = prepare(&file, &pieces, &to, wasi, fd, SN_RIGHT_FD_READ, iovs, iovs_len, result);
    if (e)
        return (uint32_t)e;
    uint64_t got;
    if (file->kind == SN_FD_STREAM) {
        e = read_input(&got, wasi, file, &pieces);
        if (e)
            return (uint32_t)e;
    } else {
        got = read_file(wasi, file, file->offset, &pieces);
        file->offset += got;
    }
    sn_put32(to, (uint32_t)got);
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_pread(void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
                          uint64_t offset, uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *file;
    struct pieces pieces;
    void *to;
    int e = prepare(&file, &pieces, &to, wasi, fd, SN_RIGHT_FD_READ, iovs, iovs_len, result);
    if (e)
        return (uint32_t)e;
    if (file->kind == SN_FD_STREAM)
        return SN_WASI_SPIPE;
    if (!(file->rights & SN_RIGHT_FD_SEEK))
        return SN_WASI_NOTCAPABLE;
    if (offset > INT64_MAX)
        return SN_WASI_INVAL;
    sn_put32(to, (uint32_t)read_file(wasi, file, offset, &pieces));
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_write(void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
                          uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *file;
    struct pieces pieces;
    void *to;
    int e = prepare(&file, &pieces, &to, wasi, fd, SN_RIGHT_FD_WRITE, iovs, iovs_len, result);
    if (e)
        return (uint32_t)e;
    if (file->kind == SN_FD_STREAM) {
        e = write_output(wasi, (int)file->node, &pieces);
    } else {
        if (file->flags & SN_FDFLAG_APPEND)
            file->offset = wasi->vfs->nodes[file->node].file.bytes;
        e = write_file(wasi, file, file->offset, &pieces);
        if (!e)
            file->offset += pieces.total_bytes;
    }
    if (!e)
        sn_put32(to, (uint32_t)pieces.total_bytes);
    return (uint32_t)e;
}

/* Writes at `offset` also in append mode, as POSIX has it. */
uint32_t sn_wasi_fd_pwrite(void *context, uint32_t fd, uint32_t iovs, uint32_t iovs_len,
                           uint64_t offset, uint32_t result) {
    sn_wasi *wasi = context;
    sn_fd *file;
    struct pieces pieces;
    void *to;
    int e = prepare(&file, &pieces, &to, wasi, fd, SN_RIGHT_FD_WRITE, iovs, iovs_len, result);
    if (e)
        return (uint32_t)e;
    if (file->kind == SN_FD_STREAM)
        return SN_WASI_SPIPE;
    if (!(file->rights & SN_RIGHT_FD_SEEK))
        return SN_WASI_NOTCAPABLE;
    if (offset > INT64_MAX)
        return SN_WASI_INVAL;
    e = write_file(wasi, file, offset, &pieces);
    if (!e)
        sn_put32(to, (uint32_t)pieces.total_bytes);
    return (uint32_t)e;
}

/* The file of a call that concerns offsets. */
static int get_file(sn_fd **file, sn_wasi *wasi, uint32_t fd, uint64_t rights) {
    int e = sn_fd_get(file, wasi, fd, 0);
    if (e)
        return e;
    if ((*file)->kind == SN_FD_DIR)
        return SN_WASI_ISDIR;
    if (rights & ~(*file)->rights)
        return SN_WASI_NOTCAPABLE;
    return (*file)->kind == SN_FD_STREAM ? SN_WASI_SPIPE : SN_WASI_OK;
}

uint32_t sn_wasi_fd_seek(void *context, uint32_t fd, uint64_t offset, uint32_t whence,
                         uint32_t result) {
    sn_wasi *wasi = context;
    bool tells = whence == SN_WHENCE_CUR && offset == 0;
    sn_fd *file;
    int e = get_file(&file, wasi, fd, 0);
    if (e)
        return (uint32_t)e;
    uint64_t enough = SN_RIGHT_FD_SEEK | (tells ? SN_RIGHT_FD_TELL : 0);
    if (!(file->rights & enough))
        return SN_WASI_NOTCAPABLE;
    void *to = sn_guest(wasi, result, 8);
    if (!to)
        return SN_WASI_FAULT;
    uint64_t from[] = {
        [SN_WHENCE_SET] = 0,
        [SN_WHENCE_CUR] = file->offset,
        [SN_WHENCE_END] = wasi->vfs->nodes[file->node].file.bytes,
    };
    if (whence > SN_WHENCE_END)
        return SN_WASI_INVAL;
    int64_t at;
    if (__builtin_add_overflow((int64_t)from[whence], (int64_t)offset, &at))
        return SN_WASI_OVERFLOW;
    if (at < 0)
        return SN_WASI_INVAL;
    file->offset = (uint64_t)at;
    sn_put64(to, file->offset);
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_tell(void *context, uint32_t fd, uint32_t result) {
    return sn_wasi_fd_seek(context, fd, 0, SN_WHENCE_CUR, result);
}

uint32_t sn_wasi_fd_advise(void *context, uint32_t fd, uint64_t offset, uint64_t len,
                           uint32_t advice) {
    sn_fd *file;
    int e = get_file(&file, context, fd, SN_RIGHT_FD_ADVISE);
    if (e)
        return (uint32_t)e;
    if (advice > SN_ADVICE_MAX || offset > INT64_MAX || len > INT64_MAX)
        return SN_WASI_INVAL;
    return SN_WASI_OK;
}

uint32_t sn_wasi_fd_allocate(void *context, uint32_t fd, uint64_t offset, uint64_t len) {
    sn_wasi *wasi = context;
    sn_fd *file;
    int e = get_file(&file, wasi, fd, SN_RIGHT_FD_ALLOCATE);
    if (e)
        return (uint32_t)e;
    uint64_t end;
    if (len == 0 || offset > INT64_MAX || len > INT64_MAX)
        return SN_WASI_INVAL;
    if (__builtin_add_overflow(offset, len, &end) || end > INT64_MAX)
        return SN_WASI_FBIG;
    if (end <= wasi->vfs->nodes[file->node].file.bytes)
        return SN_WASI_OK;
    return (uint32_t)sn_file_resize(wasi->vfs, file->node, end, sn_wasi_now(wasi));
}

/* There is nothing slower than memory to bring data to. */
uint32_t sn_wasi_fd_sync(void *context, uint32_t fd) {
    sn_fd *file;
    return (uint32_t)sn_fd_get(&file, context, fd, SN_RIGHT_FD_SYNC);
}

uint32_t sn_wasi_fd_datasync(void *context, uint32_t fd) {
    sn_fd *file;
    return (uint32_t)sn_fd_get(&file, context, fd, SN_RIGHT_FD_DATASYNC);
}
