/*
 * descriptors.h - our .proto files as descriptors, made when this was built (embed_descriptors.py),
 * for reflection_service.h.
 */
#ifndef SN_AGENT_CORE_DESCRIPTORS_H
#define SN_AGENT_CORE_DESCRIPTORS_H

#include <stddef.h>
#include <stdint.h>

typedef struct sn_descriptor_file {
    const char *name;    /* "shannon/v1/executor.proto" */
    const uint8_t *data; /* a serialized google.protobuf.FileDescriptorProto */
    size_t bytes;
    const uint8_t *needs; /* the files that it cannot be read without, itself first */
    size_t needs_count;
} sn_descriptor_file;

typedef struct sn_descriptor_name {
    const char *name; /* "shannon.v1.Executor.Execute": of a service, method, message, field, ... */
    uint8_t file;
} sn_descriptor_name;

/* Both end with a name of NULL. */
extern const sn_descriptor_file sn_descriptor_files[];
extern const sn_descriptor_name sn_descriptor_names[];

#endif
