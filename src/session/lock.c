/* lock.c - see lock.h. */
#include "session/lock.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

enum { POLL_MS = 5 };

typedef struct held {
    struct held *next;
    const char *id;
    bool taken;      /* else it waits */
    uint64_t number; /* the one that came first is served first */
} held;

struct sn_locks {
    int fd;
    pthread_mutex_t mutex;
    held *list;
    uint64_t count;
};

int sn_locks_open(sn_locks **out, const char *folder, sn_error *err) {
    sn_auto_free char *path = sn_format("%s/sessions.lock", folder);
    sn_locks *locks = calloc(1, sizeof *locks);
    if (!locks)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the sessions' locks");
    locks->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (locks->fd < 0) {
        free(locks);
        return sn_fail_errno(err, SN_EUNAVAILABLE, errno, "cannot open %s", path);
    }
    pthread_mutex_init(&locks->mutex, NULL);
    *out = locks;
    return 0;
}

void sn_locks_close(sn_locks *locks) {
    if (!locks)
        return;
    close(locks->fd);
    pthread_mutex_destroy(&locks->mutex);
    free(locks);
}

static int lock_byte(const sn_locks *locks, const char *id, short type) {
    struct flock lock = {
        .l_type = type,
        .l_whence = SEEK_SET,
        .l_start = (off_t)(XXH3_64bits(id, strlen(id)) >> 2),
        .l_len = 1,
    };
    return fcntl(locks->fd, F_OFD_SETLK, &lock) == 0 ? 0 : errno;
}

/* Whether nobody of this process has it or has waited longer. */
static bool is_first(const sn_locks *locks, const held *mine) {
    for (const held *h = locks->list; h; h = h->next)
        if (h != mine && strcmp(h->id, mine->id) == 0 && h->number < mine->number)
            return false;
    return true;
}

static void leave(sn_locks *locks, held *mine) {
    held **at = &locks->list;
    while (*at != mine)
        at = &(*at)->next;
    *at = mine->next;
}

static int try(sn_locks *locks, held *mine) {
    pthread_mutex_lock(&locks->mutex);
    int failed = is_first(locks, mine) ? lock_byte(locks, mine->id, F_WRLCK) : EAGAIN;
    mine->taken = failed == 0;
    pthread_mutex_unlock(&locks->mutex);
    return failed;
}

static int wait_turn(sn_locks *locks, held *mine, uint64_t wait_ns, int cancel_fd, sn_error *err) {
    uint64_t start = sn_now_ns();
    for (;;) {
        int failed = try(locks, mine);
        if (failed == 0)
            return 0;
        if (failed != EAGAIN && failed != EACCES)
            return sn_fail_errno(err, SN_EUNAVAILABLE, failed, "cannot lock session '%s'",
                                 mine->id);
        if (sn_now_ns() - start >= wait_ns) {
            sn_fail(err, SN_ERESOURCE_EXHAUSTED, "session '%s' is in use by another execution",
                    mine->id);
            return sn_hint(err,
                           "try again when it has ended, or fork the session to run beside it");
        }
        struct pollfd cancel = {cancel_fd, POLLIN, 0};
        if (poll(&cancel, 1, POLL_MS) > 0)
            return sn_fail(err, SN_EDEADLINE_EXCEEDED, "cancelled while session '%s' was in use",
                           mine->id);
    }
}

int sn_lock_take(sn_locks *locks, const char *id, uint64_t wait_ns, int cancel_fd, sn_error *err) {
    size_t bytes = strlen(id) + 1;
    held *mine = malloc(sizeof *mine + bytes);
    if (!mine)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for a session's lock");
    *mine = (held){.id = memcpy(mine + 1, id, bytes)};
    pthread_mutex_lock(&locks->mutex);
    mine->number = ++locks->count;
    mine->next = locks->list;
    locks->list = mine;
    pthread_mutex_unlock(&locks->mutex);
    int rc = wait_turn(locks, mine, wait_ns, cancel_fd, err);
    if (rc == 0)
        return 0;
    pthread_mutex_lock(&locks->mutex);
    leave(locks, mine);
    pthread_mutex_unlock(&locks->mutex);
    free(mine);
    return rc;
}

void sn_lock_release(sn_locks *locks, const char *id) {
    pthread_mutex_lock(&locks->mutex);
    held *mine = locks->list;
    while (mine && !(mine->taken && strcmp(mine->id, id) == 0))
        mine = mine->next;
    if (mine) {
        (void)lock_byte(locks, id, F_UNLCK);
        leave(locks, mine);
    }
    pthread_mutex_unlock(&locks->mutex);
    free(mine);
}
