/*
 * transfer.h - a session as a file, from one machine to another.
 *
 * The form, little-endian: head; the record (record.h) with its last step alone; that step's code;
 * one delta (delta.h) that lies over nothing. A file that is read may come from anywhere: sizes are
 * bounded before memory is taken, the delta is decoded before it is kept, and what is in it reaches
 * only workers, in their jail.
 */
#ifndef SN_SESSION_TRANSFER_H
#define SN_SESSION_TRANSFER_H

#include "session/store.h"

typedef struct sn_transfer_head {
    char magic[8];
    uint32_t format;
    uint32_t record_bytes;
    uint32_t code_bytes;
    uint32_t unused;
    uint64_t delta_bytes;
    uint8_t check[16]; /* XXH3 (128 bits, canonical) of all that follows */
} sn_transfer_head;

/* Reads all of a file but what is in the delta; `node` refers to `data`. SN_EINVALID_ARGUMENT. */
SN_WARN_UNUSED int sn_transfer_parse(sn_record *record, sn_new_node *node, const void *data,
                                     size_t bytes, sn_error *err);

/* That the delta can be read, and holds no more than `pages_most` pages; `record` gets to know how
 * much memory it has. SN_EINVALID_ARGUMENT, SN_ERESOURCE_EXHAUSTED. */
SN_WARN_UNUSED int sn_transfer_check_delta(sn_record *record, const sn_new_node *node,
                                           uint64_t pages_most, sn_error *err);

/* Gives a file of at least a head the checksum that it ought to have. */
void sn_transfer_seal(void *data, size_t bytes);

#endif
