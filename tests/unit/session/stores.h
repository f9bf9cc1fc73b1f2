/*
 * stores.h - a store in a folder of its own, and sessions in it whose contents can be told again:
 * each step bears a *tag*, as its memory_bytes, from which its code and delta are made.
 */
#ifndef SN_TESTS_SESSION_STORES_H
#define SN_TESTS_SESSION_STORES_H

#include "test.h"

#include "session/local_store.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"

enum { STORES_STEPS_MOST = 10 }; /* of a session; older ones are thinned out */

#define STORES_NONE UINT64_MAX

/* A fresh folder; free() it after sn_remove_tree(). */
char *stores_folder(void);

/* A failure fails the test. */
sn_store *stores_open(const char *folder);

/* Makes the next opening find the index as after a restart of the machine. */
void stores_forget_index(const char *folder);

/* Closes the store, has the index made anew from the log, and opens it. */
sn_store *stores_rebuilt(sn_store *store, const char *folder);

/* ---- sessions ---- */

uint64_t stores_random(uint64_t *seed);

/* One step more, of `bytes` in all; a session that is not there begins. */
SN_WARN_UNUSED int stores_step(sn_store *store, const char *id, uint64_t tag, size_t bytes,
                               sn_error *err);
/* `to` becomes what `from` is. */
SN_WARN_UNUSED int stores_fork(sn_store *store, const char *to, const char *from, sn_error *err);
/* Back by `steps`, or to step 0. */
SN_WARN_UNUSED int stores_rewind(sn_store *store, const char *id, size_t steps, sn_error *err);

/* The same, where it is to succeed. */
void stores_must_step(sn_store *store, const char *id, uint64_t tag, size_t bytes);
void stores_must_fork(sn_store *store, const char *to, const char *from);
void stores_must_rewind(sn_store *store, const char *id, size_t steps);
void stores_must_remove(sn_store *store, const char *id);

/* The tag of the last step, after all of them were compared with what they ought to be; 0: there is
 * no step; STORES_NONE: no session. */
uint64_t stores_last(sn_store *store, const char *id);

/* verify finds nothing. */
void stores_check(sn_store *store);

/* Until no more space is given back. */
void stores_tidy(sn_store *store);
sn_store_totals stores_totals(sn_store *store);

/* ---- files ---- */

char *stores_segment(const char *folder, uint32_t segment); /* its path; free() it */
/* -1: it is not there. */
int64_t stores_size(const char *path);
/* Where the last entry of a segment ends, and what all of them take; 0: it is not there. */
int64_t stores_end(const char *folder, uint32_t segment);
int64_t stores_bytes(const char *folder, uint32_t segment);
void stores_flip(const char *path, uint64_t offset);
void stores_copy(const char *to, const char *from); /* one file */

#endif
