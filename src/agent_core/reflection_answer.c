/* reflection_answer.c - see reflection_answer.h. */
#include "agent_core/reflection_answer.h"

#include "agent_core/descriptors.h"
#include "reflection.pb-c.h"
#include "util/error.h"
#include "util/message.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef Grpc__Reflection__V1__ServerReflectionRequest reflection_request;
typedef Grpc__Reflection__V1__ServerReflectionResponse reflection_response;

#define REQUEST(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define RESPONSE(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

enum {
    FIELDS_MOST = 100,
    FILES_MOST = 16, /* that one needs */
    STATUS_INVALID_ARGUMENT = 3,
    STATUS_NOT_FOUND = 5,
};

/* A response and what it refers to. */
typedef struct answer {
    reflection_response response;
    Grpc__Reflection__V1__FileDescriptorResponse files;
    ProtobufCBinaryData descriptors[FILES_MOST];
    Grpc__Reflection__V1__ExtensionNumberResponse extensions;
    Grpc__Reflection__V1__ListServiceResponse list;
    Grpc__Reflection__V1__ServiceResponse services[SN_RPC_METHODS_MOST];
    Grpc__Reflection__V1__ServiceResponse *pointers[SN_RPC_METHODS_MOST];
    Grpc__Reflection__V1__ErrorResponse error;
} answer;

static bool are_equal(const ProtobufCBinaryData *bytes, const char *text) {
    return strlen(text) == bytes->len && bytes->len > 0 &&
           memcmp(text, bytes->data, bytes->len) == 0;
}

static void set_error(answer *a, int status, const char *text) {
    grpc__reflection__v1__error_response__init(&a->error);
    a->error.error_code = status;
    a->error.error_message = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
    a->response.message_response_case = RESPONSE(ERROR_RESPONSE);
    a->response.error_response = &a->error;
}

/* ---- files ---- */

static void set_file(answer *a, const sn_descriptor_file *file) {
    grpc__reflection__v1__file_descriptor_response__init(&a->files);
    assert(file->needs_count <= FILES_MOST);
    for (size_t i = 0; i < file->needs_count; i++) {
        const sn_descriptor_file *needed = &sn_descriptor_files[file->needs[i]];
        a->descriptors[i] = (ProtobufCBinaryData){needed->bytes, (uint8_t *)needed->data};
        a->files.n_file_descriptor_proto++;
    }
    a->files.file_descriptor_proto = a->descriptors;
    a->response.message_response_case = RESPONSE(FILE_DESCRIPTOR_RESPONSE);
    a->response.file_descriptor_response = &a->files;
}

static void find_file(answer *a, const ProtobufCBinaryData *name) {
    for (const sn_descriptor_file *file = sn_descriptor_files; file->name; file++)
        if (are_equal(name, file->name))
            return set_file(a, file);
    set_error(a, STATUS_NOT_FOUND, "there is no such file here");
}

static const sn_descriptor_name *find_name(const ProtobufCBinaryData *name) {
    for (const sn_descriptor_name *known = sn_descriptor_names; known->name; known++)
        if (are_equal(name, known->name))
            return known;
    return NULL;
}

static void find_symbol(answer *a, const ProtobufCBinaryData *name) {
    const sn_descriptor_name *known = find_name(name);
    if (known)
        set_file(a, &sn_descriptor_files[known->file]);
    else
        set_error(a, STATUS_NOT_FOUND, "there is no such symbol here");
}

/* No message of ours has any. */
static void list_extensions(answer *a, const ProtobufCBinaryData *type) {
    if (!find_name(type))
        return set_error(a, STATUS_NOT_FOUND, "there is no such type here");
    grpc__reflection__v1__extension_number_response__init(&a->extensions);
    a->extensions.base_type_name = *type;
    a->response.message_response_case = RESPONSE(ALL_EXTENSION_NUMBERS_RESPONSE);
    a->response.all_extension_numbers_response = &a->extensions;
}

/* ---- services ---- */

/* Of "/shannon.v1.Executor/Execute". */
static ProtobufCBinaryData service_of(const char *path) {
    return (ProtobufCBinaryData){strcspn(path + 1, "/"), (uint8_t *)path + 1};
}

static bool is_listed(const answer *a, const ProtobufCBinaryData *name) {
    for (size_t i = 0; i < a->list.n_service; i++)
        if (a->services[i].name.len == name->len &&
            memcmp(a->services[i].name.data, name->data, name->len) == 0)
            return true;
    return false;
}

static void list_services(answer *a, const sn_rpc_methods *methods) {
    grpc__reflection__v1__list_service_response__init(&a->list);
    for (size_t i = 0; i < methods->count; i++) {
        ProtobufCBinaryData name = service_of(methods->list[i].path);
        Grpc__Reflection__V1__ServiceResponse *service = &a->services[a->list.n_service];
        if (is_listed(a, &name))
            continue;
        grpc__reflection__v1__service_response__init(service);
        service->name = name;
        a->pointers[a->list.n_service++] = service;
    }
    a->list.service = a->pointers;
    a->response.message_response_case = RESPONSE(LIST_SERVICES_RESPONSE);
    a->response.list_services_response = &a->list;
}

/* ---- answering ---- */

static void fill(answer *a, const sn_rpc_methods *methods, reflection_request *request) {
    grpc__reflection__v1__server_reflection_response__init(&a->response);
    a->response.valid_host = request->host;
    a->response.original_request = request;
    switch (request->message_request_case) {
    case REQUEST(FILE_BY_FILENAME):
        return find_file(a, &request->file_by_filename);
    case REQUEST(FILE_CONTAINING_SYMBOL):
        return find_symbol(a, &request->file_containing_symbol);
    case REQUEST(FILE_CONTAINING_EXTENSION):
        return set_error(a, STATUS_NOT_FOUND, "there are no extensions here");
    case REQUEST(ALL_EXTENSION_NUMBERS_OF_TYPE):
        return list_extensions(a, &request->all_extension_numbers_of_type);
    case REQUEST(LIST_SERVICES):
        return list_services(a, methods);
    default:
        return set_error(a, STATUS_INVALID_ARGUMENT, "the request asks for nothing that is known");
    }
}

void *sn_reflection_answer(size_t *out_bytes, const sn_rpc_methods *methods, const void *data,
                           size_t bytes, sn_error *err) {
    answer a;
    if (bytes > SN_REFLECTION_REQUEST_MOST_BYTES) {
        sn_fail(err, SN_EINVALID_ARGUMENT, "the request has more than %d bytes",
                SN_REFLECTION_REQUEST_MOST_BYTES);
        return NULL;
    }
    reflection_request *request =
        sn_message_unpack(&grpc__reflection__v1__server_reflection_request__descriptor, data, bytes,
                          FIELDS_MOST, err);
    if (!request)
        return NULL;
    fill(&a, methods, request);
    *out_bytes = grpc__reflection__v1__server_reflection_response__get_packed_size(&a.response);
    uint8_t *packed = malloc(*out_bytes + 1);
    if (packed)
        grpc__reflection__v1__server_reflection_response__pack(&a.response, packed);
    else
        sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for an answer");
    grpc__reflection__v1__server_reflection_request__free_unpacked(request, NULL);
    return packed;
}
