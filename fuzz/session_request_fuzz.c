/*
 * session_request_fuzz.c - what a client may send to the methods about sessions: the first byte
 * says which, then any bytes. What is accepted is a name that can be used.
 */
#include "require.h"

#include "executor/wire_session.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_error err = SN_ERROR_INIT;
    sn_wire_session_request read;
    if (size == 0)
        return 0;
    sn_wire_session_kind kind = (sn_wire_session_kind)(data[0] % (SN_WIRE_DELETE + 1));
    if (sn_wire_read_session(&read, kind, data + 1, size - 1, &err) < 0) {
        REQUIRE(err.code == SN_EINVALID_ARGUMENT && *err.message);
        return 0;
    }
    REQUIRE(memchr(read.id, '\0', sizeof read.id) && memchr(read.new_id, '\0', sizeof read.new_id));
    REQUIRE(kind == SN_WIRE_LIST || *read.id);
    REQUIRE(kind != SN_WIRE_FORK || *read.new_id);
    return 0;
}
