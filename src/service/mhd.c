/* mhd.c - see mhd.h. */
#include "service/mhd.h"

#include "util/error.h"

#include <dlfcn.h>
#include <pthread.h>

#define LIBRARY "libmicrohttpd.so.12"

static sn_mhd functions;
static sn_error load_error;

static void find(void **function, void *library, const char *name) {
    *function = dlsym(library, name);
    if (!*function)
        sn_fail(&load_error, SN_EUNAVAILABLE, "%s has no function %s", LIBRARY, name);
}

static void load(void) {
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        sn_fail(&load_error, SN_EUNAVAILABLE, "HTTP cannot be served: %s", dlerror());
        sn_hint(&load_error, "install Debian's libmicrohttpd12");
        return;
    }
#define FIND(name) find((void **)&functions.name, library, "MHD_" #name);
    SN_MHD_FUNCTIONS(FIND)
#undef FIND
}

int sn_mhd_load(const sn_mhd **out, sn_error *err) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, load);
    if (load_error.code < 0 && err)
        *err = load_error;
    *out = &functions;
    return load_error.code;
}
