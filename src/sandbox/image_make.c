/* image_make.c - see image_make.h. */
#include "sandbox/image_make.h"

#include "sandbox/job.h"
#include "util/auto.h"
#include "util/buffer.h"
#include "util/error.h"

static const uint64_t time_limit_ns = 60ull * 1000000000u;
static const uint64_t memory_limit_bytes = 1ull << 30;

typedef struct collected {
    sn_buffer image;
    sn_buffer said; /* on stderr: why the guest does not start */
    bool no_memory;
} collected;

static int take(void *user, enum sn_frame_kind kind, const void *data, size_t bytes) {
    collected *c = user;
    sn_buffer *to = kind == SN_FRAME_IMAGE ? &c->image : kind == SN_FRAME_STDERR ? &c->said : NULL;
    c->no_memory = to && !sn_buffer_add(to, data, bytes);
    return c->no_memory;
}

static int run(collected *c, const sn_interpreter *interpreter, sn_error *err) {
    sn_job job = {
        .stdin_fd = -1,
        .cancel_fd = -1,
        .timeout_ns = time_limit_ns,
        .memory_limit_bytes = memory_limit_bytes,
        .output_limit_bytes = 1 << 20,
        .make_image = true,
        .on_frame = take,
        .user = c,
    };
    sn_zygote *zygote;
    sn_zygote_options options = SN_ZYGOTE_OPTIONS_INIT;
    options.allow_weak = true; /* it runs nobody's code but ours */
    int rc = sn_zygote_start(&zygote, interpreter, &options, err);
    if (rc < 0)
        return rc;
    sn_job_end end;
    rc = sn_job_run(&end, zygote, &job, err);
    sn_zygote_stop(zygote);
    if (rc == 0 && c->no_memory)
        rc = sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the base image");
    else if (rc == 0 && end.ending != SN_JOB_DONE)
        rc = sn_fail(err, SN_EUNAVAILABLE, "the interpreter does not start");
    if (rc < 0 && c->said.bytes > 0)
        sn_hint(err, "it said: %.400s", c->said.data);
    return rc;
}

int sn_image_make(sn_image **out, char **file, size_t *file_bytes,
                  const sn_interpreter *interpreter, sn_error *err) {
    collected c = {.said.limit_bytes = 4096};
    int rc = run(&c, interpreter, err);
    if (rc == 0)
        rc = sn_image_seal(c.image.data, c.image.bytes, &interpreter->origin, err);
    if (rc == 0)
        rc = sn_image_parse(out, c.image.data, c.image.bytes, &interpreter->origin, err);
    if (rc == 0)
        *file = sn_buffer_take(&c.image, file_bytes);
    sn_buffer_free(&c.image);
    sn_buffer_free(&c.said);
    return rc;
}
