/* http_listen.c - the socket that a server listens on, and who may reach it. */
#include "service/http_private.h"

#include "service/config_value.h"
#include "util/auto.h"
#include "util/error.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum { BACKLOG = 1024 };

static bool is_loopback(const struct sockaddr *address) {
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)address;
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    }
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

static int refuse_open(const char *address, sn_error *err) {
    sn_fail(err, SN_EINVALID_ARGUMENT,
            "HTTP on %s could be reached from other machines, and no token is set", address);
    return sn_hint(err, "set SHANNON_API_TOKEN, or listen on 127.0.0.1");
}

static int cannot_listen(const char *address, int errnum, sn_error *err) {
    sn_fail_errno(err, SN_EUNAVAILABLE, errnum, "cannot listen on %s", address);
    return sn_hint(err, "another program may have that port; port 0 picks a free one");
}

static int port_of(int fd) {
    struct sockaddr_storage address;
    socklen_t bytes = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &bytes) < 0)
        return -1;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

/* A server that was just stopped leaves connections behind that the port may be taken over from. */
static int listen_at(int *out, const struct addrinfo *at) {
    int one = 1;
    sn_auto_fd int fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) < 0 ||
        bind(fd, at->ai_addr, at->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    *out = SN_STEAL_FD(fd);
    return 0;
}

static int resolve(struct addrinfo **out, const sn_address *address, const char *text,
                   sn_error *err) {
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];
    snprintf(port, sizeof port, "%u", address->port);
    int failed = getaddrinfo(address->host, port, &hints, out);
    return failed ? sn_fail(err, SN_EUNAVAILABLE, "cannot listen on %s: %s", text,
                            gai_strerror(failed))
                  : 0;
}

int sn_http_listen(sn_http_server *s, sn_error *err) {
    static const sn_setting setting = {.name = "address", .type = SN_SETTING_ADDRESS};
    const char *text = s->options.address;
    char why[SN_WHY_MAX_BYTES];
    struct addrinfo *found;
    sn_value value;
    if (!sn_value_parse(&value, why, &setting, text))
        return sn_fail(err, SN_EINVALID_ARGUMENT, "the address of the HTTP server, %s, %s", text,
                       why);
    int rc = resolve(&found, &value.address, text, err);
    if (rc < 0)
        return rc;
    int failed = -EADDRNOTAVAIL;
    for (const struct addrinfo *at = found; at && rc == 0 && failed < 0; at = at->ai_next) {
        if (at->ai_family != AF_INET && at->ai_family != AF_INET6)
            continue;
        if (!s->token && !is_loopback(at->ai_addr))
            rc = refuse_open(text, err);
        else
            failed = listen_at(&s->listen_fd, at);
    }
    freeaddrinfo(found);
    if (rc == 0 && failed < 0)
        rc = cannot_listen(text, -failed, err);
    if (rc == 0)
        s->port = port_of(s->listen_fd);
    return rc;
}
