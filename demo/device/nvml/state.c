/* Reading the device state file. */
#include "state.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenario.h"

#define STATE_MAGIC 0x3155504759535542ULL /* "BUSYGPU1" read as a little-endian number */
#define STALE_SECONDS 5.0 /* a process that stopped reporting runs no kernels */

struct state_header {
    uint64_t magic, count, record_size, reserved;
};
_Static_assert(sizeof(struct device_record) == 520, "state.py lays out 520 bytes a device");

/* Calls that fault injection can make fail, in the order of state.py's CALLS. */
static const char *const CALLS[] = {
    "UtilizationRates", "MemoryInfo", "PowerUsage", "EnforcedPowerLimit",
    "TotalEnergyConsumption", "Temperature", "ClockInfo", "MaxClockInfo",
    "CurrentClocksEventReasons", "Name", "UUID", "RegisterEvents",
};
_Static_assert(sizeof CALLS / sizeof *CALLS <= CALL_SLOTS, "a slot for each call");

static struct state_header *mapping;
static size_t mapping_size;

static int is_ours(const struct state_header *header) {
    return header->magic == STATE_MAGIC && header->record_size == sizeof(struct device_record) &&
           header->count <= MAX_DEVICES &&
           sizeof *header + header->count * header->record_size <= mapping_size;
}

nvmlReturn_t map_state(void) {
    const char *path = getenv("BUSYSIGNAL_DEVICE_STATE");
    struct stat status;
    if (!path) return NVML_SUCCESS;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return NVML_ERROR_DRIVER_NOT_LOADED;
    int known = fstat(file, &status) == 0 && status.st_size >= (off_t)sizeof *mapping;
    mapping_size = known ? (size_t)status.st_size : 0;
    void *mapped = known ? mmap(NULL, mapping_size, PROT_READ, MAP_SHARED, file, 0) : MAP_FAILED;
    close(file);
    if (mapped == MAP_FAILED) return NVML_ERROR_DRIVER_NOT_LOADED;
    mapping = mapped;
    if (is_ours(mapping)) return NVML_SUCCESS;
    unmap_state();
    return NVML_ERROR_UNKNOWN;
}

void unmap_state(void) {
    if (mapping) munmap(mapping, mapping_size);
    mapping = NULL;
}

unsigned state_count(void) { return mapping ? (unsigned)mapping->count : 0; }

volatile struct device_record *state_record(unsigned index) {
    return index < state_count() ? (struct device_record *)(mapping + 1) + index : NULL;
}

int is_held(const volatile struct device_record *record) {
    pid_t owner = (pid_t)record->owner;
    return owner > 0 && (kill(owner, 0) == 0 || errno == EPERM);
}

double busy_of(const volatile struct device_record *record, double now) {
    return is_held(record) && now - record->reported_at < STALE_SECONDS ? record->busy_ratio : 0.0;
}

nvmlReturn_t call_result(const volatile struct device_record *record, const char *call) {
    int64_t any = 0;
    for (unsigned i = 0; i < CALL_SLOTS; i++) any |= record->call_results[i];
    if (!any) return NVML_SUCCESS;
    for (unsigned i = 0; i < sizeof CALLS / sizeof *CALLS; i++)
        if (strcmp(CALLS[i], call) == 0) return (nvmlReturn_t)record->call_results[i];
    return NVML_SUCCESS;
}
