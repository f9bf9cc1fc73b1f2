/*
 * record.h - tasks as bytes in the store. Each value begins with what it is, how long, and the
 * XXH3 of the rest, so that a damaged one is noticed; what is read is believed nothing all the
 * same.
 *
 *     u32 magic, u32 bytes of the body, u64 XXH3 of the body, body
 *
 * A head's body is its numbers, then its texts, each with a length before it; what is larger is
 * JSON.
 */
#ifndef SN_ORCHESTRATOR_RECORD_H
#define SN_ORCHESTRATOR_RECORD_H

#include "orchestrator/task.h"
#include "util/buffer.h"

enum { SN_TASK_RECORD_MOST_BYTES = 16 << 20 };

/* Each adds one value. SN_ERESOURCE_EXHAUSTED: no memory, or it would be too long. */
SN_WARN_UNUSED int sn_task_record_seal(sn_buffer *out, const void *body, size_t bytes,
                                       sn_error *err);
SN_WARN_UNUSED int sn_task_record_write(sn_buffer *out, const sn_task_head *head, sn_error *err);
SN_WARN_UNUSED int sn_task_record_write_json(sn_buffer *out, const json_t *json, sn_error *err);

/* SN_EUNAVAILABLE: it is damaged. */
SN_WARN_UNUSED int sn_task_record_read(sn_task_head *out, const void *data, size_t bytes,
                                       sn_error *err);
/* json_decref() it. */
SN_WARN_UNUSED int sn_task_record_read_json(json_t **out, const void *data, size_t bytes,
                                            sn_error *err);

#endif
