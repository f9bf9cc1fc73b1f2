/*
 * config_fuzz.c - reads what it is given as a configuration file. What is taken is within its
 * bounds, and the same again when it is printed and read; what is not taken has a reason told, in
 * lines of text.
 */
#include "service/config.h"
#include "util/auto.h"
#include "util/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {"red", "green", NULL};
static const sn_setting settings[] = {
    {.name = "FUZZ_TEXT", .key = "text", .type = SN_SETTING_STRING, .most = 100, .help = ""},
    {.name = "FUZZ_NUMBER", .key = "number", .type = SN_SETTING_NUMBER, .most = 99, .help = ""},
    {.name = "FUZZ_WAIT", .key = "wait", .type = SN_SETTING_SECONDS, .most = 60, .help = ""},
    {.name = "FUZZ_FLAG", .key = "flag", .type = SN_SETTING_BOOLEAN, .help = ""},
    {.name = "FUZZ_ADDR", .key = "addr", .type = SN_SETTING_ADDRESS, .least = 1, .help = ""},
    {.name = "FUZZ_PATH", .key = "path", .type = SN_SETTING_PATH, .help = ""},
    {.name = "FUZZ_WORD", .key = "word", .type = SN_SETTING_CHOICE, .choices = words, .help = ""},
    {.name = "FUZZ_TOKEN", .key = "token", .type = SN_SETTING_STRING, .secret = true, .help = ""},
};

static void require(bool condition) {
    if (!condition)
        abort();
}

/* NULL: refused. */
static sn_config *read_bytes(const void *data, size_t size) {
    char path[64];
    sn_config *config = NULL;
    sn_buffer problems = {0};
    sn_error err = SN_ERROR_INIT;
    sn_auto_fd int file = memfd_create("config", MFD_CLOEXEC);
    require(file >= 0 && write(file, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    sn_config_options options = {settings, SN_COUNT(settings), .file = path};
    int rc = sn_config_open(&config, &problems, &options, &err);
    require((rc == 0) == (problems.bytes == 0) && (rc == 0) == (config != NULL));
    require(rc == 0 || (rc == SN_EINVALID_ARGUMENT && err.message[0]));
    if (rc < 0) {
        require(problems.data[problems.bytes - 1] == '\n');
        require(sn_utf8_valid_prefix(problems.data, problems.bytes) == problems.bytes);
        for (size_t i = 0; i < problems.bytes; i++)
            require(problems.data[i] < 0 || problems.data[i] >= ' ' || problems.data[i] == '\n');
    }
    sn_buffer_free(&problems);
    return config;
}

static void check(const sn_config *config) {
    const char *text = sn_config_string(config, "FUZZ_TEXT");
    const sn_address *address = sn_config_address(config, "FUZZ_ADDR");
    double wait = sn_config_seconds(config, "FUZZ_WAIT");
    require(!text || (strlen(text) > 0 && strlen(text) <= 100));
    require(sn_config_number(config, "FUZZ_NUMBER") <= 99);
    require(wait >= 0 && wait <= 60);
    require(!address || (address->host[0] && address->port > 0));
    require(sn_config_choice(config, "FUZZ_WORD") < 2);
}

static void check_same(const sn_config *a, const sn_config *b) {
    for (size_t i = 0; i < SN_COUNT(settings); i++) {
        const char *one = sn_config_string(a, settings[i].name);
        const char *two = sn_config_string(b, settings[i].name);
        if (settings[i].secret)
            require(two == NULL);
        else
            require(one ? two && strcmp(one, two) == 0 : two == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    sn_config *config = read_bytes(data, size);
    if (!config)
        return 0;
    sn_buffer printed = {0};
    check(config);
    require(sn_config_print(&printed, config, NULL) == 0);
    sn_config *again = read_bytes(printed.data, printed.bytes);
    require(again != NULL);
    check_same(config, again);
    sn_config_close(again);
    sn_config_close(config);
    sn_buffer_free(&printed);
    return 0;
}
