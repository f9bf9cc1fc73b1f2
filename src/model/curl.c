/* curl.c - see curl.h. */
#include "model/curl.h"

#include "util/auto.h"
#include "util/error.h"

#include <dlfcn.h>
#include <pthread.h>

/* The same functions, with OpenSSL or with GnuTLS below them. */
static const char *const libraries[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};

static sn_curl functions;
static sn_error load_error;

static void find(void **function, void *library, const char *name) {
    *function = dlsym(library, name);
    if (!*function)
        sn_fail(&load_error, SN_EUNAVAILABLE, "libcurl has no function %s", name);
}

static void load(void) {
    void *library = NULL;
    for (size_t i = 0; !library && i < SN_COUNT(libraries); i++)
        library = dlopen(libraries[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        sn_fail(&load_error, SN_EUNAVAILABLE, "no model can be asked: %s", dlerror());
        sn_hint(&load_error, "install Debian's libcurl4");
        return;
    }
#define FIND(name) find((void **)&functions.name, library, "curl_" #name);
    SN_CURL_FUNCTIONS(FIND)
#undef FIND
    if (load_error.code == 0 && functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        sn_fail(&load_error, SN_EUNAVAILABLE, "libcurl does not start");
}

int sn_curl_load(const sn_curl **out, sn_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (load_error.code < 0 && err)
        *err = load_error;
    *out = &functions;
    return load_error.code;
}
