/*
 * request.h - encodes a job for the guest: the records of docs/design/guest-abi.md, "The request".
 */
#ifndef SN_SANDBOX_REQUEST_H
#define SN_SANDBOX_REQUEST_H

#include "sandbox/job.h"

/* `*out` is the caller's to free. Errors: SN_ERESOURCE_EXHAUSTED, or SN_EINVALID_ARGUMENT over 4
 * GiB. */
SN_WARN_UNUSED int sn_request_encode(uint8_t **out, size_t *out_bytes, const sn_job *job,
                                     sn_error *err);

#endif
