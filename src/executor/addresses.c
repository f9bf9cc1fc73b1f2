/* addresses.c - see addresses.h. */
#include "executor/addresses.h"

#include "rpc/address.h"
#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"

#include <string.h>
#include <xxhash.h>

#define SPACE " \t\r\n"

enum { WRONG_MOST_BYTES = 600 }; /* of the text that names what is wrong */

static bool is_there(const sn_addresses *addresses, const char *address) {
    for (size_t i = 0; i < addresses->count; i++)
        if (strcmp(addresses->all[i], address) == 0)
            return true;
    return false;
}

static void complain(sn_buffer *wrong, const char *address, const char *why) {
    char text[120];
    int bytes = snprintf(text, sizeof text, "%s'%.60s%s' %s", wrong->bytes ? "; " : "", address,
                         strlen(address) > 60 ? "..." : "", why);
    (void)!sn_buffer_add(wrong, text, (size_t)bytes);
}

/* Takes over `address`. */
static void take(sn_addresses *out, sn_buffer *wrong, char *address) {
    const char *why = !*address                           ? "is empty"
                      : !sn_rpc_address_is_valid(address) ? "is no address of an agent-core"
                      : is_there(out, address)            ? "is there twice"
                      : out->count == SN_ADDRESSES_MOST   ? "is one more than the 64 there may be"
                                                          : NULL;
    if (!why) {
        out->all[out->count++] = address;
        return;
    }
    complain(wrong, address, why);
    free(address);
}

/* What is between two commas, without the spaces around it. NULL: no memory. */
static char *next_address(const char **at) {
    const char *begin = *at + strspn(*at, SPACE);
    size_t bytes = strcspn(*at, ",");
    const char *end = *at + bytes;
    *at = end;
    while (end > begin && strchr(SPACE, end[-1]))
        end--;
    return end > begin ? strndup(begin, (size_t)(end - begin)) : strdup("");
}

int sn_addresses_read(sn_addresses *out, const char *text, sn_error *err) {
    sn_buffer wrong = {.limit_bytes = WRONG_MOST_BYTES};
    const char *at = text;
    int rc = 0;
    *out = (sn_addresses){0};
    for (;;) {
        char *address = next_address(&at);
        if (!address)
            rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for addresses");
        else
            take(out, &wrong, address);
        if (rc < 0 || *at == '\0')
            break;
        at++;
    }
    if (rc == 0 && wrong.bytes) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "%s%s", wrong.data, wrong.truncated ? "..." : "");
        rc = sn_hint(err, SN_RPC_ADDRESS_HINT "; of several, separated by commas, each once");
    }
    sn_buffer_free(&wrong);
    if (rc < 0)
        sn_addresses_clear(out);
    return rc;
}

void sn_addresses_clear(sn_addresses *addresses) {
    for (size_t i = 0; i < addresses->count; i++)
        free(addresses->all[i]);
    *addresses = (sn_addresses){0};
}

size_t sn_addresses_home(const sn_addresses *addresses, const char *session_id) {
    XXH64_hash_t id = XXH3_64bits(session_id, strlen(session_id)), most = 0;
    size_t home = 0;
    for (size_t i = 0; i < addresses->count; i++) {
        const char *address = addresses->all[i];
        XXH64_hash_t hash = XXH3_64bits_withSeed(address, strlen(address), id);
        if (i == 0 || hash > most || (hash == most && strcmp(address, addresses->all[home]) < 0)) {
            most = hash;
            home = i;
        }
    }
    return home;
}
