/*
 * delta.h - what a step's record holds of a state, compressed.
 *
 * A record holds pages, the list of extents and the blob. Pages of linear memory are stored as what
 * differs from the base image (XOR), so a page in which a few counters have changed takes a few
 * bytes. A state is a *chain* of records: a page is as the newest record has it that has it. What a
 * new record covers is chosen so that the chain stays short (sn_delta_plan): most hold what the
 * step has changed, and when three below are of about that size it takes over what they hold. So
 * there are at most three of each size along the chain, sizes rise fourfold, and reading it costs
 * at most four times what the pages themselves do.
 *
 * Form, little-endian: head; the numbers of pages, as they are; then one zstd frame of extents,
 * blob and pages; a page is a word whose bits say which of its 64 blocks of 64 bytes are not zero,
 * and those. A delta that is read is believed nothing.
 */
#ifndef SN_SESSION_DELTA_H
#define SN_SESSION_DELTA_H

#include "session/state.h"
#include "util/buffer.h"

/*
 * Decides what the record of a step covers that has changed `changed`: `*covered` are its pages
 * (free the numbers), `*keep` the layers, from the oldest, that stay below it. Only pages that the
 * state still has are covered.
 */
SN_WARN_UNUSED int sn_delta_plan(sn_pages *covered, size_t *keep, const sn_state *state,
                                 const sn_pages *changed, sn_error *err);

/* Adds the record of `covered` to `out`. */
SN_WARN_UNUSED int sn_delta_write(sn_buffer *out, const sn_state *state, const sn_image *image,
                                  const sn_pages *covered, sn_error *err);

/* How many pages a record holds: what reading it takes is at most these, extents and blob.
 * SN_EUNAVAILABLE: damaged. */
SN_WARN_UNUSED int sn_delta_count(uint32_t *pages, const void *data, size_t bytes, sn_error *err);

/*
 * Lays a record under what `state` has already: called for the newest first, then for those below.
 * The newest also gives blob, extents and the size of memory. Its numbers become the next layer, of
 * `node`. SN_EUNAVAILABLE: damaged.
 */
SN_WARN_UNUSED int sn_delta_read(sn_state *state, const sn_image *image, uint64_t node,
                                 const void *data, size_t bytes, sn_error *err);

#endif
