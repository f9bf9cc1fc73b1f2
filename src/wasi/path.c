/*
 * path.c - path resolution, see path.h.
 *
 * What is left to resolve is a stack of texts: the path, and on top of it the targets of the links
 * met so far, each with how much of it is done. Nothing is copied or joined, so links that repeat
 * their own name take no memory, and the number of links bounds the work.
 */
#include "wasi/path.h"

#include "util/utf8.h"

#include <string.h>

struct text {
    const char *at;
    size_t left;
};

struct rest {
    struct text texts[SN_SYMLINKS_MAX + 1];
    size_t depth;
};

static int check_text(const char *path, size_t bytes) {
    if (bytes == 0)
        return SN_WASI_NOENT;
    if (bytes > SN_PATH_MAX_BYTES)
        return SN_WASI_NAMETOOLONG;
    if (memchr(path, '\0', bytes))
        return SN_WASI_INVAL;
    if (sn_utf8_valid_prefix(path, bytes) != bytes)
        return SN_WASI_ILSEQ;
    return path[0] == '/' ? SN_WASI_NOTCAPABLE : 0;
}

static bool next_component(struct text *out, struct rest *rest) {
    while (rest->depth) {
        struct text *top = &rest->texts[rest->depth - 1];
        while (top->left && *top->at == '/') {
            top->at++;
            top->left--;
        }
        if (!top->left) {
            rest->depth--;
            continue;
        }
        const char *slash = memchr(top->at, '/', top->left);
        *out = (struct text){top->at, slash ? (size_t)(slash - top->at) : top->left};
        top->at += out->left;
        top->left -= out->left;
        return true;
    }
    return false;
}

/* Whether no component is left; `*slash`: but a '/' is. */
static bool is_done(const struct rest *rest, bool *slash) {
    *slash = false;
    for (size_t i = 0; i < rest->depth; i++) {
        const struct text *text = &rest->texts[i];
        for (size_t k = 0; k < text->left; k++)
            if (text->at[k] != '/')
                return false;
        *slash |= text->left > 0;
    }
    return true;
}

static int push_link(struct rest *rest, const sn_node *link, uint32_t *followed) {
    if (++*followed > SN_SYMLINKS_MAX)
        return SN_WASI_LOOP;
    if (link->file.bytes == 0)
        return SN_WASI_NOENT;
    if (link->file.data[0] == '/')
        return SN_WASI_NOTCAPABLE;
    rest->texts[rest->depth++] = (struct text){(const char *)link->file.data, link->file.bytes};
    return 0;
}

static bool wants_link_itself(enum sn_follow follow, bool slash) {
    return follow == SN_NAME || (follow == SN_NOFOLLOW && !slash);
}

int sn_path_lookup(sn_lookup *out, const sn_vfs *vfs, uint32_t start, const char *path,
                   size_t bytes, enum sn_follow follow) {
    int e = check_text(path, bytes);
    if (e)
        return e;
    struct rest rest = {.texts[0] = {path, bytes}, .depth = 1};
    uint32_t at = start, followed = 0;
    struct text part;
    while (next_component(&part, &rest)) {
        if (part.at[0] == '.' && part.left == 1)
            continue;
        if (part.at[0] == '.' && part.left == 2 && part.at[1] == '.') {
            if (at == start)
                return SN_WASI_NOTCAPABLE;
            at = vfs->nodes[at].parent;
            continue;
        }
        if (part.left > SN_NAME_MAX_BYTES)
            return SN_WASI_NAMETOOLONG;
        bool slash;
        bool last = is_done(&rest, &slash);
        uint32_t entry = sn_tree_find(vfs, at, part.at, part.left);
        if (!entry && !last)
            return SN_WASI_NOENT;
        uint32_t node = vfs->entries[entry].node; /* of slot 0: 0 */
        uint8_t type = vfs->nodes[node].type;
        if (type == SN_FILETYPE_SYMBOLIC_LINK && !(last && wants_link_itself(follow, slash))) {
            e = push_link(&rest, &vfs->nodes[node], &followed);
            if (e)
                return e;
            continue;
        }
        if (entry && (!last || slash) && type != SN_FILETYPE_DIRECTORY)
            return SN_WASI_NOTDIR;
        if (last) {
            *out = (sn_lookup){at, node, entry, part.at, part.left, slash};
            return 0;
        }
        at = node;
    }
    *out = (sn_lookup){.node = at};
    return 0;
}
