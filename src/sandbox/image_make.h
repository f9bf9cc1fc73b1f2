/*
 * image_make.h - makes an interpreter's base image (image.h): in a worker of a zygote that has
 * none, jailed like any other.
 */
#ifndef SN_SANDBOX_IMAGE_MAKE_H
#define SN_SANDBOX_IMAGE_MAKE_H

#include "sandbox/interpreter.h"

/* Makes the image and opens it. free() `*file`, the bytes of the image's file. */
SN_WARN_UNUSED int sn_image_make(sn_image **out, char **file, size_t *file_bytes,
                                 const sn_interpreter *interpreter, sn_error *err);

#endif
