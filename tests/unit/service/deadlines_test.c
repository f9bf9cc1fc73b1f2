/* deadlines_test.c - the heap beside a plain search. */
#include "test.h"

#include "service/deadlines.h"

#include <stdlib.h>

enum { TICKETS = 200 };

static sn_ticket tickets[TICKETS];

static uint64_t earliest(void) {
    uint64_t found = UINT64_MAX;
    for (size_t i = 0; i < TICKETS; i++)
        if (tickets[i].place_ > 0 && tickets[i].expires_ns_ < found)
            found = tickets[i].expires_ns_;
    return found;
}

static void the_first_is_the_earliest(void **state) {
    (void)state;
    sn_deadlines deadlines;
    size_t count = 0;
    assert_int_equal(sn_deadlines_open(&deadlines, TICKETS, NULL), 0);
    srand(1);
    for (int round = 0; round < 100000; round++) {
        sn_ticket *ticket = &tickets[rand() % TICKETS];
        if (ticket->place_ == 0) {
            ticket->expires_ns_ = (uint64_t)(rand() % 1000);
            sn_deadlines_add(&deadlines, ticket);
            count++;
        } else {
            sn_deadlines_remove(&deadlines, ticket);
            count--;
        }
        const sn_ticket *first = sn_deadlines_first(&deadlines);
        assert_int_equal(deadlines.count, count);
        assert_int_equal(first ? first->expires_ns_ : UINT64_MAX, earliest());
    }
    sn_deadlines_close(&deadlines);
}

static void removing_what_is_not_there_changes_nothing(void **state) {
    (void)state;
    sn_deadlines deadlines;
    sn_ticket in = {.expires_ns_ = 1}, out = {.expires_ns_ = 0};
    assert_int_equal(sn_deadlines_open(&deadlines, 1, NULL), 0);
    assert_null(sn_deadlines_first(&deadlines));
    sn_deadlines_add(&deadlines, &in);
    sn_deadlines_remove(&deadlines, &out);
    assert_ptr_equal(sn_deadlines_first(&deadlines), &in);
    sn_deadlines_remove(&deadlines, &in);
    sn_deadlines_remove(&deadlines, &in);
    assert_null(sn_deadlines_first(&deadlines));
    sn_deadlines_close(&deadlines);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_earliest),
        cmocka_unit_test(removing_what_is_not_there_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
