/* Who uses a device.
 *
 *     Process.0 = pid=4711 type=compute memory=8589934592 sm=40 mem=20 enc=0 dec=0 jpg=0 ofa=0
 *
 * numbered without gaps; type is compute (the default), graphics or mps; pid=self is the process
 * that asks; memory=NOT_AVAILABLE; gi and ci are a MIG device's. The owner of a state file's record
 * is a process, too.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

#define MAX_PROCESSES 256
#define NO_INSTANCE 0xFFFFFFFF

struct process {
    char type[12];
    unsigned pid, gpu_instance, compute_instance;
    unsigned long long memory;
    unsigned sm, mem, enc, dec, jpg, ofa;
};

static struct process parsed(const char *words) {
    struct process process;
    char pid[12];
    attribute_text(words, "pid", pid, sizeof pid);
    if (!attribute_text(words, "type", process.type, sizeof process.type))
        strcpy(process.type, "compute");
    process.pid = strcmp(pid, "self") == 0 ? (unsigned)getpid() : to_u32(attribute(words, "pid", 0));
    process.memory = to_u64(attribute(words, "memory", 0));
    process.gpu_instance = to_u32(attribute(words, "gi", NO_INSTANCE));
    process.compute_instance = to_u32(attribute(words, "ci", NO_INSTANCE));
    process.sm = to_u32(attribute(words, "sm", 0));
    process.mem = to_u32(attribute(words, "mem", 0));
    process.enc = to_u32(attribute(words, "enc", 0));
    process.dec = to_u32(attribute(words, "dec", 0));
    process.jpg = to_u32(attribute(words, "jpg", 0));
    process.ofa = to_u32(attribute(words, "ofa", 0));
    return process;
}

static struct process owner_of(const volatile struct device_record *record) {
    unsigned percent = to_u32(100 * busy_of(record, seconds_now()));
    return (struct process){
        .type = "compute", .pid = (unsigned)record->owner, .memory = record->memory_used,
        .sm = percent, .mem = percent * 3 / 5,
        .gpu_instance = NO_INSTANCE, .compute_instance = NO_INSTANCE,
    };
}

static unsigned processes_of(struct device *device, struct process found[MAX_PROCESSES]) {
    unsigned count = 0;
    char key[24];
    if (device->record && is_held(device->record)) found[count++] = owner_of(device->record);
    for (unsigned i = 0; count < MAX_PROCESSES; i++) {
        snprintf(key, sizeof key, "Process.%u", i);
        const char *words = text_of(answers(), key);
        if (!*words) break;
        found[count++] = parsed(words);
    }
    return count;
}

/* What the call itself was told to return, SUCCESS among it: then it finds nobody. */
static int is_silenced(const char *call) {
    const struct value *told = find(answers(), call);
    return told && told->kind == A_RESULT;
}

static nvmlReturn_t running(struct device *device, const char *call, const char *type,
                            unsigned *count, nvmlProcessInfo_t *infos) {
    struct process processes[MAX_PROCESSES];
    unsigned room = *count, found = 0;
    CALL(device, call);
    unsigned all = is_silenced(call) ? 0 : processes_of(device, processes);
    for (unsigned i = 0; i < all; i++) {
        const struct process *process = &processes[i];
        if (strcmp(process->type, type) != 0) continue;
        if (infos && found < room)
            infos[found] = (nvmlProcessInfo_t){process->pid, process->memory, process->gpu_instance,
                                               process->compute_instance};
        found++;
    }
    *count = found;
    return found > (infos ? room : 0) ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
}

/* Versions 2 and 3 have the same layout. */
#define RUNNING(call, type)                                                                        \
    NVML_API nvmlReturn_t nvmlDeviceGet##call##_v3(nvmlDevice_t device, unsigned *count,           \
                                                   nvmlProcessInfo_t *infos) {                     \
        return running(device, #call, type, count, infos);                                         \
    }                                                                                              \
    NVML_API nvmlReturn_t nvmlDeviceGet##call##_v2(nvmlDevice_t device, unsigned *count,           \
                                                   nvmlProcessInfo_t *infos) {                     \
        return running(device, #call, type, count, infos);                                         \
    }
RUNNING(ComputeRunningProcesses, "compute")
RUNNING(GraphicsRunningProcesses, "graphics")
RUNNING(MPSComputeRunningProcesses, "mps")

/* ---- samples of what each process did: told once, and again when a new one is taken ---- */

#define SAMPLE_MICROSECONDS 200000ULL

static unsigned samples_of(struct device *device, const char *call, unsigned long long last_seen,
                           struct process found[MAX_PROCESSES], unsigned long long *at) {
    unsigned count = 0;
    *at = microseconds_now() / SAMPLE_MICROSECONDS * SAMPLE_MICROSECONDS;
    if (is_silenced(call) || *at <= last_seen) return 0;
    unsigned all = processes_of(device, found);
    for (unsigned i = 0; i < all; i++) {
        const struct process *process = &found[i];
        if (process->sm | process->mem | process->enc | process->dec | process->jpg | process->ofa)
            found[count++] = *process;
    }
    return count;
}

/* A call that is told to answer SUCCESS does so with no sample at all, as some drivers do. */
static nvmlReturn_t without_samples(const char *call) {
    return is_silenced(call) ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

NVML_API nvmlReturn_t nvmlDeviceGetProcessUtilization(nvmlDevice_t device,
                                                      nvmlProcessUtilizationSample_t *samples,
                                                      unsigned *count,
                                                      unsigned long long last_seen) {
    struct process processes[MAX_PROCESSES];
    unsigned long long at;
    CALL(device, "ProcessUtilization");
    unsigned room = samples ? *count : 0;
    unsigned found = samples_of(device, "ProcessUtilization", last_seen, processes, &at);
    *count = found;
    if (!found) return without_samples("ProcessUtilization");
    if (room < found) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < found; i++)
        samples[i] = (nvmlProcessUtilizationSample_t){
            processes[i].pid, at, processes[i].sm, processes[i].mem, processes[i].enc,
            processes[i].dec};
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetProcessesUtilizationInfo(nvmlDevice_t device,
                                                            nvmlProcessesUtilizationInfo_t *told) {
    struct process processes[MAX_PROCESSES];
    unsigned long long at;
    if (told->version != VERSIONED(nvmlProcessesUtilizationInfo_t, 1))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    CALL(device, "ProcessesUtilizationInfo");
    unsigned room = told->samples ? told->count : 0;
    unsigned found =
        samples_of(device, "ProcessesUtilizationInfo", told->last_seen, processes, &at);
    told->count = found;
    if (!found) return without_samples("ProcessesUtilizationInfo");
    if (room < found) return NVML_ERROR_INSUFFICIENT_SIZE;
    for (unsigned i = 0; i < found; i++)
        told->samples[i] = (nvmlProcessUtilizationInfo_t){
            at, processes[i].pid, processes[i].sm, processes[i].mem, processes[i].enc,
            processes[i].dec, processes[i].jpg, processes[i].ofa};
    return NVML_SUCCESS;
}
