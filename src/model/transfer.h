/*
 * transfer.h - one POST over HTTP, with what it has to bear: a deadline, silence, being cancelled,
 * an answer that never ends. Follows no redirects, reads no .netrc, speaks http and https only;
 * proxies are those of the usual environment variables.
 *
 * Connections are kept and used again; each call under way has its own.
 */
#ifndef SN_MODEL_TRANSFER_H
#define SN_MODEL_TRANSFER_H

#include "model/curl.h"

enum {
    SN_TRANSFER_MOST_BYTES = 256 << 20, /* of an answer, events and all */
    SN_TRANSFER_HEAD_MOST_BYTES = 256 << 10,
    SN_TRANSFER_WHY_BYTES = CURL_ERROR_SIZE,
};

typedef struct sn_head {
    int status;
    char content_type[128];
    char retry_after[64];    /* "": none */
    char retry_after_ms[32]; /* as some servers say it more exactly */
    bool says_no_retry;      /* x-should-retry: false */
} sn_head;

enum sn_data_answer { SN_DATA_MORE = 0, SN_DATA_ENOUGH = 1, SN_DATA_STOP = -1 };

typedef struct sn_post {
    const char *url;
    const char *const *headers; /* NULL after the last; whole lines */
    const char *ca_path;        /* NULL: whom the machine trusts */
    const char *body;
    size_t body_bytes;
    uint64_t timeout_ns;  /* from now */
    uint64_t idle_ns;     /* without a byte, once the answer has begun */
    uint64_t deadline_ns; /* on the clock of sn_now_ns(); 0: none */
    int cancel_fd;        /* -1: none */
    /* The body as it comes, at least once, be it empty. SN_DATA_ENOUGH: what follows does not
     * matter. SN_DATA_STOP ends it. */
    enum sn_data_answer (*on_data)(void *user, const sn_head *head, const char *data, size_t bytes);
    void *user;
} sn_post;

typedef enum sn_transfer_end {
    SN_TRANSFER_COMPLETE,
    SN_TRANSFER_STOPPED, /* by on_data */
    SN_TRANSFER_REFUSED, /* there was no connection */
    SN_TRANSFER_UNSAFE,  /* there is one, but not to whom it should be */
    SN_TRANSFER_CUT,
    SN_TRANSFER_TOO_LARGE,
    SN_TRANSFER_IDLE,
    SN_TRANSFER_TIMEOUT,
    SN_TRANSFER_DEADLINE,
    SN_TRANSFER_CANCELLED,
    SN_TRANSFER_NO_MEMORY,
} sn_transfer_end;

/* Connections that are kept; any thread. */
typedef struct sn_lines sn_lines;

SN_WARN_UNUSED int sn_lines_open(sn_lines **out, sn_error *err);
void sn_lines_close(sn_lines *lines);

/* Blocks. `why`: for REFUSED, UNSAFE and CUT, in libcurl's words. */
sn_transfer_end sn_transfer(sn_head *head, char why[SN_TRANSFER_WHY_BYTES], sn_lines *lines,
                            const sn_post *post);

#endif
