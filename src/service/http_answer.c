/* http_answer.c - answers: what every one has, errors, and handing them to libmicrohttpd's thread.
 */
#include "service/http_private.h"

#include "executor/result_json.h"
#include "service/http_text.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/utf8.h"

#include <assert.h>
#include <string.h>
#include <unistd.h>

enum { ADDED_MOST = 16 };

/* ---- errors ---- */

unsigned sn_http_status_of(int code) {
    static const struct {
        int code;
        unsigned status;
    } statuses[] = {
        {SN_EINVALID_ARGUMENT, 400},   {SN_EUNAUTHENTICATED, 401}, {SN_ENOT_FOUND, 404},
        {SN_ERESOURCE_EXHAUSTED, 429}, {SN_EUNAVAILABLE, 503},     {SN_EDEADLINE_EXCEEDED, 504},
    };
    for (size_t i = 0; i < SN_COUNT(statuses); i++)
        if (statuses[i].code == code)
            return statuses[i].status;
    return 500;
}

/* A message may quote what a client sent. */
static json_t *text_of(const char *text) {
    sn_auto_free char *valid = sn_utf8_repair(text, strlen(text), true, &(size_t){0});
    return valid ? json_string(valid) : NULL;
}

json_t *sn_http_error_value(const sn_error *error) {
    return json_pack("{s:{s:s, s:o, s:o}}", "error", "code", sn_error_name(error->code), "message",
                     text_of(error->message), "hint", text_of(error->hint));
}

char *sn_http_error_json(const sn_error *error) {
    json_t *root = sn_http_error_value(error);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    return text;
}

/* ---- responses ---- */

static void add(sn_http_request *r, struct MHD_Response *response, const char *name,
                const char *value) {
    r->server->mhd->add_response_header(response, name, value);
}

static void add_headers(sn_http_request *r, struct MHD_Response *response, unsigned status,
                        const char *content_type) {
    if (content_type)
        add(r, response, "Content-Type", content_type);
    add(r, response, "X-Content-Type-Options", "nosniff");
    add(r, response, "Cache-Control", "no-store");
    add(r, response, "X-Request-Id", r->id);
    if (status == 401)
        add(r, response, "WWW-Authenticate", "Bearer");
    if (status == 429 || status == 503)
        add(r, response, "Retry-After", "1");
    const char *at = r->added.data;
    for (size_t i = 0; i < r->added_count; i++) {
        const char *value = at + strlen(at) + 1;
        add(r, response, at, value);
        at = value + strlen(value) + 1;
    }
}

struct MHD_Response *sn_http_response(sn_http_request *r, unsigned status, const char *content_type,
                                      const void *body, size_t bytes) {
    struct MHD_Response *response =
        r->server->mhd->create_response_from_buffer(bytes, (void *)body, MHD_RESPMEM_MUST_COPY);
    if (response)
        add_headers(r, response, status, content_type);
    return response;
}

struct MHD_Response *sn_http_stream_response(sn_http_request *r, const char *content_type,
                                             MHD_ContentReaderCallback read) {
    enum { BLOCK_BYTES = 16 << 10 };
    struct MHD_Response *response =
        r->server->mhd->create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read, r, NULL);
    /* To HEAD, libmicrohttpd 0.9.75 would send the end of the chunks that it did not send. */
    if (response && strcmp(r->method, "HEAD") == 0)
        r->server->mhd->set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT,
                                             MHD_RO_END);
    if (response)
        add_headers(r, response, 200, content_type);
    return response;
}

/* NULL where there is no memory: the connection is closed then. */
static struct MHD_Response *error_response(sn_http_request *r, unsigned status,
                                           const sn_error *error) {
    if (error->code == SN_OK) /* no error, and nothing to say */
        return sn_http_response(r, status, NULL, "", 0);
    sn_auto_free char *text = sn_http_error_json(error);
    return text ? sn_http_response(r, status, "application/json", text, strlen(text)) : NULL;
}

void sn_http_refuse(sn_http_request *r, unsigned status, const sn_error *error) {
    r->response = error_response(r, status, error);
    r->status = status;
    r->is_answered = true;
}

/* ---- a handler's ---- */

void sn_http_add_header(sn_http_request *r, const char *name, const char *value) {
    assert(sn_http_is_token(name, strlen(name)) && sn_http_is_value(value, strlen(value)));
    assert(r->added_count < ADDED_MOST);
    size_t before = r->added.bytes;
    if (sn_buffer_add(&r->added, name, strlen(name) + 1) &&
        sn_buffer_add(&r->added, value, strlen(value) + 1))
        r->added_count++;
    else
        r->added.bytes = before;
}

uint64_t sn_http_read_by(const sn_http_server *s, size_t bytes) {
    return sn_now_ns() + s->options.body_most_ns * (1 + bytes / SN_HTTP_PIECE_BYTES);
}

static void answer(sn_http_request *r, unsigned status, struct MHD_Response *response,
                   size_t bytes) {
    uint64_t cut_ns = sn_http_read_by(r->server, bytes);
    pthread_mutex_lock(&r->lock);
    assert(!r->is_answered);
    r->response = response;
    r->status = status;
    r->cut_ns = cut_ns;
    r->was_gone = r->is_gone;
    r->is_answered = true;
    sn_http_wake(r);
    pthread_mutex_unlock(&r->lock);
    sn_http_request_due(r, cut_ns);
    sn_http_handled(r);
}

void sn_http_reply(sn_http_request *r, unsigned status, const char *content_type, const void *body,
                   size_t bytes) {
    answer(r, status, sn_http_response(r, status, content_type, body, bytes), bytes);
}

void sn_http_reply_file(sn_http_request *r, unsigned status, const char *content_type, int fd,
                        uint64_t bytes) {
    struct MHD_Response *response = r->server->mhd->create_response_from_fd64(bytes, fd);
    if (response)
        add_headers(r, response, status, content_type);
    else
        close(fd);
    answer(r, status, response, bytes);
}

void sn_http_reply_json(sn_http_request *r, unsigned status, const json_t *json) {
    sn_auto_free char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY | SN_JSON_DIGITS);
    if (text)
        return sn_http_reply(r, status, "application/json", text, strlen(text));
    sn_http_reply_error(r, &(sn_error){SN_ERESOURCE_EXHAUSTED, "no memory for an answer", ""});
}

void sn_http_reply_error(sn_http_request *r, const sn_error *error) {
    unsigned status = sn_http_status_of(error->code);
    answer(r, status, error_response(r, status, error), sizeof *error);
}
