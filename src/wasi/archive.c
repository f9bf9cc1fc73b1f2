/*
 * archive.c - lays a zip archive of stored members over the tree.
 *
 * Only the plain form is taken, the one that a build script writes: one disk, no zip64, no
 * encryption, no compression, members in the order of the directory that lists them. Every offset
 * and length is checked, and against another one where the format says it twice: members must
 * follow each other without overlapping and end before the directory.
 *
 * A member's local header repeats what the directory says of it. Where the space up to the next
 * member holds the header and the contents exactly, it can add nothing and is not read: the pages
 * of an archive of 20 MB would otherwise all be touched at each start, which takes longer than all
 * the rest. Where there is more space, the header must agree and tells where the contents begin.
 *
 * The checksums of the contents are not computed, for the same reason. Whoever maps the file checks
 * it as a whole, once.
 *
 * Names and contents are used where they lie; mounting copies nothing. Times in the archive are
 * ignored: all of it has the tree's one fixed time.
 */
#include "wasi/tree.h"

#include "util/error.h"

#include <string.h>

enum {
    END_BYTES = 22,
    END_COMMENT_MAX = 65535,
    CENTRAL_BYTES = 46,
    LOCAL_BYTES = 30,
    ZIP64_LOCATOR_BYTES = 20,

    END_SIGNATURE = 0x06054b50,
    CENTRAL_SIGNATURE = 0x02014b50,
    LOCAL_SIGNATURE = 0x04034b50,
    ZIP64_LOCATOR_SIGNATURE = 0x07064b50,

    FLAG_ENCRYPTED = 1 << 0,
    FLAG_SIZES_AFTER = 1 << 3, /* the local header has zeros for checksum and sizes */
    FLAG_PATCH = 1 << 5,
    FLAG_STRONG_ENCRYPTION = 1 << 6,
    FLAG_MASKED = 1 << 13,
    FLAGS_REFUSED = FLAG_ENCRYPTED | FLAG_PATCH | FLAG_STRONG_ENCRYPTION | FLAG_MASKED,

    HOST_UNIX = 3, /* the upper half of the attributes is then a mode */
    MODE_TYPE = 0170000,
    MODE_LINK = 0120000,

    PRINTED_MAX = 128,
};

/* One member as the directory lists it. */
struct member {
    const char *name;
    uint32_t name_bytes;
    uint32_t flags, method, crc, packed, bytes, offset, made_by, attributes;
    const uint8_t *data;
};

struct reader {
    sn_vfs *vfs;
    const uint8_t *zip;
    uint64_t directory, directory_end; /* offsets of the list of members */
    const char *folder;                /* path of the member before, up to its last '/' */
    size_t folder_bytes;
    uint32_t folder_node; /* 0: none yet */
    sn_error *err;
};

static uint32_t get16(const uint8_t *at) {
    return at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const uint8_t *at) {
    return get16(at) | get16(at + 2) << 16;
}

static int damaged(sn_error *err, const char *what) {
    sn_fail(err, SN_EUNAVAILABLE, "the archive is damaged: %s", what);
    sn_hint(err, "Build it again; it must be a zip file of stored members.");
    return SN_EUNAVAILABLE;
}

/* As damaged(), about one member. Its name may hold anything, so it is made printable. */
static int refuse(const struct reader *reader, const struct member *member, const char *what) {
    char name[PRINTED_MAX];
    size_t length = member->name_bytes < sizeof name ? member->name_bytes : sizeof name - 1;
    for (size_t i = 0; i < length; i++)
        name[i] = member->name[i] >= ' ' && member->name[i] <= '~' ? member->name[i] : '?';
    name[length] = '\0';
    sn_fail(reader->err, SN_EUNAVAILABLE, "the archive can't be used: \"%s\" %s", name, what);
    sn_hint(reader->err, "Build it again; it must be a zip file of stored members.");
    return SN_EUNAVAILABLE;
}

/* Finds the record at the end and with it the directory. */
static int find_directory(struct reader *reader, size_t bytes, uint32_t *count) {
    if (bytes < END_BYTES)
        return damaged(reader->err, "it is too short for a zip file");
    size_t at = bytes - END_BYTES;
    size_t last = at > END_COMMENT_MAX ? at - END_COMMENT_MAX : 0;
    while (get32(reader->zip + at) != END_SIGNATURE ||
           get16(reader->zip + at + 20) != bytes - END_BYTES - at) {
        if (at == last)
            return damaged(reader->err, "its end record is missing");
        at--;
    }
    const uint8_t *end = reader->zip + at;
    if (at >= ZIP64_LOCATOR_BYTES && get32(end - ZIP64_LOCATOR_BYTES) == ZIP64_LOCATOR_SIGNATURE)
        return damaged(reader->err, "it is in the zip64 form, which is not supported");
    if (get16(end + 4) != 0 || get16(end + 6) != 0 || get16(end + 8) != get16(end + 10))
        return damaged(reader->err, "it is one part of several");
    *count = get16(end + 10);
    uint64_t directory_bytes = get32(end + 12);
    reader->directory = get32(end + 16);
    reader->directory_end = reader->directory + directory_bytes;
    if (reader->directory_end != at)
        return damaged(reader->err, "its list of members is not where it says");
    if (*count > directory_bytes / CENTRAL_BYTES)
        return damaged(reader->err, "it lists fewer members than it counts");
    return 0;
}

/* Reads the list's next member and moves `*at` behind it. */
static int next_member(struct member *out, const struct reader *reader, uint64_t *at) {
    const uint8_t *header = reader->zip + *at;
    uint64_t left = reader->directory_end - *at;
    if (left < CENTRAL_BYTES || get32(header) != CENTRAL_SIGNATURE)
        return damaged(reader->err, "its list of members breaks off");
    *out = (struct member){
        .name = (const char *)header + CENTRAL_BYTES,
        .made_by = get16(header + 4) >> 8,
        .flags = get16(header + 8),
        .method = get16(header + 10),
        .crc = get32(header + 16),
        .packed = get32(header + 20),
        .bytes = get32(header + 24),
        .name_bytes = get16(header + 28),
        .attributes = get32(header + 38),
        .offset = get32(header + 42),
    };
    uint64_t whole =
        CENTRAL_BYTES + (uint64_t)out->name_bytes + get16(header + 30) + get16(header + 32);
    if (whole > left)
        return damaged(reader->err, "its list of members breaks off");
    *at += whole;
    return 0;
}

static int check_kind(const struct reader *reader, const struct member *member) {
    if (member->flags & FLAGS_REFUSED)
        return refuse(reader, member, "is encrypted or patched");
    if (member->method != 0 || member->packed != member->bytes)
        return refuse(reader, member, "is compressed: make the archive without compression");
    if (member->bytes == UINT32_MAX || member->offset == UINT32_MAX)
        return refuse(reader, member, "is in the zip64 form, which is not supported");
    if (member->made_by == HOST_UNIX && (member->attributes >> 16 & MODE_TYPE) == MODE_LINK)
        return refuse(reader, member, "is a symbolic link");
    if (member->name_bytes == 0 || member->name_bytes > SN_PATH_MAX_BYTES)
        return refuse(reader, member, "has a name of a bad length");
    if (member->name[0] == '/')
        return refuse(reader, member, "is an absolute path");
    return 0;
}

/* Compares the local header with the list; finds the member's bytes, which end before `limit`. */
static int check_local(const struct reader *reader, struct member *member, uint64_t limit) {
    const uint8_t *header = reader->zip + member->offset;
    uint64_t data = member->offset + LOCAL_BYTES + get16(header + 26) + get16(header + 28);
    bool sizes_after = member->flags & FLAG_SIZES_AFTER;
    if (get32(header) != LOCAL_SIGNATURE || get16(header + 6) != member->flags ||
        get16(header + 8) != member->method || get16(header + 26) != member->name_bytes ||
        memcmp(header + LOCAL_BYTES, member->name, member->name_bytes) != 0 ||
        (!sizes_after &&
         (get32(header + 14) != member->crc || get32(header + 18) != member->packed ||
          get32(header + 22) != member->bytes)))
        return refuse(reader, member, "is described in two ways");
    if (data + member->bytes > limit)
        return refuse(reader, member, "runs into what follows it");
    member->data = reader->zip + data;
    return 0;
}

/* Finds the member's bytes. `limit` is where the next member begins, or the list. */
static int find_data(const struct reader *reader, struct member *member, uint64_t limit) {
    uint64_t header = (uint64_t)LOCAL_BYTES + member->name_bytes;
    if (limit > reader->directory)
        limit = reader->directory; /* the next one will be refused */
    if (member->offset + header + member->bytes > limit)
        return refuse(reader, member, "overlaps what follows it, or is out of order");
    if (member->offset + header + member->bytes < limit)
        return check_local(reader, member, limit);
    member->data = reader->zip + member->offset + header;
    return 0;
}

/* The folder that the member lies in. Archives list a folder's members together, so the one before
 * is asked first. */
static int find_folder(struct reader *reader, const struct member *member, uint32_t *dir,
                       const char **name, size_t *name_bytes) {
    size_t length = member->name_bytes;
    if (member->name[length - 1] == '/')
        length--;
    const char *slash = memrchr(member->name, '/', length);
    size_t folder = slash ? (size_t)(slash - member->name) : 0;
    if (reader->folder_node && folder == reader->folder_bytes &&
        memcmp(reader->folder, member->name, folder) == 0) {
        *dir = reader->folder_node;
        *name = slash ? slash + 1 : member->name;
        *name_bytes = length - (size_t)(*name - member->name);
        return sn_tree_is_name(*name, *name_bytes) ? 0 : SN_WASI_INVAL;
    }
    int e = sn_tree_prepare(dir, name, name_bytes, reader->vfs, member->name, length, true);
    if (e)
        return e;
    reader->folder = member->name;
    reader->folder_bytes = folder;
    reader->folder_node = *dir;
    return 0;
}

static int add_member(struct reader *reader, const struct member *member) {
    sn_vfs *vfs = reader->vfs;
    bool is_folder = member->name[member->name_bytes - 1] == '/';
    if (is_folder && member->bytes)
        return refuse(reader, member, "is a folder with contents");
    uint32_t dir, node;
    const char *name;
    size_t name_bytes;
    int e = find_folder(reader, member, &dir, &name, &name_bytes);
    if (e == SN_WASI_NOTDIR)
        return refuse(reader, member, "lies below a file");
    if (e == SN_WASI_INVAL)
        return refuse(reader, member, "climbs, or has a component that is no name");
    uint32_t there = e ? 0 : sn_tree_find(vfs, dir, name, name_bytes);
    if (there) {
        if (is_folder && vfs->nodes[vfs->entries[there].node].type == SN_FILETYPE_DIRECTORY)
            return 0; /* made for a member inside it */
        return refuse(reader, member, "is there twice");
    }
    uint8_t type = is_folder ? SN_FILETYPE_DIRECTORY : SN_FILETYPE_REGULAR_FILE;
    if (!e)
        e = sn_tree_new_node(&node, vfs, type, 0, SN_TREE_EPOCH_NS);
    if (!e) {
        if (!is_folder) {
            vfs->nodes[node].file.data = (uint8_t *)member->data; /* never written to */
            vfs->nodes[node].file.bytes = member->bytes;
        }
        e = sn_tree_add(vfs, dir, name, name_bytes, node, false);
        if (e)
            sn_tree_release(vfs, node);
    }
    return e ? sn_fail(reader->err, SN_ERESOURCE_EXHAUSTED, "no memory for the archive's members")
             : 0;
}

int sn_vfs_mount_archive(sn_vfs *vfs, const void *zip, size_t bytes, sn_error *err) {
    struct reader reader = {.vfs = vfs, .zip = zip, .err = err};
    uint32_t count;
    int e = find_directory(&reader, bytes, &count);
    if (e)
        return e;
    if (sn_tree_reserve(vfs, count))
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the archive's members");
    uint64_t at = reader.directory;
    struct member member = {0}, next;
    for (uint32_t i = 0; i <= count; i++, member = next) {
        next = (struct member){.offset = (uint32_t)reader.directory};
        if (i < count)
            e = next_member(&next, &reader, &at);
        if (!e && i < count)
            e = check_kind(&reader, &next);
        if (!e && i > 0)
            e = find_data(&reader, &member, next.offset);
        if (!e && i > 0)
            e = add_member(&reader, &member);
        if (e)
            return e;
    }
    if (at != reader.directory_end)
        return damaged(err, "it lists more members than it counts");
    return 0;
}
