/*
 * config.c - see config.h. The sources are gone through from the weakest to the strongest, and what
 * is wrong is noted and not returned, so that one look tells all of it.
 */
#include "service/config.h"

#include "service/config_file.h"
#include "service/config_value.h"
#include "service/nearest.h"
#include "util/auto.h"
#include "util/error.h"
#include "util/io.h"
#include "util/utf8.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROBLEM_MAX_BYTES = 2048 };

/* What is in force of one setting. */
typedef struct held {
    sn_value value;
    char *text;    /* NULL: not set */
    char *where;   /* the value comes from */
    unsigned line; /* that gives it in the file; 0: none does */
} held;

struct sn_config {
    const sn_setting *settings;
    size_t count;
    held *slots;
};

/* What goes on while it is opened. */
typedef struct reading {
    sn_config *config;
    const char *file;
    sn_buffer *problems; /* or NULL */
    size_t problems_count;
    char first[PROBLEM_MAX_BYTES];
} reading;

/* ---- what is wrong ---- */

static void complain(reading *r, const char *fmt, ...) SN_PRINTF(2, 3);

static void complain(reading *r, const char *fmt, ...) {
    char line[PROBLEM_MAX_BYTES];
    va_list ap;
    va_start(ap, fmt);
    int bytes = vsnprintf(line, sizeof line - 1, fmt, ap);
    va_end(ap);
    if (r->problems_count++ == 0)
        snprintf(r->first, sizeof r->first, "%s", line);
    if (!r->problems || r->problems_count > SN_CONFIG_PROBLEMS_MAX || bytes < 0)
        return;
    strcat(line, "\n");
    (void)!sn_buffer_add(r->problems, line, strlen(line)); /* the error still counts it */
}

static int conclude(const reading *r, sn_error *err) {
    if (r->problems_count == 0)
        return 0;
    if (r->problems && r->problems_count > SN_CONFIG_PROBLEMS_MAX) {
        sn_auto_free char *more =
            sn_format("and %zu more\n", r->problems_count - SN_CONFIG_PROBLEMS_MAX);
        (void)!sn_buffer_add(r->problems, more, strlen(more));
    }
    if (r->problems_count == 1)
        sn_fail(err, SN_EINVALID_ARGUMENT, "%s", r->first);
    else
        sn_fail(err, SN_EINVALID_ARGUMENT, "%s (and %zu more)", r->first, r->problems_count - 1);
    return sn_hint(err, "correct the configuration; an empty value is the default");
}

/* The value as far as it may be shown: short, one line, UTF-8. To be freed. */
static char *shown(const sn_setting *s, const char *text) {
    enum { MOST = 80 };
    size_t whole = strlen(text), bytes;
    if (s->secret)
        return sn_format("the value (not shown)");
    sn_auto_free char *repaired =
        sn_utf8_repair(text, whole < MOST ? whole : MOST, whole > MOST, &bytes);
    for (char *at = repaired; at && *at; at++)
        if ((*at > 0 && *at < ' ') || *at == 0x7F)
            *at = '?';
    return sn_format("'%s%s'", repaired ? repaired : "", whole > MOST ? "..." : "");
}

/* ---- sources ---- */

static const char *key_of(const sn_setting *s) {
    return s->key ? s->key : s->name;
}

static void clear_slot(held *slot, bool secret) {
    if (slot->text && secret)
        explicit_bzero(slot->text, strlen(slot->text));
    free(slot->text);
    free(slot->where);
    slot->text = slot->where = NULL;
}

/* `called` is what the setting is called where the value comes from. */
static void take(reading *r, size_t i, const char *where, const char *called, const char *text) {
    const sn_setting *s = &r->config->settings[i];
    held *slot = &r->config->slots[i];
    char why[SN_WHY_MAX_BYTES];
    sn_value value;
    if (!text || !*text)
        return;
    if (!sn_value_parse(&value, why, s, text)) {
        sn_auto_free char *as = shown(s, text);
        complain(r, "%s: %s: %s %s", where, called, as, why);
        return;
    }
    clear_slot(slot, s->secret);
    slot->value = value;
    slot->text = sn_format("%s", text);
    slot->where = sn_format("%s", where);
}

static void take_defaults(reading *r) {
    for (size_t i = 0; i < r->config->count; i++) {
        const sn_setting *s = &r->config->settings[i];
        size_t before = r->problems_count;
        assert(s->name && s->help && (s->type != SN_SETTING_CHOICE || s->choices));
        take(r, i, "default", s->name, s->usual);
        assert(r->problems_count == before || s->type == SN_SETTING_PATH);
        (void)before;
    }
}

static void complain_unknown(reading *r, unsigned line, const char *key) {
    const char *nearest = NULL;
    unsigned least = 0;
    for (size_t i = 0; i < r->config->count; i++) {
        const char *known = key_of(&r->config->settings[i]);
        unsigned distance = sn_word_distance(key, known);
        if (!nearest || distance < least) {
            nearest = known;
            least = distance;
        }
    }
    complain(r, "%s:%u: %.64s: no such setting; the nearest is %s", r->file, line, key,
             nearest ? nearest : "none");
}

static void take_pair(void *user, unsigned line, const char *key, const char *value) {
    reading *r = user;
    size_t i = 0;
    while (i < r->config->count && strcmp(key_of(&r->config->settings[i]), key) != 0)
        i++;
    if (i == r->config->count) {
        complain_unknown(r, line, key);
        return;
    }
    held *slot = &r->config->slots[i];
    if (slot->line) {
        complain(r, "%s:%u: %s: line %u gives it already", r->file, line, key, slot->line);
        return;
    }
    slot->line = line;
    sn_auto_free char *where = sn_format("%s:%u", r->file, line);
    take(r, i, where, key, value);
}

static void take_problem(void *user, unsigned line, const char *what) {
    reading *r = user;
    complain(r, "%s:%u: %s", r->file, line, what);
}

static void take_file(reading *r, const char *file) {
    const char *named = getenv("SHANNON_CONFIG");
    r->file = file ? file : named && *named ? named : NULL;
    if (!r->file)
        return;
    char *text;
    size_t bytes;
    sn_error err = SN_ERROR_INIT;
    if (sn_read_file(&text, &bytes, r->file, SN_CONFIG_FILE_MAX_BYTES, &err) < 0) {
        complain(r, "%s: %s", file ? "--config" : "SHANNON_CONFIG", err.message);
        return;
    }
    sn_config_file_parse(&(sn_config_reader){take_pair, take_problem, r}, text, bytes);
    explicit_bzero(text, bytes);
    free(text);
}

static void take_environment(reading *r) {
    for (size_t i = 0; i < r->config->count; i++) {
        const char *name = r->config->settings[i].name;
        take(r, i, "environment", name, getenv(name));
    }
}

/* ---- open and close ---- */

static size_t find(const sn_config *config, const char *name) {
    size_t i = 0;
    while (i < config->count && strcmp(config->settings[i].name, name) != 0)
        i++;
    assert(i < config->count);
    return i;
}

int sn_config_open(sn_config **out, sn_buffer *problems, const sn_config_options *o,
                   sn_error *err) {
    sn_config *config = calloc(1, sizeof *config);
    held *slots = calloc(o->settings_count + 1, sizeof *slots);
    if (!config || !slots) {
        free(config);
        free(slots);
        return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no memory for the configuration");
    }
    *config = (sn_config){o->settings, o->settings_count, slots};
    reading r = {.config = config, .problems = problems};
    take_defaults(&r);
    take_file(&r, o->file);
    take_environment(&r);
    for (size_t i = 0; i < o->overrides_count; i++) {
        const sn_override *given = &o->overrides[i];
        take(&r, find(config, given->name), given->option, given->name, given->value);
    }
    int rc = conclude(&r, err);
    if (rc < 0)
        sn_config_close(config);
    else
        *out = config;
    return rc;
}

void sn_config_close(sn_config *config) {
    if (!config)
        return;
    for (size_t i = 0; i < config->count; i++)
        clear_slot(&config->slots[i], config->settings[i].secret);
    free(config->slots);
    free(config);
}

/* ---- values ---- */

static const held *slot_of(const sn_config *config, const char *name, enum sn_setting_type type) {
    size_t i = find(config, name);
    assert(config->settings[i].type == type);
    (void)type;
    return &config->slots[i];
}

bool sn_config_is_set(const sn_config *config, const char *name) {
    return config->slots[find(config, name)].text;
}

const char *sn_config_string(const sn_config *config, const char *name) {
    return config->slots[find(config, name)].text;
}

uint64_t sn_config_number(const sn_config *config, const char *name) {
    return slot_of(config, name, SN_SETTING_NUMBER)->value.number;
}

double sn_config_seconds(const sn_config *config, const char *name) {
    return slot_of(config, name, SN_SETTING_SECONDS)->value.seconds;
}

bool sn_config_boolean(const sn_config *config, const char *name) {
    return slot_of(config, name, SN_SETTING_BOOLEAN)->value.boolean;
}

const sn_address *sn_config_address(const sn_config *config, const char *name) {
    const held *slot = slot_of(config, name, SN_SETTING_ADDRESS);
    return slot->text ? &slot->value.address : NULL;
}

size_t sn_config_choice(const sn_config *config, const char *name) {
    return slot_of(config, name, SN_SETTING_CHOICE)->value.choice;
}

/* ---- printing ---- */

static bool put(sn_buffer *out, const char *text) {
    return sn_buffer_add(out, text, strlen(text)) && !out->truncated;
}

/* So that the file's reader makes the same value of it. */
static bool put_quoted(sn_buffer *out, const char *text) {
    if (!text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                           "0123456789_./:@%+,=[]-")])
        return put(out, text);
    bool fine = put(out, "\"");
    for (; *text && fine; text++) {
        if (strchr("\"\\$`", *text))
            fine = put(out, "\\");
        fine = fine && put(out, (char[]){*text, '\0'});
    }
    return fine && put(out, "\"");
}

static bool print_slot(sn_buffer *out, const sn_setting *s, const held *slot) {
    const char *key = key_of(s);
    if (!slot->text)
        return put(out, "# not set\n#") && put(out, key) && put(out, "=\n");
    if (!put(out, "# ") || !put(out, slot->where))
        return false;
    if (s->secret)
        return put(out, "; secret\n#") && put(out, key) && put(out, "=***\n");
    return put(out, "\n") && put(out, key) && put(out, "=") && put_quoted(out, slot->text) &&
           put(out, "\n");
}

static bool help_setting(sn_buffer *out, const sn_setting *s) {
    char allowed[SN_ALLOWED_MAX_BYTES];
    sn_value_allowed(allowed, s);
    sn_auto_free char *text =
        sn_format("%s%s%s%s\n    %s\n    %s; %s%s%s\n", s->name, s->key ? " (in the file: " : "",
                  s->key ? s->key : "", s->key ? ")" : "", s->help, allowed,
                  s->usual ? "default: " : "not set by default", s->usual ? s->usual : "",
                  s->secret ? "; secret" : "");
    return put(out, text);
}

static int no_room(sn_error *err) {
    return sn_fail(err, SN_ERESOURCE_EXHAUSTED, "no room for the configuration's text");
}

int sn_config_print(sn_buffer *out, const sn_config *config, sn_error *err) {
    for (size_t i = 0; i < config->count; i++)
        if (!print_slot(out, &config->settings[i], &config->slots[i]))
            return no_room(err);
    return 0;
}

int sn_config_help(sn_buffer *out, const sn_setting *settings, size_t count, sn_error *err) {
    for (size_t i = 0; i < count; i++)
        if (!help_setting(out, &settings[i]))
            return no_room(err);
    return 0;
}
