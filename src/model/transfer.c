/* transfer.c - see transfer.h. */
#include "model/transfer.h"

#include "model/lines.h"
#include "model/retry.h"
#include "util/auto.h"
#include "util/io.h"

#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define MS_NS UINT64_C(1000000)

/* How long a connection may take to come about, and how long the end of an answer whose content is
 * all there: then the connection is given up instead. */
#define CONNECT_MS 10000L
#define REST_NS (250 * MS_NS)

typedef struct transfer {
    const sn_curl *curl;
    sn_line *line;
    const sn_post *post;
    sn_head *head;
    uint64_t end_ns; /* by post->timeout_ns */
    uint64_t idle_since_ns;
    uint64_t enough_ns; /* when on_data had enough; 0: not yet */
    size_t head_bytes;
    size_t body_bytes;
    bool has_data; /* on_data was called */
    bool is_stopped;
    bool is_too_large;
} transfer;

/* ---- what libcurl calls ---- */

static curl_socket_t open_socket(void *user, curlsocktype purpose, struct curl_sockaddr *address) {
    (void)user, (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* "Name: value" into `out`, if it is that one. What is too long for it is not what we want. */
static void take_header(char *out, size_t size, const char *name, const char *line, size_t bytes) {
    size_t name_bytes = strlen(name);
    if (bytes <= name_bytes || line[name_bytes] != ':' || strncasecmp(line, name, name_bytes) != 0)
        return;
    const char *value = line + name_bytes + 1, *end = line + bytes;
    while (value < end && (*value == ' ' || *value == '\t'))
        value++;
    while (end > value && strchr(" \t\r\n", end[-1]))
        end--;
    if ((size_t)(end - value) >= size)
        return;
    memcpy(out, value, (size_t)(end - value));
    out[end - value] = '\0';
}

static size_t on_header(char *line, size_t size, size_t count, void *user) {
    transfer *t = user;
    sn_head *head = t->head;
    size_t bytes = size * count;
    char again[8] = "";
    t->idle_since_ns = sn_now_ns();
    t->head_bytes += bytes;
    if (t->head_bytes > SN_TRANSFER_HEAD_MOST_BYTES) {
        t->is_too_large = true;
        return 0;
    }
    if (bytes > 5 && memcmp(line, "HTTP/", 5) == 0)
        *head = (sn_head){0};
    take_header(head->content_type, sizeof head->content_type, "content-type", line, bytes);
    take_header(head->retry_after, sizeof head->retry_after, "retry-after", line, bytes);
    take_header(head->retry_after_ms, sizeof head->retry_after_ms, "retry-after-ms", line, bytes);
    take_header(again, sizeof again, "x-should-retry", line, bytes);
    head->says_no_retry |= strcmp(again, "false") == 0;
    return bytes;
}

static bool tell(transfer *t, const char *data, size_t bytes) {
    long status = 0;
    t->curl->easy_getinfo(t->line->easy, CURLINFO_RESPONSE_CODE, &status);
    t->head->status = (int)status;
    t->has_data = true;
    switch (t->post->on_data(t->post->user, t->head, data, bytes)) {
    case SN_DATA_MORE:
        return true;
    case SN_DATA_ENOUGH:
        t->enough_ns = t->enough_ns ? t->enough_ns : sn_now_ns();
        return true;
    case SN_DATA_STOP:
        break;
    }
    t->is_stopped = true;
    return false;
}

static size_t on_body(char *data, size_t size, size_t count, void *user) {
    transfer *t = user;
    size_t bytes = size * count;
    t->idle_since_ns = sn_now_ns();
    if (bytes > SN_TRANSFER_MOST_BYTES - t->body_bytes) {
        t->is_too_large = true;
        return 0;
    }
    t->body_bytes += bytes;
    return t->enough_ns || tell(t, data, bytes) ? bytes : 0;
}

/* ---- how it is asked ---- */

static struct curl_slist *make_headers(const sn_curl *curl, const char *const *lines) {
    struct curl_slist *list = NULL;
    for (; *lines; lines++) {
        struct curl_slist *longer = curl->slist_append(list, *lines);
        if (!longer) {
            curl->slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static bool set_up(transfer *t, struct curl_slist *headers, char *why) {
    const sn_curl *c = t->curl;
    CURL *easy = t->line->easy;
    CURLcode rc = CURLE_OK;
#define SET(option, value) (rc = rc ? rc : c->easy_setopt(easy, CURLOPT_##option, value))
    c->easy_reset(easy);
    SET(URL, t->post->url);
    SET(PROTOCOLS_STR, "http,https");
    SET(FOLLOWLOCATION, 0L);
    SET(NETRC, (long)CURL_NETRC_IGNORED);
    SET(NOSIGNAL, 1L);
    SET(QUICK_EXIT, 1L); /* a lookup that hangs is left behind, and not waited for */
    SET(CONNECTTIMEOUT_MS, CONNECT_MS);
    SET(SUPPRESS_CONNECT_HEADERS, 1L);
    if (t->post->ca_path)
        SET(CAINFO, t->post->ca_path);
    SET(HTTPHEADER, headers);
    SET(POSTFIELDSIZE_LARGE, (curl_off_t)t->post->body_bytes);
    SET(POSTFIELDS, t->post->body);
    SET(ERRORBUFFER, why);
    SET(OPENSOCKETFUNCTION, open_socket);
    SET(HEADERFUNCTION, on_header);
    SET(HEADERDATA, t);
    SET(WRITEFUNCTION, on_body);
    SET(WRITEDATA, t);
#undef SET
    return rc == CURLE_OK;
}

/* ---- how it goes ---- */

static uint64_t sooner(uint64_t a, uint64_t b) {
    return a < b ? a : b;
}

/* Whether the time for something is over; else `*wake_ns` is when to look again. */
static bool is_over(sn_transfer_end *end, uint64_t *wake_ns, const transfer *t) {
    const sn_post *post = t->post;
    uint64_t now = sn_now_ns();
    uint64_t idle_ns = t->idle_since_ns ? t->idle_since_ns + post->idle_ns : UINT64_MAX;
    uint64_t deadline_ns = post->deadline_ns ? post->deadline_ns : UINT64_MAX;
    uint64_t enough_ns = t->enough_ns ? t->enough_ns + REST_NS : UINT64_MAX;
    *wake_ns = sooner(sooner(idle_ns, deadline_ns), sooner(enough_ns, t->end_ns));
    if (now < *wake_ns)
        return false;
    *end = now >= enough_ns     ? SN_TRANSFER_COMPLETE
           : now >= deadline_ns ? SN_TRANSFER_DEADLINE
           : now >= t->end_ns   ? SN_TRANSFER_TIMEOUT
                                : SN_TRANSFER_IDLE;
    return true;
}

static sn_transfer_end end_of(const transfer *t, CURLcode code) {
    if (t->is_stopped)
        return SN_TRANSFER_STOPPED;
    if (t->is_too_large)
        return SN_TRANSFER_TOO_LARGE;
    if (t->enough_ns)
        return SN_TRANSFER_COMPLETE;
    switch (code) {
    case CURLE_OK:
        return SN_TRANSFER_COMPLETE;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SSL_CONNECT_ERROR:
        return SN_TRANSFER_REFUSED;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return SN_TRANSFER_UNSAFE;
    case CURLE_OUT_OF_MEMORY:
        return SN_TRANSFER_NO_MEMORY;
    default:
        return SN_TRANSFER_CUT;
    }
}

/* libcurl's own words may repeat some of the server's. */
static void explain(char *why, const char *usual) {
    if (!why[0])
        strncat(why, usual, SN_TRANSFER_WHY_BYTES - 1);
    for (; *why; why++)
        if (*why < ' ' || *why > '~')
            *why = '?';
}

static bool is_finished(sn_transfer_end *end, transfer *t, char *why) {
    int left;
    CURLMsg *message;
    while ((message = t->curl->multi_info_read(t->line->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURLcode code = message->data.result;
        *end = end_of(t, code);
        if (*end == SN_TRANSFER_COMPLETE && !t->has_data && !tell(t, "", 0))
            *end = SN_TRANSFER_STOPPED;
        explain(why, t->curl->easy_strerror(code));
        return true;
    }
    return false;
}

static sn_transfer_end go(transfer *t, char *why) {
    struct curl_waitfd cancel = {.fd = t->post->cancel_fd, .events = CURL_WAIT_POLLIN};
    sn_transfer_end end;
    uint64_t wake_ns;
    for (;;) {
        int running;
        if (t->curl->multi_perform(t->line->multi, &running) != CURLM_OK)
            return SN_TRANSFER_NO_MEMORY;
        if (is_finished(&end, t, why))
            return end;
        if (sn_is_cancelled(t->post->cancel_fd))
            return SN_TRANSFER_CANCELLED;
        if (is_over(&end, &wake_ns, t))
            return end;
        uint64_t now = sn_now_ns(), left_ms = now < wake_ns ? (wake_ns - now) / MS_NS + 1 : 0;
        if (t->curl->multi_poll(t->line->multi, &cancel, cancel.fd >= 0,
                                (int)sooner(left_ms, INT32_MAX), NULL) != CURLM_OK)
            return SN_TRANSFER_NO_MEMORY;
    }
}

sn_transfer_end sn_transfer(sn_head *head, char why[SN_TRANSFER_WHY_BYTES], sn_lines *lines,
                            const sn_post *post) {
    transfer t = {.post = post, .head = head, .end_ns = sn_now_ns() + post->timeout_ns};
    sn_transfer_end end = SN_TRANSFER_NO_MEMORY;
    *head = (sn_head){0};
    why[0] = '\0';
    t.line = sn_line_take(lines, &t.curl);
    if (!t.line)
        return end;
    struct curl_slist *headers = make_headers(t.curl, post->headers);
    if (headers && set_up(&t, headers, why) &&
        t.curl->multi_add_handle(t.line->multi, t.line->easy) == CURLM_OK) {
        end = go(&t, why);
        t.curl->multi_remove_handle(t.line->multi, t.line->easy);
    }
    t.curl->easy_reset(t.line->easy);
    t.curl->slist_free_all(headers);
    sn_line_give(lines, t.line, end == SN_TRANSFER_COMPLETE);
    return end;
}
