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
    assert_int_equal(sn_frame_send(pair[0], SN_FRAME_STDERR, NULL, 0), 0);
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
    assert_int_equal(sn_frame_limit(0), 0);
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

static sn_received pass(const sn_job *job, bool is_guest) {
    int pair[2];
    sn_error err = SN_ERROR_INIT;
    sn_received received;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(sn_request_send(pair[0], job, is_guest, &err), 0);
    close(pair[0]);
    assert_int_equal(sn_request_receive(&received, pair[1], &err), 0);
    close(pair[1]);
    return received;
}

static void request_has_the_abi_s_records(void **state) {
    (void)state;
    static const char *const args[] = {"-c", "x y"};
    static const sn_input_file files[] = {{"a", "12", 2}, {"b/c", "", 0}};
    sn_job job = {.code = "1",
                  .code_bytes = 1,
                  .filename = "f",
                  .args = args,
                  .args_count = 2,
                  .files = files,
                  .files_count = 2,
                  .memory_limit_bytes = 7,
                  .timeout_ns = 1500000000,
                  .deterministic = true,
                  .seed = 9,
                  .time_ns = 10};
    static const char expected[] = "\1\0\0\0\1\0\0\0"
                                   "1"
                                   "\4\0\0\0\4\0\0\0\3\0\0\0"
                                   "\5\0\0\0\4\0\0\0\xdc\5\0\0"
                                   "\2\0\0\0\1\0\0\0"
                                   "f"
                                   "\3\0\0\0\2\0\0\0"
                                   "-c"
                                   "\3\0\0\0\3\0\0\0"
                                   "x y";
    sn_received r = pass(&job, true);
    assert_int_equal(r.records_bytes, sizeof expected - 1);
    assert_memory_equal(r.records, expected, r.records_bytes);
    assert_int_equal(r.memory_limit_bytes, 7);
    assert_int_equal(r.timeout_ns, 1500000000);
    assert_true(r.deterministic && !r.make_image);
    assert_int_equal(r.seed, 9);
    assert_int_equal(r.time_ns, 10);
    assert_int_equal(r.files_count, 2);
    assert_string_equal(r.files[0].path, "a");
    assert_int_equal(r.files[0].content_bytes, 2);
    assert_memory_equal(r.files[0].content, "12", 2);
    assert_string_equal(r.files[1].path, "b/c");
    assert_int_equal(r.files[1].content_bytes, 0);
    sn_received_free(&r);
}

static void command_gets_its_arguments(void **state) {
    (void)state;
    static const char *const args[] = {"prog", "", "x"};
    sn_job job = {.args = args, .args_count = 3};
    sn_received r = pass(&job, false);
    assert_null(r.records);
    assert_int_equal(r.args_count, 3);
    assert_string_equal(r.args[0], "prog");
    assert_string_equal(r.args[1], "");
    assert_string_equal(r.args[2], "x");
    sn_received_free(&r);
    job.code = "print(1)";
    job.code_bytes = 8;
    r = pass(&job, false);
    assert_int_equal(r.args_count, 5);
    assert_string_equal(r.args[0], "python");
    assert_string_equal(r.args[1], "-c");
    assert_string_equal(r.args[2], "print(1)");
    assert_string_equal(r.args[4], "x");
    sn_received_free(&r);
}

static void request_cut_short_is_refused(void **state) {
    (void)state;
    static const char *const args[] = {"prog"};
    static const sn_input_file file = {"a", "12", 2};
    sn_job job = {.args = args, .args_count = 1, .files = &file, .files_count = 1};
    int pair[2];
    sn_error err = SN_ERROR_INIT;
    char bytes[256];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(sn_request_send(pair[0], &job, false, &err), 0);
    ssize_t whole = read(pair[1], bytes, sizeof bytes);
    close(pair[0]);
    close(pair[1]);
    for (ssize_t cut = 0; cut < whole; cut++) {
        sn_received received;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
        assert_int_equal(write(pair[0], bytes, (size_t)cut), cut);
        close(pair[0]);
        assert_true(sn_request_receive(&received, pair[1], &err) < 0);
        close(pair[1]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_whole),
        cmocka_unit_test(every_kind_is_bounded),
        cmocka_unit_test(strings_are_taken_one_by_one),
        cmocka_unit_test(malformed_strings_are_refused),
        cmocka_unit_test(request_has_the_abi_s_records),
        cmocka_unit_test(command_gets_its_arguments),
        cmocka_unit_test(request_cut_short_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
