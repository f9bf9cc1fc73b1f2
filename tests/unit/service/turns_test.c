/* turns_test.c - the order in which tenants start, without threads. */
#include "test.h"

#include "service/turns.h"
#include "util/auto.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static sn_turns turns;

static void begin(unsigned running_most, unsigned waiting_most, unsigned per_tenant) {
    turns = (sn_turns){.running_most = running_most,
                       .waiting_most = waiting_most,
                       .waiting_per_tenant_most = per_tenant};
    assert_int_equal(sn_turns_open(&turns, NULL), 0);
}

static sn_ticket ticket_of(const char *tenant) {
    return (sn_ticket){.tenant = tenant};
}

static void must_add(sn_ticket *ticket) {
    sn_error err = SN_ERROR_INIT;
    if (sn_turns_add(&turns, ticket, &err) < 0)
        fail_msg("%s", err.message);
}

/* Starts whatever may start; how many. */
static unsigned start_all(void) {
    unsigned count = 0;
    while (sn_turns_start(&turns))
        count++;
    return count;
}

/* ---- turns ---- */

static void tickets_of_a_tenant_keep_their_order(void **state) {
    (void)state;
    sn_ticket tickets[6];
    begin(1, 8, 8);
    for (int i = 0; i < 6; i++) {
        tickets[i] = ticket_of("a");
        must_add(&tickets[i]);
    }
    sn_turns_remove(&turns, &tickets[3]);
    for (int i = 0; i < 6; i++) {
        if (i == 3)
            continue;
        assert_ptr_equal(sn_turns_start(&turns), &tickets[i]);
        assert_null(sn_turns_start(&turns));
        sn_turns_end(&turns, tickets[i].tenant_, 0);
    }
    assert_null(sn_turns_start(&turns));
    assert_int_equal(turns.tenants, 0);
    sn_turns_close(&turns);
}

static void tenants_take_turns(void **state) {
    (void)state;
    static const char *const come[] = {"a", "a", "a", "a", "b", "b", "c"};
    static const char *const go = "abcabaa";
    sn_ticket tickets[SN_COUNT(come)];
    begin(1, 8, 8);
    for (size_t i = 0; i < SN_COUNT(come); i++) {
        tickets[i] = ticket_of(come[i]);
        must_add(&tickets[i]);
    }
    for (size_t i = 0; i < SN_COUNT(come); i++) {
        sn_ticket *ticket = sn_turns_start(&turns);
        assert_non_null(ticket);
        assert_int_equal(*ticket->tenant, go[i]);
        sn_turns_end(&turns, ticket->tenant_, 0);
    }
    sn_turns_close(&turns);
}

/* Of one session's one at a time, and what is behind them need not wait. */
static void a_busy_lane_is_passed_by(void **state) {
    (void)state;
    static const uint64_t lanes[] = {7, 7, 0, 8, 7, 0};
    static const int start[] = {0, 2, 3, 5};
    sn_ticket tickets[SN_COUNT(lanes)], other = ticket_of("b");
    begin(16, 8, 8);
    for (size_t i = 0; i < SN_COUNT(lanes); i++) {
        tickets[i] = ticket_of("a");
        tickets[i].lane = lanes[i];
        must_add(&tickets[i]);
    }
    other.lane = 7; /* whoever asks */
    must_add(&other);
    for (size_t i = 0; i < SN_COUNT(start); i++)
        assert_ptr_equal(sn_turns_start(&turns), &tickets[start[i]]);
    assert_null(sn_turns_start(&turns));
    sn_turns_end(&turns, tickets[3].tenant_, 8);
    assert_null(sn_turns_start(&turns));
    sn_turns_end(&turns, tickets[0].tenant_, 7);
    sn_ticket *second = sn_turns_start(&turns), *third, *fourth;
    assert_null(sn_turns_start(&turns));
    sn_turns_end(&turns, second->tenant_, 7);
    assert_non_null(third = sn_turns_start(&turns));
    assert_null(sn_turns_start(&turns));
    sn_turns_end(&turns, third->tenant_, 7);
    assert_non_null(fourth = sn_turns_start(&turns));
    assert_true(second != third && third != fourth && second != fourth);
    sn_turns_close(&turns);
}

/* One that would have to wait for its lane needs room in the queue. */
static void a_busy_lane_does_not_overfill_the_queue(void **state) {
    (void)state;
    sn_ticket tickets[3];
    begin(16, 1, 1);
    for (int i = 0; i < 3; i++) {
        sn_error err = SN_ERROR_INIT;
        tickets[i] = ticket_of("a");
        tickets[i].lane = 5;
        assert_int_equal(sn_turns_add(&turns, &tickets[i], &err),
                         i < 2 ? 0 : SN_ERESOURCE_EXHAUSTED);
        assert_ptr_equal(sn_turns_start(&turns), i == 0 ? &tickets[0] : NULL);
    }
    sn_turns_close(&turns);
}

static void who_may_not_start_keeps_its_place(void **state) {
    (void)state;
    sn_ticket a[6], b, c;
    begin(4, 8, 8);
    for (int i = 0; i < 6; i++) {
        a[i] = ticket_of("a");
        must_add(&a[i]);
    }
    assert_int_equal(start_all(), 3); /* of four */
    b = ticket_of("b");
    must_add(&b);
    assert_ptr_equal(sn_turns_start(&turns), &b);
    c = ticket_of("c");
    must_add(&c);
    sn_turns_end(&turns, a[0].tenant_, 0);
    assert_ptr_equal(sn_turns_start(&turns), &a[3]); /* two of its run, and it came before c */
    sn_turns_end(&turns, a[1].tenant_, 0);
    assert_ptr_equal(sn_turns_start(&turns), &c);
    sn_turns_close(&turns);
}

/* ---- shares ---- */

enum { FLOOD = 600, FLOODS_MOST = 21, ROUNDS = 250 };

static unsigned start_into(sn_tenant **running, unsigned count) {
    for (sn_ticket *ticket; (ticket = sn_turns_start(&turns));)
        running[count++] = ticket->tenant_;
    return count;
}

/*
 * So many floods come, one after another, and executions end and start for a while. How many slots
 * each flood has, and how many stay free, on average of the second half.
 */
static void flood(double *shares, double *free_slots, unsigned running_most, unsigned tenants) {
    static char names[FLOODS_MOST][8];
    static sn_ticket tickets[FLOODS_MOST][FLOOD];
    sn_tenant *running[64];
    unsigned count = 0;
    begin(running_most, FLOODS_MOST * FLOOD, FLOOD);
    for (unsigned t = 0; t < tenants; t++) {
        snprintf(names[t], sizeof names[t], "%u", t);
        for (unsigned i = 0; i < FLOOD; i++) {
            tickets[t][i] = ticket_of(names[t]);
            must_add(&tickets[t][i]);
            count = start_into(running, count);
        }
        shares[t] = 0;
    }
    *free_slots = 0;
    for (unsigned round = 0; round < 2 * ROUNDS; round++) {
        unsigned ends = (unsigned)rand() % count;
        sn_turns_end(&turns, running[ends], 0);
        running[ends] = running[--count];
        count = start_into(running, count);
        for (unsigned i = 0; i < count && round >= ROUNDS; i++)
            for (unsigned t = 0; t < tenants; t++)
                shares[t] += running[i] == tickets[t][FLOOD - 1].tenant_ ? 1.0 / ROUNDS : 0;
        *free_slots += round >= ROUNDS ? (running_most - count) * 1.0 / ROUNDS : 0;
    }
    sn_turns_close(&turns);
}

static void floods_share_and_leave_room(void **state) {
    (void)state;
    static const unsigned sizes[] = {4, 8, 16, 31, 64};
    srand(1);
    for (size_t i = 0; i < SN_COUNT(sizes); i++)
        for (unsigned n = 1; 3 * n + 1 <= sizes[i]; n++) {
            double shares[FLOODS_MOST], free_slots;
            flood(shares, &free_slots, sizes[i], n);
            double room = (double)sizes[i] / (3 * n + 1);
            if (free_slots > room + 0.01 || free_slots < room - 1)
                fail_msg("%u floods of %u slots leave %f free", n, sizes[i], free_slots);
            for (unsigned t = 0; t < n; t++)
                if (shares[t] < 3 * room - 2 || shares[t] > 3 * room + 2)
                    fail_msg("one of %u floods has %f of %u slots", n, shares[t], sizes[i]);
        }
}

static void few_slots_are_for_everybody(void **state) {
    (void)state;
    for (unsigned slots = 1; slots <= 3; slots++) {
        double share, free_slots;
        flood(&share, &free_slots, slots, 1);
        assert_true(free_slots == 0);
    }
}

static void a_newcomer_starts_beside_a_flood(void **state) {
    (void)state;
    for (unsigned slots = 4; slots <= 64; slots++) {
        sn_ticket a[64], b = ticket_of("b");
        begin(slots, 64, 64);
        for (unsigned i = 0; i < 64; i++) {
            a[i] = ticket_of("a");
            must_add(&a[i]);
            (void)start_all();
        }
        assert_true(turns.running >= slots * 3 / 4 - 1);
        must_add(&b);
        assert_ptr_equal(sn_turns_start(&turns), &b);
        sn_turns_close(&turns);
    }
}

/* ---- bounds ---- */

static void check_refused(const char *tenant, int code, const char *message) {
    sn_error err = SN_ERROR_INIT;
    sn_ticket ticket = ticket_of(tenant);
    unsigned waiting = turns.waiting, tenants = turns.tenants;
    assert_int_equal(sn_turns_add(&turns, &ticket, &err), code);
    assert_string_equal(err.message, message);
    assert_int_equal(turns.waiting, waiting);
    assert_int_equal(turns.tenants, tenants);
}

static void what_has_no_room_is_refused(void **state) {
    (void)state;
    static const char *const come[] = {"a", "b", "c", "c"};
    sn_ticket first = ticket_of("a"), tickets[SN_COUNT(come)];
    begin(1, 4, 2);
    must_add(&first);
    assert_ptr_equal(sn_turns_start(&turns), &first);
    for (size_t i = 0; i < 2; i++) {
        tickets[i] = ticket_of("c");
        must_add(&tickets[i]);
    }
    check_refused("c", SN_ERESOURCE_EXHAUSTED,
                  "the queue of 'c' is full: 2 of its executions wait");
    for (size_t i = 2; i < 4; i++) {
        tickets[i] = ticket_of("a");
        must_add(&tickets[i]);
    }
    check_refused("d", SN_ERESOURCE_EXHAUSTED, "the queue is full: 4 executions wait");
    sn_turns_close(&turns);
}

static void what_starts_at_once_needs_no_room(void **state) {
    (void)state;
    sn_ticket tickets[3], newcomer = ticket_of("b");
    begin(4, 0, 0);
    for (int i = 0; i < 3; i++) {
        tickets[i] = ticket_of("a");
        must_add(&tickets[i]);
        assert_ptr_equal(sn_turns_start(&turns), &tickets[i]);
    }
    check_refused("a", SN_ERESOURCE_EXHAUSTED, "the queue is full: 0 executions wait");
    must_add(&newcomer);
    assert_ptr_equal(sn_turns_start(&turns), &newcomer);
    sn_turns_close(&turns);
}

static void long_names_are_refused(void **state) {
    (void)state;
    char name[SN_TENANT_MAX_BYTES + 2];
    memset(name, 'x', sizeof name);
    name[SN_TENANT_MAX_BYTES + 1] = 0;
    begin(1, 4, 4);
    check_refused(name, SN_EINVALID_ARGUMENT, "a tenant's name has at most 128 bytes");
    sn_ticket ticket = ticket_of(name + 1);
    must_add(&ticket);
    sn_turns_close(&turns);
}

/* ---- tenants ---- */

static void tenants_are_forgotten(void **state) {
    (void)state;
    enum { AT_ONCE = 12 };
    sn_ticket tickets[AT_ONCE];
    char names[AT_ONCE][16];
    begin(8, AT_ONCE - 8, AT_ONCE);
    for (unsigned round = 0; round < 100000; round++) {
        for (unsigned i = 0; i < AT_ONCE; i++) {
            snprintf(names[i], sizeof names[i], "%u.%u", round, i);
            tickets[i] = ticket_of(names[i]);
            must_add(&tickets[i]);
            assert_ptr_equal(sn_turns_start(&turns), i < 8 ? &tickets[i] : NULL);
        }
        assert_int_equal(turns.tenants, AT_ONCE);
        for (unsigned i = 8; i < AT_ONCE; i++)
            sn_turns_remove(&turns, sn_turns_waiting(&turns));
        for (unsigned i = 0; i < 8; i++)
            sn_turns_end(&turns, tickets[i].tenant_, 0);
        assert_int_equal(turns.tenants, 0);
        assert_null(sn_turns_waiting(&turns));
    }
    assert_int_equal(turns.made, AT_ONCE);
    sn_turns_close(&turns);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tickets_of_a_tenant_keep_their_order),
        cmocka_unit_test(tenants_take_turns),
        cmocka_unit_test(a_busy_lane_is_passed_by),
        cmocka_unit_test(a_busy_lane_does_not_overfill_the_queue),
        cmocka_unit_test(who_may_not_start_keeps_its_place),
        cmocka_unit_test(floods_share_and_leave_room),
        cmocka_unit_test(few_slots_are_for_everybody),
        cmocka_unit_test(a_newcomer_starts_beside_a_flood),
        cmocka_unit_test(what_has_no_room_is_refused),
        cmocka_unit_test(what_starts_at_once_needs_no_room),
        cmocka_unit_test(long_names_are_refused),
        cmocka_unit_test(tenants_are_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
