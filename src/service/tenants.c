/* tenants.c - see tenants.h. */
#include "service/tenants.h"

#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PROBLEMS_MOST = 100 };

typedef struct tenant {
    char name[SN_TENANT_NAME_MAX_BYTES + 1];
    uint8_t digest[SHA256_DIGEST_LENGTH];
} tenant;

struct sn_tenants {
    size_t count;
    tenant all[SN_TENANTS_MOST];
};

typedef struct reading {
    sn_tenants *tenants;
    sn_buffer *problems;
    const char *path;
    unsigned line;
    size_t problems_count;
    const uint8_t *reserved; /* digest of its token; NULL: it has none */
    sn_error *err;
} reading;

static void digest_of(uint8_t out[SHA256_DIGEST_LENGTH], const char *token, size_t bytes) {
    SHA256((const unsigned char *)token, bytes, out);
}

/* ---- what is wrong ---- */

static void __attribute__((format(printf, 2, 3))) complain(reading *r, const char *format, ...) {
    char what[256];
    va_list ap;
    va_start(ap, format);
    vsnprintf(what, sizeof what, format, ap);
    va_end(ap);
    sn_auto_free char *text = r->line ? sn_format("%s:%u: %s\n", r->path, r->line, what)
                                      : sn_format("%s: %s\n", r->path, what);
    if (r->problems && r->problems_count < PROBLEMS_MOST)
        (void)!sn_buffer_add(r->problems, text, strlen(text));
    if (r->problems_count++ == 0)
        sn_fail(r->err, SN_EINVALID_ARGUMENT, "%.*s", (int)strlen(text) - 1, text);
}

/* ---- lines ---- */

static bool is_name(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-", text[i]) ||
            !text[i])
            return false;
    return bytes >= 1 && bytes <= SN_TENANT_NAME_MAX_BYTES;
}

static bool is_token(const char *text, size_t bytes) {
    for (size_t i = 0; i < bytes; i++)
        if (text[i] <= ' ' || text[i] > '~')
            return false;
    return bytes >= SN_TENANT_TOKEN_MIN_BYTES && bytes <= SN_TENANT_TOKEN_MAX_BYTES;
}

static bool is_new(reading *r, const tenant *new) {
    for (size_t i = 0; i < r->tenants->count; i++) {
        const tenant *other = &r->tenants->all[i];
        if (strcmp(other->name, new->name) == 0) {
            complain(r, "%s is there already", new->name);
            return false;
        }
        if (CRYPTO_memcmp(other->digest, new->digest, sizeof new->digest) == 0) {
            complain(r, "%s has the token of %s", new->name, other->name);
            return false;
        }
    }
    if (!r->reserved || CRYPTO_memcmp(r->reserved, new->digest, sizeof new->digest) != 0)
        return true;
    complain(r, "%s has the token of the operator (SHANNON_API_TOKEN)", new->name);
    return false;
}

static void take(reading *r, const char *name, size_t name_bytes, const char *token,
                 size_t token_bytes) {
    tenant new = {0};
    if (!is_name(name, name_bytes))
        return complain(r, "the name is not 1 to %d characters of A-Za-z0-9_-",
                        SN_TENANT_NAME_MAX_BYTES);
    if (!is_token(token, token_bytes))
        return complain(r, "the token of %.*s is not %d to %d visible ASCII characters",
                        (int)name_bytes, name, SN_TENANT_TOKEN_MIN_BYTES,
                        SN_TENANT_TOKEN_MAX_BYTES);
    memcpy(new.name, name, name_bytes);
    digest_of(new.digest, token, token_bytes);
    if (!is_new(r, &new))
        return;
    if (r->tenants->count == SN_TENANTS_MOST)
        return complain(r, "there are more than %d tenants", SN_TENANTS_MOST);
    r->tenants->all[r->tenants->count++] = new;
}

static size_t word_bytes(const char *at, const char *end) {
    size_t bytes = 0;
    while (at + bytes < end && at[bytes] != ' ' && at[bytes] != '\t')
        bytes++;
    return bytes;
}

static const char *skip_blanks(const char *at, const char *end) {
    while (at < end && (*at == ' ' || *at == '\t'))
        at++;
    return at;
}

static void take_line(reading *r, const char *line, const char *end) {
    if (end > line && end[-1] == '\r')
        end--;
    const char *name = skip_blanks(line, end);
    if (name == end || *name == '#')
        return;
    size_t name_bytes = word_bytes(name, end);
    const char *token = skip_blanks(name + name_bytes, end);
    size_t token_bytes = word_bytes(token, end);
    if (token_bytes == 0 || skip_blanks(token + token_bytes, end) != end)
        return complain(r, "the line is not NAME TOKEN");
    take(r, name, name_bytes, token, token_bytes);
}

/* ---- public ---- */

int sn_tenants_parse(sn_tenants **out, sn_buffer *problems, const char *path, const char *text,
                     size_t bytes, const char *reserved, sn_error *err) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    reading r = {.problems = problems, .path = path, .err = err};
    r.tenants = calloc(1, sizeof *r.tenants);
    if (!r.tenants)
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the tenants");
    if (reserved) {
        digest_of(digest, reserved, strlen(reserved));
        r.reserved = digest;
    }
    for (const char *at = text, *end = text + bytes; at < end;) {
        const char *line_feed = memchr(at, '\n', (size_t)(end - at));
        r.line++;
        take_line(&r, at, line_feed ? line_feed : end);
        at = line_feed ? line_feed + 1 : end;
    }
    r.line = 0;
    if (r.problems_count == 0 && r.tenants->count == 0)
        complain(&r, "there is no tenant in it");
    if (r.problems_count || !out)
        sn_tenants_close(r.tenants);
    else
        *out = r.tenants;
    return r.problems_count ? SN_EINVALID_ARGUMENT : 0;
}

/* NULL: it is not to be read, and why was told. */
static char *read_secret(reading *r, size_t *bytes) {
    struct stat st;
    sn_auto_fd int fd = open(r->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0) {
        complain(r, "cannot be read: %s", strerror(errno));
        return NULL;
    }
    if (!S_ISREG(st.st_mode) || st.st_size > SN_TENANTS_FILE_MAX_BYTES) {
        complain(r, "is not a file of at most 1 MiB");
        return NULL;
    }
    if (st.st_mode & (S_IRWXO | S_IWGRP)) {
        complain(r, "others can read or change it; `chmod 600` makes it its owner's");
        return NULL;
    }
    char *text = malloc((size_t)st.st_size + 1);
    ssize_t got = text ? sn_read_full(fd, text, (size_t)st.st_size) : -ENOMEM;
    if (got < 0) {
        complain(r, "cannot be read: %s", strerror((int)-got));
        free(text);
        return NULL;
    }
    *bytes = (size_t)got;
    return text;
}

int sn_tenants_open(sn_tenants **out, sn_buffer *problems, const char *path, const char *reserved,
                    sn_error *err) {
    reading r = {.problems = problems, .path = path, .err = err};
    size_t bytes = 0;
    char *text = read_secret(&r, &bytes);
    if (!text)
        return SN_EINVALID_ARGUMENT;
    int rc = sn_tenants_parse(out, problems, path, text, bytes, reserved, err);
    OPENSSL_cleanse(text, bytes);
    free(text);
    return rc;
}

void sn_tenants_close(sn_tenants *tenants) {
    free(tenants);
}

size_t sn_tenants_count(const sn_tenants *tenants) {
    return tenants->count;
}

const char *sn_tenants_find(const sn_tenants *tenants, const char *token) {
    uint8_t digest[SHA256_DIGEST_LENGTH];
    const char *found = NULL;
    digest_of(digest, token, strlen(token));
    for (size_t i = 0; i < tenants->count; i++)
        if (CRYPTO_memcmp(tenants->all[i].digest, digest, sizeof digest) == 0)
            found = tenants->all[i].name;
    return found;
}
