/* tenant_session_test.c - names of sessions on both sides of the doors. */
#include "test.h"

#include "llm_service/tenant_session.h"

#include <stdio.h>
#include <string.h>

static char id[SN_SESSION_ID_BYTES];
static sn_error err;

static void both_ways(void **state) {
    (void)state;
    assert_int_equal(sn_tenant_session(id, "alice", "id", "s", &err), 0);
    assert_string_equal(id, "alice:s");
    assert_string_equal(sn_tenant_session_name("alice", id), "s");
    assert_null(sn_tenant_session_name("bob", id));
    assert_null(sn_tenant_session_name("alic", id));
    assert_null(sn_tenant_session_name("alice", "alice"));
    assert_string_equal(sn_tenant_session_name(NULL, id), "alice:s");
    assert_int_equal(sn_tenant_session(id, "bob", "id", "alice:s", &err), 0);
    assert_string_equal(id, "bob:alice:s");
    assert_int_equal(sn_tenant_session(id, NULL, "id", "alice:s", &err), 0);
    assert_string_equal(id, "alice:s");
    assert_null(sn_tenant_session_name("alice", NULL));
}

static void bounds(void **state) {
    char name[SN_SESSION_ID_MAX_BYTES + 2];
    (void)state;
    memset(name, 'x', sizeof name);
    name[SN_SESSION_ID_MAX_BYTES] = '\0';
    assert_int_equal(sn_tenant_session(id, NULL, "id", name, &err), 0);
    assert_int_equal(sn_tenant_session(id, "alice", "id", name, &err), SN_EINVALID_ARGUMENT);
    assert_non_null(strstr(err.message, "id must have 1 to 122 characters"));
    name[122] = '\0';
    assert_int_equal(sn_tenant_session(id, "alice", "id", name, &err), 0);
    assert_int_equal(strlen(id), SN_SESSION_ID_MAX_BYTES);
    assert_int_equal(sn_tenant_session(id, "alice", "id", "", &err), SN_EINVALID_ARGUMENT);
    assert_int_equal(sn_tenant_session(id, "alice", "id", "a/b", &err), SN_EINVALID_ARGUMENT);
}

static void messages(void **state) {
    char text[] = "there is a session 'alice:s' already, as 'alice:alice:t', not 'bob:u' or alice";
    (void)state;
    sn_tenant_session_tell("alice", text);
    assert_string_equal(text, "there is a session 's' already, as 'alice:t', not 'bob:u' or alice");
    sn_tenant_session_tell(NULL, text);
    sn_tenant_session_tell("alice", NULL);
    char end[] = "'alice:";
    sn_tenant_session_tell("alice", end);
    assert_string_equal(end, "'");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways),
        cmocka_unit_test(bounds),
        cmocka_unit_test(messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
