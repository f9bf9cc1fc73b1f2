/*
 * record.h - a record as bytes: u32 format, u16 length of the id, u16 unused, base, times, u32
 * count of steps, u32 unused, the id, zeros up to eight bytes, the steps; little-endian.
 */
#ifndef SN_SESSION_RECORD_H
#define SN_SESSION_RECORD_H

#include "session/store.h"

/* Adds it to `out`. False: no memory. */
SN_WARN_UNUSED bool sn_record_write(sn_buffer *out, const sn_record *record);

/* SN_EUNAVAILABLE: damaged. */
SN_WARN_UNUSED int sn_record_read(sn_record *out, const void *data, size_t bytes, sn_error *err);

#endif
