/*
 * session_request_fuzz.c - what a client may send to the methods about sessions: the first byte
 * says which, then any bytes. What is accepted is a name that can be used, or a piece of a file.
 */
#include "require.h"

#include "executor/wire_session.h"
#include "executor/wire_transfer.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_piece(const uint8_t *data, size_t size) {
    sn_error err = SN_ERROR_INIT;
    sn_wire_piece piece;
    if (sn_wire_read_import(&piece, data, size, &err) < 0) {
        REQUIRE(err.code == SN_EINVALID_ARGUMENT && *err.message);
        return;
    }
    REQUIRE(memchr(piece.id, '\0', sizeof piece.id) && piece.bytes <= size);
    REQUIRE(piece.bytes == 0 || piece.data);
    sn_wire_piece_clear(&piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_error err = SN_ERROR_INIT;
    sn_wire_session_request read;
    if (size == 0)
        return 0;
    if (data[0] % (SN_WIRE_DELETE + 2) == SN_WIRE_DELETE + 1) {
        read_piece(data + 1, size - 1);
        return 0;
    }
    sn_wire_session_kind kind = (sn_wire_session_kind)(data[0] % (SN_WIRE_DELETE + 2));
    if (sn_wire_read_session(&read, kind, data + 1, size - 1, &err) < 0) {
        REQUIRE(err.code == SN_EINVALID_ARGUMENT && *err.message);
        return 0;
    }
    REQUIRE(memchr(read.id, '\0', sizeof read.id) && memchr(read.new_id, '\0', sizeof read.new_id));
    REQUIRE(kind == SN_WIRE_LIST || *read.id);
    REQUIRE(kind != SN_WIRE_FORK || *read.new_id);
    return 0;
}
