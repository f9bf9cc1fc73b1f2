/*
 * wasi_libc.c - a guest: an ordinary C program over wasi-libc that asks WASI for what programs use,
 * and prints TAP. Its argument is a folder that it may write to; without one, the tests that write
 * are skipped. It cleans up what it makes.
 *
 *     clang-19 --target=wasm32-wasi -O1 -o wasi_libc.wasm tests/guest/wasi_libc.c
 *
 * A check that holds on one implementation of WASI only does not belong here: this file runs the
 * same under others, which is how it is known to be right.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static unsigned tests, failures;
static const char *current;
static bool good;
static char folder[256];

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            printf("# %s:%d: not so: %s (errno %d, %s)\n", current, __LINE__, #condition, errno,   \
                   strerror(errno));                                                               \
            good = false;                                                                          \
            return;                                                                                \
        }                                                                                          \
    } while (0)
#define CHECK_FAILS(call, expected)                                                                \
    do {                                                                                           \
        errno = 0;                                                                                 \
        CHECK((call) == -1 && errno == (expected));                                                \
    } while (0)

/* The path of `name` in the folder. Good for eight calls. */
static const char *in(const char *name) {
    static char paths[8][512];
    static unsigned turn;
    char *path = paths[turn++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

static bool put(const char *name, const char *content) {
    int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return false;
    bool done = write(fd, content, strlen(content)) == (ssize_t)strlen(content);
    return close(fd) == 0 && done;
}

static bool holds(const char *name, const char *content) {
    char data[256];
    int fd = open(in(name), O_RDONLY);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, data, sizeof data);
    close(fd);
    return n == (ssize_t)strlen(content) && memcmp(data, content, (size_t)n) == 0;
}

/* ---- anywhere ---- */

static void streams(void) {
    struct stat st;
    CHECK(!isatty(1));
    CHECK(fstat(0, &st) == 0);
    CHECK(fstat(1, &st) == 0 && fstat(2, &st) == 0);
    CHECK(write(1, "", 0) == 0);
    CHECK(write(1, "# written", 9) == 9);
    struct iovec pieces[] = {{" in", 3}, {"", 0}, {" pieces\n", 8}};
    CHECK(writev(1, pieces, 3) == 11);
    CHECK_FAILS(write(77, "x", 1), EBADF);
    CHECK_FAILS(close(77), EBADF);
}

static void clocks(void) {
    struct timespec a, b, resolution;
    CHECK(clock_gettime(CLOCK_REALTIME, &a) == 0);
    CHECK(a.tv_sec > 1600000000);
    CHECK(clock_getres(CLOCK_MONOTONIC, &resolution) == 0);
    CHECK(resolution.tv_sec > 0 || resolution.tv_nsec > 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
    struct timespec nap = {0, 20000000};
    CHECK(nanosleep(&nap, NULL) == 0);
    CHECK(clock_gettime(CLOCK_MONOTONIC, &b) == 0);
    long long passed = (b.tv_sec - a.tv_sec) * 1000000000ll + b.tv_nsec - a.tv_nsec;
    CHECK(passed >= 20000000);
    CHECK(sched_yield() == 0);
}

static void polling(void) {
    struct pollfd out = {.fd = 1, .events = POLLOUT};
    CHECK(poll(&out, 1, 1000) == 1);
    CHECK(out.revents & POLLOUT);
    CHECK(poll(NULL, 0, 5) == 0 || errno == ENOTSUP);
}

static void randomness(void) {
    unsigned char a[256] = {0}, b[256] = {0};
    CHECK(getentropy(a, sizeof a) == 0);
    CHECK(getentropy(b, sizeof b) == 0);
    CHECK(memcmp(a, b, sizeof a) != 0);
}

static void root(void) {
    struct stat st;
    CHECK(stat("/", &st) == 0);
    CHECK(S_ISDIR(st.st_mode));
    CHECK_FAILS(open("/no/such/file", O_RDONLY), ENOENT);
    CHECK(open("/../etc/passwd", O_RDONLY) == -1);
    DIR *dir = opendir("/");
    CHECK(dir);
    while (readdir(dir)) {
    }
    CHECK(closedir(dir) == 0);
    int fd = open("/", O_RDONLY | O_DIRECTORY);
    char data[4];
    CHECK(fd >= 0);
    CHECK(read(fd, data, sizeof data) == -1);
    CHECK(close(fd) == 0);
}

/* ---- in the folder ---- */

static void writing(void) {
    char data[32];
    struct stat st;
    int fd = open(in("file"), O_RDWR | O_CREAT | O_EXCL, 0666);
    CHECK(fd >= 0);
    CHECK(write(fd, "0123456789", 10) == 10);
    CHECK(lseek(fd, 0, SEEK_CUR) == 10);
    CHECK(lseek(fd, -4, SEEK_END) == 6);
    CHECK(read(fd, data, sizeof data) == 4 && !memcmp(data, "6789", 4));
    CHECK(read(fd, data, sizeof data) == 0);
    CHECK(pread(fd, data, 3, 2) == 3 && !memcmp(data, "234", 3));
    CHECK(pwrite(fd, "xy", 2, 4) == 2);
    CHECK(lseek(fd, 0, SEEK_CUR) == 10);
    CHECK_FAILS(lseek(fd, -1, SEEK_SET), EINVAL);
    CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 10 && st.st_nlink == 1);
    CHECK(fsync(fd) == 0 && fdatasync(fd) == 0);
    CHECK(close(fd) == 0);
    CHECK(holds("file", "0123xy6789"));
    CHECK_FAILS(open(in("file"), O_WRONLY | O_CREAT | O_EXCL, 0666), EEXIST);
    CHECK_FAILS(open(in("file/x"), O_RDONLY), ENOTDIR);
    CHECK(unlink(in("file")) == 0);
    CHECK_FAILS(open(in("file"), O_RDONLY), ENOENT);
}

static void reading_only(void) {
    char c;
    CHECK(put("file", "x"));
    int fd = open(in("file"), O_RDONLY);
    CHECK(fd >= 0);
    CHECK_FAILS(write(fd, "y", 1), EBADF);
    CHECK(close(fd) == 0);
    fd = open(in("file"), O_WRONLY);
    CHECK(fd >= 0);
    CHECK_FAILS(read(fd, &c, 1), EBADF);
    CHECK(close(fd) == 0);
    CHECK(unlink(in("file")) == 0);
}

static void appending(void) {
    CHECK(put("file", "start"));
    int fd = open(in("file"), O_WRONLY | O_APPEND);
    CHECK(fd >= 0);
    CHECK(fcntl(fd, F_GETFL) & O_APPEND);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    CHECK(write(fd, "+end", 4) == 4);
    CHECK(close(fd) == 0);
    CHECK(holds("file", "start+end"));
    CHECK(unlink(in("file")) == 0);
}

static void truncating(void) {
    struct stat st;
    char data[16];
    CHECK(put("file", "0123456789"));
    int fd = open(in("file"), O_RDWR);
    CHECK(fd >= 0);
    CHECK(ftruncate(fd, 3) == 0);
    CHECK(ftruncate(fd, 6) == 0);
    CHECK(read(fd, data, sizeof data) == 6 && !memcmp(data, "012\0\0\0", 6));
    CHECK(lseek(fd, 8, SEEK_SET) == 8);
    CHECK(write(fd, "e", 1) == 1);
    CHECK(fstat(fd, &st) == 0 && st.st_size == 9);
    CHECK(close(fd) == 0);
    CHECK(put("file", ""));
    CHECK(stat(in("file"), &st) == 0 && st.st_size == 0);
    CHECK(unlink(in("file")) == 0);
}

static void folders(void) {
    struct stat st;
    CHECK(mkdir(in("dir"), 0777) == 0);
    CHECK_FAILS(mkdir(in("dir"), 0777), EEXIST);
    CHECK_FAILS(mkdir(in("none/dir"), 0777), ENOENT);
    CHECK(stat(in("dir"), &st) == 0 && S_ISDIR(st.st_mode));
    CHECK(put("dir/file", "x"));
    CHECK_FAILS(rmdir(in("dir")), ENOTEMPTY);
    CHECK_FAILS(unlink(in("dir")), EISDIR);
    CHECK_FAILS(rmdir(in("dir/file")), ENOTDIR);
    CHECK(holds("dir/../dir/./file", "x"));
    CHECK(unlink(in("dir/file")) == 0);
    CHECK(rmdir(in("dir")) == 0);
    CHECK_FAILS(stat(in("dir"), &st), ENOENT);
}

static void listing(void) {
    enum { FILES = 300 };
    char name[64];
    bool seen[FILES] = {false};
    CHECK(mkdir(in("dir"), 0777) == 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "dir/a file with a rather long name, number %d", i);
        CHECK(put(name, ""));
    }
    DIR *dir = opendir(in("dir"));
    CHECK(dir);
    struct dirent *entry;
    unsigned count = 0;
    while ((entry = readdir(dir))) {
        int i;
        const char *last = strrchr(entry->d_name, ' ');
        if (!last)
            continue;
        i = atoi(last + 1);
        CHECK(i >= 0 && i < FILES && !seen[i] && entry->d_type == DT_REG);
        seen[i] = true;
        count++;
    }
    CHECK(count == FILES);
    rewinddir(dir);
    CHECK(readdir(dir));
    CHECK(closedir(dir) == 0);
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "dir/a file with a rather long name, number %d", i);
        CHECK(unlink(in(name)) == 0);
    }
    CHECK(rmdir(in("dir")) == 0);
}

static void renaming(void) {
    struct stat a, b;
    CHECK(put("a", "A") && put("b", "B"));
    CHECK(stat(in("a"), &a) == 0);
    CHECK(rename(in("a"), in("b")) == 0);
    CHECK(holds("b", "A"));
    CHECK(stat(in("b"), &b) == 0 && a.st_ino == b.st_ino && a.st_dev == b.st_dev);
    CHECK_FAILS(rename(in("a"), in("c")), ENOENT);
    CHECK(mkdir(in("dir"), 0777) == 0 && mkdir(in("full"), 0777) == 0 && put("full/x", ""));
    CHECK_FAILS(rename(in("b"), in("dir")), EISDIR);
    CHECK_FAILS(rename(in("dir"), in("b")), ENOTDIR);
    CHECK_FAILS(rename(in("dir"), in("full")), ENOTEMPTY);
    CHECK_FAILS(rename(in("dir"), in("dir/inside")), EINVAL);
    CHECK(rename(in("full"), in("dir")) == 0);
    CHECK(holds("dir/x", ""));
    CHECK(unlink(in("dir/x")) == 0 && rmdir(in("dir")) == 0 && unlink(in("b")) == 0);
}

static void hard_links(void) {
    struct stat st;
    CHECK(put("a", "shared"));
    CHECK(link(in("a"), in("b")) == 0);
    CHECK(stat(in("a"), &st) == 0 && st.st_nlink == 2);
    CHECK_FAILS(link(in("a"), in("b")), EEXIST);
    CHECK(unlink(in("a")) == 0);
    CHECK(holds("b", "shared"));
    CHECK(unlink(in("b")) == 0);
}

static void symbolic_links(void) {
    char target[64];
    struct stat st;
    CHECK(put("file", "content"));
    CHECK(symlink("file", in("link")) == 0);
    CHECK(holds("link", "content"));
    CHECK(readlink(in("link"), target, sizeof target) == 4 && !memcmp(target, "file", 4));
    CHECK(lstat(in("link"), &st) == 0 && S_ISLNK(st.st_mode));
    CHECK(stat(in("link"), &st) == 0 && S_ISREG(st.st_mode));
    CHECK_FAILS(readlink(in("file"), target, sizeof target), EINVAL);
    CHECK(unlink(in("link")) == 0);
    CHECK(symlink("loop", in("loop")) == 0);
    CHECK_FAILS(stat(in("loop"), &st), ELOOP);
    CHECK(unlink(in("loop")) == 0 && unlink(in("file")) == 0);
}

static void unlinking_open_files(void) {
    char data[8];
    CHECK(put("file", "kept"));
    int fd = open(in("file"), O_RDONLY);
    CHECK(fd >= 0);
    CHECK(unlink(in("file")) == 0);
    CHECK(put("file", "new"));
    CHECK(read(fd, data, sizeof data) == 4 && !memcmp(data, "kept", 4));
    CHECK(close(fd) == 0);
    CHECK(unlink(in("file")) == 0);
}

static void times(void) {
    struct stat st;
    CHECK(put("file", ""));
    struct timespec when[] = {{1000, 0}, {2000, 0}};
    CHECK(utimensat(AT_FDCWD, in("file"), when, 0) == 0);
    CHECK(stat(in("file"), &st) == 0);
    CHECK(st.st_atim.tv_sec == 1000 && st.st_mtim.tv_sec == 2000);
    CHECK(utimensat(AT_FDCWD, in("file"), NULL, 0) == 0);
    CHECK(stat(in("file"), &st) == 0 && st.st_mtim.tv_sec != 2000);
    CHECK(unlink(in("file")) == 0);
}

static void names(void) {
    char long_name[300];
    struct stat st;
    memset(long_name, 'n', sizeof long_name);
    long_name[256] = '\0';
    CHECK_FAILS(open(in(long_name), O_WRONLY | O_CREAT, 0666), ENAMETOOLONG);
    long_name[255] = '\0';
    CHECK(put(long_name, "x"));
    CHECK(unlink(in(long_name)) == 0);
    CHECK(put("\xc3\xa4\xe2\x82\xac", "umlaut and euro"));
    CHECK(holds("\xc3\xa4\xe2\x82\xac", "umlaut and euro"));
    CHECK(unlink(in("\xc3\xa4\xe2\x82\xac")) == 0);
    CHECK(put("file", ""));
    CHECK(stat(in("file/"), &st) == -1 && (errno == ENOTDIR || errno == ENOENT));
    CHECK(unlink(in("file")) == 0);
}

static void standard_io(void) {
    char line[64];
    FILE *file = fopen(in("file"), "w+");
    CHECK(file);
    for (int i = 0; i < 1000; i++)
        fprintf(file, "line %d\n", i);
    CHECK(fseek(file, 0, SEEK_SET) == 0);
    for (int i = 0; i < 1000; i++) {
        char expected[64];
        snprintf(expected, sizeof expected, "line %d\n", i);
        CHECK(fgets(line, sizeof line, file) && !strcmp(line, expected));
    }
    CHECK(!fgets(line, sizeof line, file) && feof(file));
    CHECK(fclose(file) == 0);
    CHECK(remove(in("file")) == 0);
}

static const struct test {
    const char *name;
    void (*run)(void);
    bool writes;
} all[] = {
    {"streams", streams, false},
    {"clocks", clocks, false},
    {"polling", polling, false},
    {"randomness", randomness, false},
    {"root", root, false},
    {"writing", writing, true},
    {"reading_only", reading_only, true},
    {"appending", appending, true},
    {"truncating", truncating, true},
    {"folders", folders, true},
    {"listing", listing, true},
    {"renaming", renaming, true},
    {"hard_links", hard_links, true},
    {"symbolic_links", symbolic_links, true},
    {"unlinking_open_files", unlinking_open_files, true},
    {"times", times, true},
    {"names", names, true},
    {"standard_io", standard_io, true},
};

int main(int argc, char **argv) {
    if (argc > 1)
        snprintf(folder, sizeof folder, "%s", argv[1]);
    printf("1..%zu\n", sizeof all / sizeof all[0]);
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        const char *note = "";
        current = all[i].name;
        good = true;
        fflush(stdout);
        if (all[i].writes && argc < 2)
            note = " # SKIP no folder to write to was given";
        else
            all[i].run();
        failures += !good;
        printf("%s %u - %s%s\n", good ? "ok" : "not ok", ++tests, current, note);
    }
    return failures ? 1 : 0;
}
