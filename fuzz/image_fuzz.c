/*
 * image_fuzz.c - reads what it is given as a base image, as it is and again with origin and
 * checksum made right, which chance would not do. Whatever is taken has runs that lie in the file.
 */
#include "sandbox/image.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const void *data, size_t size, const sn_image_origin *origin) {
    sn_image *image;
    sn_error err;
    if (sn_image_parse(&image, data, size, origin, &err) < 0)
        return;
    for (size_t i = 0; i < image->saved.runs_count; i++)
        if (image->runs[i].offset > size || image->runs[i].bytes > size - image->runs[i].offset)
            abort();
    sn_image_close(image);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const sn_image_origin origin = {"module", "archive"};
    check(data, size, &origin);
    void *sealed = malloc(size + 1);
    if (!sealed)
        return 0;
    memcpy(sealed, data, size);
    if (sn_image_seal(sealed, size, &origin, NULL) == 0)
        check(sealed, size, &origin);
    free(sealed);
    return 0;
}
