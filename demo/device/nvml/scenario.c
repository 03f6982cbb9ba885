/* Reading a scenario file.
 *
 *     include = h100.txt          # take all of that file first
 *     driver = 580.126.09         # before the first section: the machine
 *     [gpu *]                     # every GPU, then [gpu 3], [gpu 0 mig 1], [gpu * mig *]
 *     PowerUsage = 1000*idle + 1000*swing*busy*clock      # nvmlDeviceGetPowerUsage, milliwatts
 *     UtilizationRates = NO_PERMISSION                    # or HANG, or NOT_AVAILABLE
 *     FieldValues.138.3 = ull: 4e6*busy/s                 # field 138 of link 3, KiB
 *     Gpm.62-97 = 2277*busy                               # each of a range
 *     UUID = GPU-00000000-0000-0000-0000-00000000000{gpu}
 */
#include <ctype.h>
#include <libgen.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "state.h"
#include "table.h"

#define LINE 2048
#define MAX_INCLUDES 8
#define EVERY (-1)
#define NOT_HERE (-2)
#define KEPT 4

static struct scenario *scenario;
static struct stat seen;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

struct section {
    int gpu, mig; /* an index, EVERY or NOT_HERE */
};

static char *trimmed(char *text) {
    while (isspace((unsigned char)*text)) text++;
    char *end = text + strlen(text);
    while (end > text && isspace((unsigned char)end[-1])) *--end = 0;
    return text;
}

/* `text` with each {gpu} and {mig} written as its number. */
static const char *filled(struct scenario *to, const char *text, int gpu, int mig) {
    char out[LINE * 2];
    unsigned length = 0;
    for (; *text && length < sizeof out - 12;) {
        int is_gpu = strncmp(text, "{gpu}", 5) == 0, is_mig = strncmp(text, "{mig}", 5) == 0;
        if (is_gpu || is_mig) {
            length += (unsigned)snprintf(out + length, 12, "%d", is_gpu ? gpu : mig);
            text += 5;
        } else {
            out[length++] = *text++;
        }
    }
    out[length] = 0;
    return allot_text(to, out);
}

static struct value *value_in(struct scenario *to, const char *text) {
    struct value *value = allot(to, sizeof *value);
    parse_value(value, text);
    return value;
}

static struct table *table_at(struct scenario *to, struct table **place) {
    if (!*place) *place = new_table(to);
    return *place;
}

static void put_in_section(struct scenario *to, struct section where, const char *key,
                           const char *text) {
    int varies = strchr(text, '{') != NULL;
    struct value *shared = varies ? NULL : value_in(to, allot_text(to, text));
    for (int gpu = 0; gpu < (int)to->devices_told; gpu++) {
        if (where.gpu != EVERY && where.gpu != gpu) continue;
        int first = where.mig == NOT_HERE ? 0 : where.mig == EVERY ? 0 : where.mig;
        int last = where.mig == EVERY ? MAX_MIG - 1 : first;
        for (int mig = first; mig <= last; mig++) {
            struct table **place = where.mig == NOT_HERE ? &to->devices[gpu] : &to->migs[gpu][mig];
            /* A section for every MIG device changes those there are; it makes none. */
            if (where.mig == EVERY && !*place) continue;
            put(table_at(to, place), key,
                varies ? value_in(to, filled(to, text, gpu, mig)) : shared);
        }
    }
}

/* `Gpm.62-97` and `FieldValues.32-59` are a line for each number of the range. */
static void put_range(struct scenario *to, struct section where, const char *key,
                      const char *text) {
    unsigned first, last;
    char name[32], one[48];
    if (sscanf(key, "%31[A-Za-z].%u-%u", name, &first, &last) != 3) {
        put_in_section(to, where, key, text);
        return;
    }
    for (unsigned number = first; number <= last; number++) {
        snprintf(one, sizeof one, "%s.%u", name, number);
        put_in_section(to, where, one, text);
    }
}

static int number_or_every(const char *text) { return *text == '*' ? EVERY : atoi(text); }

static struct section parse_section(const char *line) {
    struct section found = {NOT_HERE, NOT_HERE};
    char gpu[8] = "", mig[8] = "";
    if (sscanf(line, "[gpu %7[0-9*] mig %7[0-9*]", gpu, mig) == 2) found.mig = number_or_every(mig);
    if (*gpu) found.gpu = number_or_every(gpu);
    if (found.gpu >= MAX_DEVICES || found.mig >= MAX_MIG) found = (struct section){NOT_HERE, NOT_HERE};
    return found;
}

static int read_file(struct scenario *to, const char *path, int depth);

static void include(struct scenario *to, const char *from, const char *name, int depth) {
    char folder[LINE], path[LINE * 2];
    snprintf(folder, sizeof folder, "%s", from);
    if (*name == '/') snprintf(path, sizeof path, "%s", name);
    else snprintf(path, sizeof path, "%s/%s", dirname(folder), name);
    if (!read_file(to, path, depth + 1)) fprintf(stderr, "no scenario %s\n", path);
}

static void read_line(struct scenario *to, const char *path, int depth, struct section *where,
                      char *line) {
    char *comment = strstr(line, " #");
    if (comment) *comment = 0;
    line = trimmed(line);
    char *equals = strchr(line, '=');
    if (*line == '[') *where = parse_section(line);
    if (!*line || *line == '#' || *line == '[' || !equals) return;
    *equals = 0;
    const char *key = trimmed(line), *text = trimmed(equals + 1);
    if (strcmp(key, "include") == 0) include(to, path, text, depth);
    else if (where->gpu == NOT_HERE) put(to->machine, key, value_in(to, allot_text(to, text)));
    else put_range(to, *where, key, text);
}

static int read_file(struct scenario *to, const char *path, int depth) {
    FILE *file = depth < MAX_INCLUDES ? fopen(path, "re") : NULL;
    struct section where = {NOT_HERE, NOT_HERE};
    char line[LINE];
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) read_line(to, path, depth, &where, line);
    fclose(file);
    return 1;
}

/* Read twice: the last word on how many devices there are may stand at the end. */
static struct scenario *loaded(const char *path) {
    struct scenario *fresh = calloc(1, sizeof *fresh);
    fresh->machine = new_table(fresh);
    int exists = read_file(fresh, path, 0);
    int gpus = atoi(text_of(fresh->machine, "gpus"));
    fresh->gpus = (unsigned)(gpus < 0 ? 0 : gpus > MAX_DEVICES ? MAX_DEVICES : gpus);
    fresh->devices_told = fresh->gpus > state_count() ? fresh->gpus : state_count();
    if (exists) read_file(fresh, path, 0);
    else free_scenario(fresh);
    return exists ? fresh : NULL;
}

static const char *path_of_scenario(void) {
    const char *named = getenv("BUSYSIGNAL_DEVICE_SCENARIO");
    if (named) return named;
    return getenv("BUSYSIGNAL_DEVICE_STATE") ? DEFAULT_SCENARIO : NULL;
}

/* Those that a call under way may still read are kept; a call takes far less than four changes. */
static void free_scenario_before(struct scenario *fresh) {
    static struct scenario *kept[KEPT];
    static unsigned next;
    if (kept[next]) free_scenario(kept[next]);
    kept[next] = fresh;
    next = (next + 1) % KEPT;
}

static void reload(const char *path) {
    struct stat status;
    if (stat(path, &status) != 0) return; /* between two versions; the one before still holds */
    if (scenario && scenario->devices_told >= state_count() && status.st_ino == seen.st_ino && status.st_size == seen.st_size &&
        status.st_mtim.tv_sec == seen.st_mtim.tv_sec &&
        status.st_mtim.tv_nsec == seen.st_mtim.tv_nsec)
        return;
    struct scenario *fresh = loaded(path);
    if (!fresh) return;
    seen = status;
    fresh->number = scenario ? scenario->number + 1 : 1;
    free_scenario_before(fresh);
    __atomic_store_n(&scenario, fresh, __ATOMIC_RELEASE);
}

void look_at_scenario(void) {
    const char *path = path_of_scenario();
    pthread_mutex_lock(&lock);
    if (path) reload(path);
    pthread_mutex_unlock(&lock);
}

/* The file is looked at no more than once per tick of the coarse clock, which is a few ms. */
const struct scenario *current_scenario(void) {
    static long long looked_at = -1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    long long tick = now.tv_sec * 1000000000LL + now.tv_nsec;
    if (__atomic_exchange_n(&looked_at, tick, __ATOMIC_RELAXED) != tick) look_at_scenario();
    return __atomic_load_n(&scenario, __ATOMIC_ACQUIRE);
}
