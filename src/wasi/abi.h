/*
 * abi.h - the numbers and layouts of wasi_snapshot_preview1, from its witx definitions.
 *
 * The layouts are C structs with the padding written out: they are copied from and to guest memory
 * whole, little-endian, so that no byte of the host's stack ever reaches the guest.
 */
#ifndef SN_WASI_ABI_H
#define SN_WASI_ABI_H

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the guest's layouts are little-endian and copied as they are"
#endif

/* Only the errnos that this implementation gives. */
enum sn_wasi_errno {
    SN_WASI_OK = 0,
    SN_WASI_AGAIN = 6,
    SN_WASI_BADF = 8,
    SN_WASI_BUSY = 10,
    SN_WASI_EXIST = 20,
    SN_WASI_FAULT = 21,
    SN_WASI_FBIG = 22,
    SN_WASI_ILSEQ = 25,
    SN_WASI_INTR = 27,
    SN_WASI_INVAL = 28,
    SN_WASI_IO = 29,
    SN_WASI_ISDIR = 31,
    SN_WASI_LOOP = 32,
    SN_WASI_MFILE = 33,
    SN_WASI_MLINK = 34,
    SN_WASI_NAMETOOLONG = 37,
    SN_WASI_NOENT = 44,
    SN_WASI_NOMEM = 48,
    SN_WASI_NOSPC = 51,
    SN_WASI_NOTDIR = 54,
    SN_WASI_NOTEMPTY = 55,
    SN_WASI_NOTSOCK = 57,
    SN_WASI_NOTSUP = 58,
    SN_WASI_OVERFLOW = 61,
    SN_WASI_PERM = 63,
    SN_WASI_ROFS = 69,
    SN_WASI_SPIPE = 70,
    SN_WASI_XDEV = 75,
    SN_WASI_NOTCAPABLE = 76,
    SN_WASI_ERRNO_MAX = 76,
};

enum sn_wasi_filetype {
    SN_FILETYPE_UNKNOWN = 0,
    SN_FILETYPE_CHARACTER_DEVICE = 2,
    SN_FILETYPE_DIRECTORY = 3,
    SN_FILETYPE_REGULAR_FILE = 4,
    SN_FILETYPE_SYMBOLIC_LINK = 7,
};

#define SN_RIGHT_FD_DATASYNC (1ull << 0)
#define SN_RIGHT_FD_READ (1ull << 1)
#define SN_RIGHT_FD_SEEK (1ull << 2)
#define SN_RIGHT_FD_FDSTAT_SET_FLAGS (1ull << 3)
#define SN_RIGHT_FD_SYNC (1ull << 4)
#define SN_RIGHT_FD_TELL (1ull << 5)
#define SN_RIGHT_FD_WRITE (1ull << 6)
#define SN_RIGHT_FD_ADVISE (1ull << 7)
#define SN_RIGHT_FD_ALLOCATE (1ull << 8)
#define SN_RIGHT_PATH_CREATE_DIRECTORY (1ull << 9)
#define SN_RIGHT_PATH_CREATE_FILE (1ull << 10)
#define SN_RIGHT_PATH_LINK_SOURCE (1ull << 11)
#define SN_RIGHT_PATH_LINK_TARGET (1ull << 12)
#define SN_RIGHT_PATH_OPEN (1ull << 13)
#define SN_RIGHT_FD_READDIR (1ull << 14)
#define SN_RIGHT_PATH_READLINK (1ull << 15)
#define SN_RIGHT_PATH_RENAME_SOURCE (1ull << 16)
#define SN_RIGHT_PATH_RENAME_TARGET (1ull << 17)
#define SN_RIGHT_PATH_FILESTAT_GET (1ull << 18)
#define SN_RIGHT_PATH_FILESTAT_SET_SIZE (1ull << 19)
#define SN_RIGHT_PATH_FILESTAT_SET_TIMES (1ull << 20)
#define SN_RIGHT_FD_FILESTAT_GET (1ull << 21)
#define SN_RIGHT_FD_FILESTAT_SET_SIZE (1ull << 22)
#define SN_RIGHT_FD_FILESTAT_SET_TIMES (1ull << 23)
#define SN_RIGHT_PATH_SYMLINK (1ull << 24)
#define SN_RIGHT_PATH_REMOVE_DIRECTORY (1ull << 25)
#define SN_RIGHT_PATH_UNLINK_FILE (1ull << 26)
#define SN_RIGHT_POLL_FD_READWRITE (1ull << 27)

/* What can apply to a kind of descriptor; path_open drops the rest of what it was asked for. */
#define SN_RIGHTS_FILE                                                                             \
    (SN_RIGHT_FD_DATASYNC | SN_RIGHT_FD_READ | SN_RIGHT_FD_SEEK | SN_RIGHT_FD_FDSTAT_SET_FLAGS |   \
     SN_RIGHT_FD_SYNC | SN_RIGHT_FD_TELL | SN_RIGHT_FD_WRITE | SN_RIGHT_FD_ADVISE |                \
     SN_RIGHT_FD_ALLOCATE | SN_RIGHT_FD_FILESTAT_GET | SN_RIGHT_FD_FILESTAT_SET_SIZE |             \
     SN_RIGHT_FD_FILESTAT_SET_TIMES | SN_RIGHT_POLL_FD_READWRITE)
#define SN_RIGHTS_DIR                                                                              \
    (SN_RIGHT_FD_FDSTAT_SET_FLAGS | SN_RIGHT_FD_SYNC | SN_RIGHT_FD_DATASYNC |                      \
     SN_RIGHT_PATH_CREATE_DIRECTORY | SN_RIGHT_PATH_CREATE_FILE | SN_RIGHT_PATH_LINK_SOURCE |      \
     SN_RIGHT_PATH_LINK_TARGET | SN_RIGHT_PATH_OPEN | SN_RIGHT_FD_READDIR |                        \
     SN_RIGHT_PATH_READLINK | SN_RIGHT_PATH_RENAME_SOURCE | SN_RIGHT_PATH_RENAME_TARGET |          \
     SN_RIGHT_PATH_FILESTAT_GET | SN_RIGHT_PATH_FILESTAT_SET_SIZE |                                \
     SN_RIGHT_PATH_FILESTAT_SET_TIMES | SN_RIGHT_FD_FILESTAT_GET |                                 \
     SN_RIGHT_FD_FILESTAT_SET_TIMES | SN_RIGHT_PATH_SYMLINK | SN_RIGHT_PATH_REMOVE_DIRECTORY |     \
     SN_RIGHT_PATH_UNLINK_FILE)
#define SN_RIGHTS_STREAM                                                                           \
    (SN_RIGHT_FD_SEEK | SN_RIGHT_FD_TELL | SN_RIGHT_FD_FDSTAT_SET_FLAGS | SN_RIGHT_FD_SYNC |       \
     SN_RIGHT_FD_DATASYNC | SN_RIGHT_FD_ADVISE | SN_RIGHT_FD_FILESTAT_GET |                        \
     SN_RIGHT_POLL_FD_READWRITE)

enum {
    SN_FDFLAG_APPEND = 1 << 0,
    SN_FDFLAG_DSYNC = 1 << 1,
    SN_FDFLAG_NONBLOCK = 1 << 2,
    SN_FDFLAG_RSYNC = 1 << 3,
    SN_FDFLAG_SYNC = 1 << 4,
    SN_FDFLAGS_ALL = (1 << 5) - 1,

    SN_LOOKUP_FOLLOW = 1 << 0,

    SN_OFLAG_CREAT = 1 << 0,
    SN_OFLAG_DIRECTORY = 1 << 1,
    SN_OFLAG_EXCL = 1 << 2,
    SN_OFLAG_TRUNC = 1 << 3,
    SN_OFLAGS_ALL = (1 << 4) - 1,

    SN_FST_ATIM = 1 << 0,
    SN_FST_ATIM_NOW = 1 << 1,
    SN_FST_MTIM = 1 << 2,
    SN_FST_MTIM_NOW = 1 << 3,
    SN_FSTFLAGS_ALL = (1 << 4) - 1,

    SN_WHENCE_SET = 0,
    SN_WHENCE_CUR = 1,
    SN_WHENCE_END = 2,

    SN_ADVICE_MAX = 5,

    SN_EVENT_TYPE_CLOCK = 0,
    SN_EVENT_TYPE_FD_READ = 1,
    SN_EVENT_TYPE_FD_WRITE = 2,
    SN_SUBCLOCK_ABSTIME = 1 << 0,
    SN_CLOCK_ID_MAX = 3,
    SN_SIGNAL_MAX = 30,
};

typedef struct sn_abi_iovec {
    uint32_t buf;
    uint32_t buf_len;
} sn_abi_iovec;

typedef struct sn_abi_fdstat {
    uint8_t filetype;
    uint8_t pad1;
    uint16_t flags;
    uint32_t pad2;
    uint64_t rights_base;
    uint64_t rights_inheriting;
} sn_abi_fdstat;

typedef struct sn_abi_filestat {
    uint64_t dev;
    uint64_t ino;
    uint8_t filetype;
    uint8_t pad[7];
    uint64_t nlink;
    uint64_t size;
    uint64_t atim;
    uint64_t mtim;
    uint64_t ctim;
} sn_abi_filestat;

typedef struct sn_abi_prestat {
    uint8_t tag; /* 0: a folder, the only kind there is */
    uint8_t pad[3];
    uint32_t name_len;
} sn_abi_prestat;

typedef struct sn_abi_dirent {
    uint64_t next;
    uint64_t ino;
    uint32_t namlen;
    uint8_t type;
    uint8_t pad[3];
} sn_abi_dirent;

typedef struct sn_abi_subscription {
    uint64_t userdata;
    uint8_t tag;
    uint8_t pad1[7];
    union {
        struct {
            uint32_t id;
            uint32_t pad2;
            uint64_t timeout;
            uint64_t precision;
            uint16_t flags;
            uint8_t pad3[6];
        } clock;
        uint32_t fd;
    } u;
} sn_abi_subscription;

typedef struct sn_abi_event {
    uint64_t userdata;
    uint16_t error;
    uint8_t type;
    uint8_t pad1[5];
    uint64_t nbytes;
    uint16_t flags;
    uint8_t pad2[6];
} sn_abi_event;

_Static_assert(sizeof(sn_abi_iovec) == 8, "witx layout");
_Static_assert(sizeof(sn_abi_fdstat) == 24, "witx layout");
_Static_assert(sizeof(sn_abi_filestat) == 64, "witx layout");
_Static_assert(sizeof(sn_abi_prestat) == 8, "witx layout");
_Static_assert(sizeof(sn_abi_dirent) == 24, "witx layout");
_Static_assert(sizeof(sn_abi_subscription) == 48, "witx layout");
_Static_assert(sizeof(sn_abi_event) == 32, "witx layout");

#endif
