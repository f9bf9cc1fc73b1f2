/*
 * writer.h - a process that changes a store all the time, tells what it is about to do and what it
 * was told is done, and is killed at any moment.
 */
#ifndef SN_TESTS_SESSION_WRITER_H
#define SN_TESTS_SESSION_WRITER_H

#include "stores.h"

#include <sys/types.h>

enum { WRITER_SESSIONS = 16 };

/* What it is called; valid until the next call. */
const char *writer_session(uint32_t number);

typedef struct writer_options {
    const char *folder;
    uint64_t seed;
    uint32_t first, count; /* the sessions that it changes */
    uint32_t tidy_every;   /* changes; 0: never */
    bool say_where;        /* what is done also says where the log ends */
} writer_options;

typedef struct writer_message {
    uint32_t is_done; /* else it is about to begin */
    uint32_t session;
    uint32_t from;    /* of a fork; else the same */
    uint32_t segment; /* the log's last, if that was asked for */
    uint64_t bytes;   /* how long it is */
    uint64_t after;   /* what stores_last() says afterwards */
} writer_message;

typedef struct writer {
    pid_t pid;
    int fd;
    writer_message *messages; /* once it is dead */
    size_t count;
} writer;

void writer_start(writer *w, const writer_options *options);

/* Until it is about to begin its first change. */
void writer_wait(const writer *w);

/* Fails the test if it had ended by itself. */
void writer_kill(writer *w);
void writer_clear(writer *w);

/* ---- what is to be there ---- */

enum { WRITER_MAYBES = 64 };

typedef struct writer_expected {
    uint64_t now;
    uint64_t maybe[WRITER_MAYBES]; /* what was begun and not reported as done */
    size_t maybes;
} writer_expected;

void writer_expect_nothing(writer_expected expected[WRITER_SESSIONS]);

/* A message of the one who writes sessions `first` to `first + count - 1`. */
void writer_expect(writer_expected *expected, const writer_options *of, const writer_message *m);

/* Each session is as it was reported last, or as the one change makes it that was on its way.
 * `for_good`: no other will be seen any more. Returns how many such changes are seen. */
unsigned writer_compare(writer_expected *expected, const writer_options *of, sn_store *store,
                        bool for_good);

#endif
