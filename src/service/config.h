/*
 * config.h - a service's settings: from where it was started, checked at once, before it serves.
 *
 *     static const sn_setting settings[] = {
 *         {.name = "SHANNON_HTTP_ADDR", .type = SN_SETTING_ADDRESS, .usual = "127.0.0.1:8000",
 *          .help = "Where HTTP is served."},
 *         {.name = "SHANNON_API_TOKEN", .type = SN_SETTING_STRING, .secret = true,
 *          .help = "What callers have to show."},
 *     };
 *     sn_config_options options = {settings, SN_COUNT(settings), .file = file};
 *     if (sn_config_open(&config, &problems, &options, &err) < 0)
 *         ... problems.data has a line for each thing that is wrong ...
 *     const sn_address *http = sn_config_address(config, "SHANNON_HTTP_ADDR");
 *
 * A setting's value is the first of: an override (the command line), the environment, the file, the
 * default. An empty value counts as none, wherever it stands. Every value that is given is checked,
 * also one that a stronger one replaces: it will be in force on another day.
 *
 * The file is a part of what systemd's EnvironmentFile= takes, so that one file serves both. What
 * is accepted means the same to systemd; anything else is an error, never skipped:
 *
 *   - lines end with LF or CR LF; UTF-8 without control characters other than the tab
 *   - blank lines, and comments: lines whose first character is # or ; (and whose last is no \)
 *   - KEY=VALUE, blanks around either do not count; KEY is letters, digits and _
 *   - VALUE as it is: up to the line's end, # included, without \ and not beginning with a quote
 *   - 'VALUE': all but ' stands for itself
 *   - "VALUE": \" \\ \$ \` stand for the second character; there is no other \
 *   - nothing after the closing quote; no value goes on in the next line; no key is given twice
 *
 * Services that share a file share a table: a key that this one does not know is an error.
 *
 * Threads: a config never changes once it is open. Reading blocks on the disk. Like sn_format(),
 * this aborts where there is no memory for a few texts.
 */
#ifndef SN_SERVICE_CONFIG_H
#define SN_SERVICE_CONFIG_H

#include "shannon.h"
#include "util/buffer.h"

enum {
    SN_CONFIG_FILE_MAX_BYTES = 64 << 10,
    SN_CONFIG_LINE_MAX_BYTES = 10000, /* the longest value, each character of it escaped */
    SN_CONFIG_VALUE_MAX_BYTES = 4096,
    SN_CONFIG_PROBLEMS_MAX = 100, /* told; those after are counted */
};

enum sn_setting_type {
    SN_SETTING_STRING,  /* text without control characters, `least` to `most` bytes */
    SN_SETTING_NUMBER,  /* a decimal integer from `least` to `most` */
    SN_SETTING_SECONDS, /* a decimal number from `least` to `most`, fractions allowed */
    SN_SETTING_BOOLEAN, /* true, yes, on, 1 or false, no, off, 0 */
    SN_SETTING_ADDRESS, /* HOST:PORT with the port from `least` to `most`; nothing is resolved */
    SN_SETTING_PATH,    /* a file or folder that this process may read now */
    SN_SETTING_CHOICE,  /* one of `choices` */
};

typedef struct sn_setting {
    const char *name; /* the environment variable; what the setting is known by here */
    const char *key;  /* its key in the file; NULL: its name, which systemd needs to see */
    enum sn_setting_type type;
    const char *usual; /* the default, as one would write it; NULL: not set */
    uint64_t least;
    uint64_t most;              /* 0: as much as the type has */
    const char *const *choices; /* NULL after the last */
    bool secret;                /* neither printed nor told in what is wrong */
    const char *help;           /* a line */
} sn_setting;

/* What the command line says. */
typedef struct sn_override {
    const char *name;   /* the setting's */
    const char *option; /* what the caller calls it: "--http" */
    const char *value;  /* NULL: not given */
} sn_override;

typedef struct sn_config_options {
    const sn_setting *settings; /* the caller's; live as long as the config */
    size_t settings_count;
    const char *file; /* NULL: what SHANNON_CONFIG names, if it is set */
    const sn_override *overrides;
    size_t overrides_count;
} sn_config_options;

typedef struct sn_address {
    char host[254]; /* a name, or an address without brackets */
    uint16_t port;
} sn_address;

typedef struct sn_config sn_config;

/*
 * Reads and checks everything. `problems` gets a line for each thing that is wrong: where it stands
 * (FILE:LINE, "environment", the option), the key, what is wrong, what is allowed. It may be NULL;
 * the error tells the first and how many there are. SN_EINVALID_ARGUMENT: something is wrong;
 * SN_ERESOURCE_EXHAUSTED: no memory. A table that contradicts itself is a fault of the program
 * (assert).
 */
SN_WARN_UNUSED int sn_config_open(sn_config **out, sn_buffer *problems,
                                  const sn_config_options *options, sn_error *err);
void sn_config_close(sn_config *config); /* wipes secrets; NULL is allowed */

/*
 * Values by the setting's name; another type or an unknown name is a fault of the program. Not set
 * and without a default: NULL, 0, false. Texts live as long as the config.
 */
bool sn_config_is_set(const sn_config *config, const char *name);
const char *sn_config_string(const sn_config *config, const char *name); /* of any type, as given */
uint64_t sn_config_number(const sn_config *config, const char *name);
double sn_config_seconds(const sn_config *config, const char *name);
bool sn_config_boolean(const sn_config *config, const char *name);
const sn_address *sn_config_address(const sn_config *config, const char *name);
size_t sn_config_choice(const sn_config *config, const char *name); /* its place in `choices` */

/* Adds what is in force, as a file that this would read, with where each value comes from. Secrets
 * are commented out and read ***. SN_ERESOURCE_EXHAUSTED: no memory, or the buffer is full. */
SN_WARN_UNUSED int sn_config_print(sn_buffer *out, const sn_config *config, sn_error *err);

/* Adds the table as help. Errors as sn_config_print(). */
SN_WARN_UNUSED int sn_config_help(sn_buffer *out, const sn_setting *settings, size_t count,
                                  sn_error *err);

#endif
