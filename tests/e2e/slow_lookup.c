/*
 * slow_lookup.c - loaded before others (LD_PRELOAD): names are looked up for a long time, in vain.
 */
#include <netdb.h>
#include <unistd.h>

__attribute__((visibility("default"))) int getaddrinfo(const char *node, const char *service,
                                                       const struct addrinfo *hints,
                                                       struct addrinfo **out) {
    (void)node, (void)service, (void)hints, (void)out;
    sleep(20);
    return EAI_AGAIN;
}
