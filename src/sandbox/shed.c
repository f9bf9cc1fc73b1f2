/* shed.c - see shed.h. */
#include "sandbox/shed.h"

#include "util/auto.h"

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

enum { PAGE = 4096 };

/* Those that this program is linked with, and what they are linked with. Others may be somebody's
 * malloc(), which a worker does need. */
static const char *const unneeded[] = {
    "libbsd.so.",     "libcrypto.so.", "libedit.so.",    "libjansson.so.",
    "liblmdb.so.",    "libmd.so.",     "libncurses.so.", "libprotobuf-c.so.",
    "libseccomp.so.", "libtinfo.so.",  "libxxhash.so.",  "libzstd.so.",
};

static bool is_unneeded(const char *path) {
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    for (size_t i = 0; i < SN_COUNT(unneeded); i++)
        if (strncmp(name, unneeded[i], strlen(unneeded[i])) == 0)
            return true;
    return false;
}

static int shed(struct dl_phdr_info *library, size_t bytes, void *user) {
    (void)bytes, (void)user;
    if (!is_unneeded(library->dlpi_name))
        return 0;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        uintptr_t begin = (library->dlpi_addr + part->p_vaddr) & ~(uintptr_t)(PAGE - 1);
        uintptr_t end = library->dlpi_addr + part->p_vaddr + part->p_memsz;
        if (part->p_type == PT_LOAD)
            (void)!madvise((void *)begin, end - begin, MADV_DONTFORK);
    }
    return 0;
}

void sn_shed_libraries(void) {
    dl_iterate_phdr(shed, NULL);
}
