/*
 * replay.c - the main of a fuzz target without a fuzzer: runs LLVMFuzzerTestOneInput over the files
 * given, and over the files in the folders given, so that a corpus is an ordinary test (TAP). A
 * target that finds a fault aborts.
 *
 *     archive_replay fuzz/corpus/archive crash-1234
 *
 * Linked with any target; the same sources make the fuzzer itself when they are compiled without
 * this file by clang -fsanitize=fuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ran;

static void run(const char *name, const uint8_t *data, size_t size) {
    printf("# %s\n", name);
    fflush(stdout); /* the last line names the input if it aborts */
    LLVMFuzzerTestOneInput(data, size);
    printf("ok %u - %s\n", ++ran, name);
}

static int run_file(const char *path) {
    FILE *file = fopen(path, "rbe");
    char *data = NULL;
    size_t size = 0;
    FILE *copy = open_memstream(&data, &size);
    if (!file || !copy) {
        perror(path);
        exit(1);
    }
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0)
        fwrite(chunk, 1, n, copy);
    int failed = ferror(file);
    fclose(file);
    fclose(copy);
    /* A block of exactly the size, so that a sanitizer sees a read beyond it. */
    uint8_t *exact = malloc(size ? size : 1);
    if (!exact)
        abort();
    memcpy(exact, data, size);
    if (!failed)
        run(path, exact, size);
    free(exact);
    free(data);
    return failed;
}

static int run_path(const char *path) {
    struct stat st;
    if (stat(path, &st)) {
        perror(path);
        return 1;
    }
    if (!S_ISDIR(st.st_mode))
        return run_file(path);
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    if (count < 0) {
        perror(path);
        return 1;
    }
    int failed = 0;
    for (int i = 0; i < count; i++) {
        char *inner;
        if (entries[i]->d_name[0] != '.') {
            if (asprintf(&inner, "%s/%s", path, entries[i]->d_name) < 0)
                abort();
            failed |= run_path(inner);
            free(inner);
        }
        free(entries[i]);
    }
    free(entries);
    return failed;
}

int main(int argc, char **argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: %s FILE|FOLDER...\n", argv[0]);
        return 2;
    }
    int failed = 0;
    for (int i = 1; i < argc; i++)
        failed |= run_path(argv[i]);
    run("no input", (const uint8_t *)"", 0);
    if (ran == 1) {
        fprintf(stderr, "no file was found in what was given\n");
        failed = 1;
    }
    printf("1..%u\n", ran);
    return failed;
}
