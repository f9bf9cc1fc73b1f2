/* process_metrics.c - see process_metrics.h. */
#include "service/process_metrics.h"

#include "util/auto.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

static double read_resident(void *user) {
    unsigned long long size = 0, resident = 0;
    (void)user;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    int found = fscanf(file, "%llu %llu", &size, &resident);
    fclose(file);
    return found == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) : 0;
}

static double seconds(struct timeval time) {
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static double read_cpu(void *user) {
    struct rusage usage;
    (void)user;
    return getrusage(RUSAGE_SELF, &usage) < 0 ? 0
                                              : seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

static double read_open_fds(void *user) {
    enum { NOT_COUNTED = 3 }; /* ".", "..", and the folder itself */
    double count = -NOT_COUNTED;
    (void)user;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return 0;
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

static double read_max_fds(void *user) {
    struct rlimit limit;
    (void)user;
    return getrlimit(RLIMIT_NOFILE, &limit) < 0 ? 0 : (double)limit.rlim_cur;
}

static double read_start(void *user) {
    return *(const double *)user;
}

int sn_process_metrics_add(sn_metrics *registry, sn_error *err) {
    static double start;
    static const struct {
        enum sn_metric_kind kind;
        const char *name, *help;
        double (*read)(void *user);
    } all[] = {
        {SN_GAUGE, "process_resident_memory_bytes",
         "Memory of the service itself, without its workers.", read_resident},
        {SN_COUNTER, "process_cpu_seconds_total",
         "CPU time of the service itself, without its workers.", read_cpu},
        {SN_GAUGE, "process_open_fds", "Descriptors that are open.", read_open_fds},
        {SN_GAUGE, "process_max_fds", "Descriptors that there may be.", read_max_fds},
        {SN_GAUGE, "process_start_time_seconds", "When the service was started, since 1970.",
         read_start},
    };
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    start = (double)now.tv_sec;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < SN_COUNT(all); i++) {
        sn_metric *metric;
        rc = sn_metrics_add(&metric, registry,
                            &(sn_metric_options){.kind = all[i].kind,
                                                 .name = all[i].name,
                                                 .help = all[i].help,
                                                 .read = all[i].read,
                                                 .user = &start},
                            err);
    }
    return rc;
}
