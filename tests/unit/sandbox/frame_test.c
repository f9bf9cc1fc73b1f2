/* frame_test.c - what worker and supervisor say to each other, and the request for the guest. */
#include "test.h"

#include "sandbox/frame.h"
#include "sandbox/request.h"
#include "util/auto.h"
#include "util/io.h"

#include <string.h>
#include <sys/socket.h>

static void frames_arrive_whole(void **state) {
    (void)state;
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(sn_frame_send(pair[0], SN_FRAME_STDOUT, "hello", 5), 0);
    assert_int_equal(sn_frame_send(pair[0], SN_FRAME_STARTED, NULL, 0), 0);
    sn_frame_header header;
    char data[5];
    assert_int_equal(sn_read_full(pair[1], &header, sizeof header), sizeof header);
    assert_int_equal(header.kind, SN_FRAME_STDOUT);
    assert_int_equal(header.bytes, 5);
    assert_int_equal(sn_read_full(pair[1], data, 5), 5);
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(sn_read_full(pair[1], &header, sizeof header), sizeof header);
    assert_int_equal(header.bytes, 0);
    close(pair[1]);
    assert_true(sn_frame_send(pair[0], SN_FRAME_STDOUT, "x", 1) < 0); /* and no SIGPIPE */
    close(pair[0]);
}

static void every_kind_is_bounded(void **state) {
    (void)state;
    assert_int_equal(sn_frame_limit(SN_FRAME_STDOUT), SN_FRAME_CHUNK_BYTES);
    assert_int_equal(sn_frame_limit(SN_FRAME_STARTED), 0);
    assert_int_equal(sn_frame_limit(SN_FRAME_KINDS), 0);
    assert_int_equal(sn_frame_limit(UINT32_MAX), 0);
}

static void strings_are_taken_one_by_one(void **state) {
    (void)state;
    static const char data[] = "\2\0\0\0ab\0\0\0\0\1\0\0\0c";
    const void *at = data;
    size_t left = sizeof data - 1, length;
    const char *string;
    assert_int_equal(sn_frame_strings(data, left), 3);
    assert_int_equal(sn_frame_string(&string, &length, &at, &left), 1);
    assert_int_equal(length, 2);
    assert_memory_equal(string, "ab", 2);
    assert_int_equal(sn_frame_string(&string, &length, &at, &left), 1);
    assert_int_equal(length, 0);
    assert_int_equal(sn_frame_string(&string, &length, &at, &left), 1);
    assert_int_equal(sn_frame_string(&string, &length, &at, &left), 0);
}

static void malformed_strings_are_refused(void **state) {
    (void)state;
    assert_int_equal(sn_frame_strings("", 0), 0);
    assert_int_equal(sn_frame_strings("\1\0\0", 3), -1);
    assert_int_equal(sn_frame_strings("\1\0\0\0", 4), -1);
    assert_int_equal(sn_frame_strings("\xFF\xFF\xFF\xFFx", 5), -1);
}

static void request_has_the_abi_s_records(void **state) {
    (void)state;
    static const char *const args[] = {"-c", "x y"};
    sn_job job = {.code = "1", .code_bytes = 1, .filename = "f", .args = args, .args_count = 2};
    sn_auto_free uint8_t *bytes = NULL;
    size_t count;
    sn_error err = SN_ERROR_INIT;
    assert_int_equal(sn_request_encode(&bytes, &count, &job, &err), 0);
    static const char expected[] = "\1\0\0\0\1\0\0\0"
                                   "1"
                                   "\4\0\0\0\4\0\0\0\1\0\0\0"
                                   "\2\0\0\0\1\0\0\0"
                                   "f"
                                   "\3\0\0\0\2\0\0\0"
                                   "-c"
                                   "\3\0\0\0\3\0\0\0"
                                   "x y";
    assert_int_equal(count, sizeof expected - 1);
    assert_memory_equal(bytes, expected, count);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_whole),
        cmocka_unit_test(every_kind_is_bounded),
        cmocka_unit_test(strings_are_taken_one_by_one),
        cmocka_unit_test(malformed_strings_are_refused),
        cmocka_unit_test(request_has_the_abi_s_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
