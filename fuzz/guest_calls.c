/*
 * guest_calls.c - see guest_calls.h.
 *
 * The kinds of parameters, one letter each in the table: d descriptor, p path (address and length),
 * a address, n small count, l length, g flags, R rights, o offset.
 */
#include "guest_calls.h"

#include "wasi/calls.h"
#include "wasi/state.h"
#include "wasm/instance.h"

#include <stdlib.h>

enum {
    PARAMETERS_MAX = 9,
    PATHS = 32,
    PATH_SLOT_BYTES = 32,
    PATHS_AT = 4096,
};

struct call {
    const char *name;
    const char *kinds;
};

/* proc_exit is left out: there is no guest to unwind. */
static const struct call calls[] = {
    {"args_get", "aa"},
    {"args_sizes_get", "aa"},
    {"environ_get", "aa"},
    {"environ_sizes_get", "aa"},
    {"clock_res_get", "na"},
    {"clock_time_get", "noa"},
    {"fd_advise", "doon"},
    {"fd_allocate", "doo"},
    {"fd_close", "d"},
    {"fd_datasync", "d"},
    {"fd_fdstat_get", "da"},
    {"fd_fdstat_set_flags", "dg"},
    {"fd_fdstat_set_rights", "dRR"},
    {"fd_filestat_get", "da"},
    {"fd_filestat_set_size", "do"},
    {"fd_filestat_set_times", "doog"},
    {"fd_pread", "danoa"},
    {"fd_prestat_get", "da"},
    {"fd_prestat_dir_name", "dal"},
    {"fd_pwrite", "danoa"},
    {"fd_read", "dana"},
    {"fd_readdir", "daloa"},
    {"fd_renumber", "dd"},
    {"fd_seek", "dona"},
    {"fd_sync", "d"},
    {"fd_tell", "da"},
    {"fd_write", "dana"},
    {"path_create_directory", "dp"},
    {"path_filestat_get", "dgpa"},
    {"path_filestat_set_times", "dgpoog"},
    {"path_link", "dgpdp"},
    {"path_open", "dgpgRRga"},
    {"path_readlink", "dpala"},
    {"path_remove_directory", "dp"},
    {"path_rename", "dpdp"},
    {"path_symlink", "pdp"},
    {"path_unlink_file", "dp"},
    {"poll_oneoff", "aana"},
    {"proc_raise", "n"},
    {"sched_yield", ""},
    {"random_get", "al"},
    {"sock_accept", "dga"},
    {"sock_recv", "dangaa"},
    {"sock_send", "danga"},
    {"sock_shutdown", "dn"},
    /* again, those that do most */
    {"path_open", "dgpgRRga"},
    {"path_open", "dgpgRRga"},
    {"fd_write", "dana"},
    {"path_rename", "dpdp"},
    {"fd_readdir", "daloa"},
};

static const char *const paths[] = {
    "w/a",      "w/b",     "w/c",    "w/a/a",  "w/a/b", "w/b/a", "w/b/b",     "w/a/a/a",
    "w/a/a/b",  "w/b/a/a", "w/a/b/", "w/b/..", "w",     "ro",    "ro/file",   ".",
    "..",       "a",       "b",      "a/a",    "../b",  "./a/",  "/w/a",      "",
    "w//a/./b", "w/in",    "v",      "v/a",    "v/b",   "v/a/c", "w/c/c/c/c", "../../../x",
};
_Static_assert(sizeof paths / sizeof paths[0] == PATHS, "each slot has its path");

uint8_t guest_calls_next(guest_calls *in) {
    if (!in->left)
        return 0;
    in->left--;
    return *in->at++;
}

static uint64_t number(guest_calls *in, unsigned bytes) {
    uint64_t value = 0;
    while (bytes--)
        value = value << 8 | guest_calls_next(in);
    return value;
}

static uint64_t parameter(guest_calls *in, char kind) {
    uint8_t how = guest_calls_next(in);
    if (how >= 240)
        return number(in, 8);
    switch (kind) {
    case 'd':
        return how % 12;
    case 'a':
        return how < 200 ? how * 256u : GUEST_MEMORY_BYTES - how % 80u;
    case 'n':
        return how % 6;
    case 'l':
        return how < 200 ? how : how * 100u;
    case 'g':
        return how < 200 ? how % 16 : how;
    case 'R':
        return how < 200 ? SN_RIGHTS_FILE | SN_RIGHTS_DIR : 1ull << how % 32;
    default: /* 'o' */
        return how < 100 ? how : how < 200 ? how * 97u : how < 220 ? INT64_MAX - how : -how;
    }
}

/* A path takes two parameters. */
static unsigned parameters(uint64_t *out, guest_calls *in, const char *kinds) {
    unsigned count = 0;
    for (; *kinds; kinds++) {
        if (*kinds != 'p') {
            out[count++] = parameter(in, *kinds);
            continue;
        }
        uint8_t how = guest_calls_next(in);
        bool plain = how < 224;
        out[count++] = plain ? PATHS_AT + how % PATHS * (uint64_t)PATH_SLOT_BYTES : number(in, 2);
        out[count++] = plain ? strlen(paths[how % PATHS]) : number(in, 1 + how % 2);
    }
    return count;
}

#define I uint32_t
#define L uint64_t
#define SIGNATURES(CASE)                                                                           \
    CASE(":i", (void *), (w))                                                                      \
    CASE("i:i", (void *, I), (w, (I)p[0]))                                                         \
    CASE("iI:i", (void *, I, L), (w, (I)p[0], p[1]))                                               \
    CASE("ii:i", (void *, I, I), (w, (I)p[0], (I)p[1]))                                            \
    CASE("iII:i", (void *, I, L, L), (w, (I)p[0], p[1], p[2]))                                     \
    CASE("iIi:i", (void *, I, L, I), (w, (I)p[0], p[1], (I)p[2]))                                  \
    CASE("iii:i", (void *, I, I, I), (w, (I)p[0], (I)p[1], (I)p[2]))                               \
    CASE("iIIi:i", (void *, I, L, L, I), (w, (I)p[0], p[1], p[2], (I)p[3]))                        \
    CASE("iIii:i", (void *, I, L, I, I), (w, (I)p[0], p[1], (I)p[2], (I)p[3]))                     \
    CASE("iiii:i", (void *, I, I, I, I), (w, (I)p[0], (I)p[1], (I)p[2], (I)p[3]))                  \
    CASE("iiiIi:i", (void *, I, I, I, L, I), (w, (I)p[0], (I)p[1], (I)p[2], p[3], (I)p[4]))        \
    CASE("iiiii:i", (void *, I, I, I, I, I), (w, (I)p[0], (I)p[1], (I)p[2], (I)p[3], (I)p[4]))     \
    CASE("iiiiii:i", (void *, I, I, I, I, I, I),                                                   \
         (w, (I)p[0], (I)p[1], (I)p[2], (I)p[3], (I)p[4], (I)p[5]))                                \
    CASE("iiiiiii:i", (void *, I, I, I, I, I, I, I),                                               \
         (w, (I)p[0], (I)p[1], (I)p[2], (I)p[3], (I)p[4], (I)p[5], (I)p[6]))                       \
    CASE("iiiiIIi:i", (void *, I, I, I, I, L, L, I),                                               \
         (w, (I)p[0], (I)p[1], (I)p[2], (I)p[3], p[4], p[5], (I)p[6]))                             \
    CASE("iiiiiIIii:i", (void *, I, I, I, I, I, L, L, I, I),                                       \
         (w, (I)p[0], (I)p[1], (I)p[2], (I)p[3], (I)p[4], p[5], p[6], (I)p[7], (I)p[8]))

static uint32_t invoke(sn_wasi *w, const sn_host_func *f, const uint64_t *p) {
#define CASE(signature, types, values)                                                             \
    if (strcmp(f->type, signature) == 0)                                                           \
        return ((uint32_t(*) types)f->func)values;
    SIGNATURES(CASE)
    abort();
}

static const sn_host_func *find(const char *name) {
    for (const sn_host_func *f = sn_wasi_funcs; f->name; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    abort();
}

static int output(void *user, int fd, const void *data, size_t bytes) {
    (void)user;
    for (size_t i = 0; i < bytes; i++)
        __asm__ volatile("" : : "r"(((const uint8_t *)data)[i])); /* read, whoever optimises */
    return fd == 2 && bytes == 7 ? SN_WASI_IO : 0;
}

static int64_t input(void *user, void *data, size_t bytes) {
    guest_calls *in = user;
    uint8_t n = guest_calls_next(in);
    if (n > bytes)
        return -SN_WASI_AGAIN;
    memset(data, n, n);
    return n;
}

static int input_ready(void *user, uint64_t timeout_ns) {
    (void)timeout_ns;
    return guest_calls_next(user) % 3 - 1;
}

static int tell_clock(void *user, uint32_t id, uint64_t *ns) {
    *ns = 1000000000u * (id + 1ull);
    return guest_calls_next(user) == 255 ? SN_WASI_IO : 0;
}

static int give_random(void *user, void *data, size_t bytes) {
    memset(data, guest_calls_next(user), bytes);
    return 0;
}

static int pass_time(void *user, uint64_t ns) {
    (void)ns;
    return guest_calls_next(user) == 1 ? SN_WASI_INTR : 0;
}

void guest_calls_check(const sn_wasi *w) {
    uint32_t *opens = calloc(w->vfs->nodes_used, sizeof *opens);
    if (!opens)
        abort();
    for (uint32_t i = 0; i < w->fds_count; i++)
        if (w->fds[i].kind == SN_FD_FILE || w->fds[i].kind == SN_FD_DIR)
            opens[w->fds[i].node]++;
    for (uint32_t i = 1; i < w->vfs->nodes_used; i++)
        if (opens[i] != w->vfs->nodes[i].opens)
            abort();
    free(opens);
}

void guest_calls_fill(uint8_t *memory, guest_calls *in) {
    for (int i = 0; i < 64; i++) { /* pieces of memory and subscriptions, every 256 bytes */
        sn_abi_iovec iov = {guest_calls_next(in) * 128u, guest_calls_next(in)};
        memcpy(memory + (i & 31) * 256 + (i >> 5) * 8, &iov, sizeof iov);
    }
    for (int i = 0; i < PATHS; i++)
        memcpy(memory + PATHS_AT + i * PATH_SLOT_BYTES, paths[i], strlen(paths[i]));
}

/* Not reached: proc_exit is not called. */
void sn_instance_exit(uint32_t exit_code) {
    (void)exit_code;
    abort();
}

sn_wasi_options guest_calls_options(sn_vfs *vfs, guest_calls *in) {
    static const char *const args[] = {"program", "argument"};
    static sn_wasi_sources sources;
    sources = (sn_wasi_sources){tell_clock, give_random, pass_time, in};
    return (sn_wasi_options){
        .args = args,
        .args_count = 2,
        .env = args,
        .env_count = 2,
        .vfs = vfs,
        .input = input,
        .input_ready = input_ready,
        .output = output,
        .user = in,
        .sources = &sources,
    };
}

bool guest_calls_make(guest_calls *in, sn_wasi *w) {
    if (!in->left)
        return false;
    const struct call *call = &calls[guest_calls_next(in) % (sizeof calls / sizeof calls[0])];
    uint64_t p[PARAMETERS_MAX];
    parameters(p, in, call->kinds);
    if (invoke(w, find(call->name), p) > SN_WASI_ERRNO_MAX)
        abort();
    return true;
}
