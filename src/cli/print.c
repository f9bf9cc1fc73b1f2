/* print.c - see print.h. */
#include "cli/print.h"

#include "util/auto.h"
#include "util/io.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ---- executions ---- */

static int print_bundle(const sn_bundle *bundle) {
    for (size_t i = 0; i < bundle->count; i++) {
        const sn_mime *item = &bundle->items[i];
        if (strcmp(item->type, "text/plain") != 0)
            continue;
        int rc = sn_write_full(STDOUT_FILENO, item->data, item->data_bytes);
        return rc < 0 ? rc : sn_write_full(STDOUT_FILENO, "\n", 1);
    }
    return 0;
}

int sn_print_event(void *user, const sn_event *event) {
    const sn_printer *printer = user;
    switch (event->kind) {
    case SN_EVENT_STDOUT:
        return sn_write_full(STDOUT_FILENO, event->data, event->data_bytes);
    case SN_EVENT_STDERR:
        return sn_write_full(STDERR_FILENO, event->data, event->data_bytes);
    case SN_EVENT_DISPLAY:
        return print_bundle(event->bundle);
    case SN_EVENT_RESULT:
        return printer->value ? print_bundle(event->bundle) : 0;
    default:
        return 0;
    }
}

void sn_print_end(const sn_result *result) {
    const char *value = result->error_value ? result->error_value : "";
    if (result->error_traceback && *result->error_traceback)
        fputs(result->error_traceback, stderr);
    if (result->status != SN_STATUS_OK && result->status != SN_STATUS_ERROR)
        fprintf(stderr, "shannon: %s%s%s\n", sn_status_name(result->status), *value ? ": " : "",
                value);
    if (result->unsaved)
        fprintf(stderr, "shannon: not saved: %s\n", result->unsaved);
}

/* ---- sessions ---- */

static const char *size_text(char out[32], uint64_t bytes) {
    static const char *const units[] = {"B", "KB", "MB", "GB", "TB"};
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1000 && unit + 1 < SN_COUNT(units)) {
        value /= 1000;
        unit++;
    }
    snprintf(out, 32, unit && value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
    return out;
}

static const char *time_text(char out[32], double seconds) {
    time_t whole = (time_t)seconds;
    struct tm local;
    localtime_r(&whole, &local);
    strftime(out, 32, "%Y-%m-%d %H:%M:%S", &local);
    return out;
}

void sn_print_sessions(const sn_session_info *infos, size_t count) {
    char disk[32], memory[32], used[32];
    int width = 2;
    if (count == 0)
        puts("There are no sessions. `shannon run --session ID ...` makes one.");
    for (size_t i = 0; i < count; i++)
        width = (int)strlen(infos[i].id) > width ? (int)strlen(infos[i].id) : width;
    if (count)
        printf("%-*s  %6s  %8s  %8s  %s\n", width, "ID", "STEP", "DISK", "MEMORY", "USED");
    for (size_t i = 0; i < count; i++)
        printf("%-*s  %6llu  %8s  %8s  %s\n", width, infos[i].id, (unsigned long long)infos[i].step,
               size_text(disk, infos[i].stored_bytes), size_text(memory, infos[i].memory_bytes),
               time_text(used, infos[i].used));
}

/* The first line of the code, as much of it as fits, or all of it. */
static void print_code(const char *code, bool all) {
    enum { MOST = 60 };
    size_t length = strcspn(code, "\n");
    if (all)
        printf("\n%s%s", code, *code && code[strlen(code) - 1] == '\n' ? "" : "\n");
    else
        printf("%.*s%s\n", length < MOST ? (int)length : MOST, code,
               length > MOST || code[length] ? " ..." : "");
}

void sn_print_session(const sn_session_info *info, bool code) {
    char disk[32], memory[32], when[32];
    printf("session %s, at step %llu\n", info->id, (unsigned long long)info->step);
    printf("created %s, used", time_text(when, info->created));
    printf(" %s\n", time_text(when, info->used));
    printf("%s on disk, %s of memory\n", size_text(disk, info->stored_bytes),
           size_text(memory, info->memory_bytes));
    if (info->steps_count)
        printf("\n%6s  %-19s  %-12s  %8s  %s\n", "STEP", "WHEN", "STATUS", "DISK", "CODE");
    for (size_t i = 0; i < info->steps_count; i++) {
        const sn_session_step *step = &info->steps[i];
        printf("%6llu  %s  %-12s  %8s  ", (unsigned long long)step->step,
               time_text(when, step->time), sn_status_name(step->status),
               size_text(disk, step->stored_bytes));
        print_code(step->code ? step->code : "", code);
    }
}
