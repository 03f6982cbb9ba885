/* A stand-in for libnvidia-ml.so.1 at its real ABI, over a device state file.
 *
 * Replicas write what they do (busy ratio, memory) and fault injection writes what befalls the
 * device (throttling, XID, loss) into one memory-mapped file, laid out as in state.py. This library
 * reads that file and adds the physics a driver would report: power, temperature, clocks, energy.
 * Names, structures and return codes are those of nvml.h, so unmodified pynvml loads it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* The exporter looks for this symbol; no config can hide that the device is simulated. */
const int busysignal_simulated_device = 1;

/* ---- nvml.h: the part of the ABI that is served ---- */

typedef int nvmlReturn_t;
enum {
    NVML_SUCCESS = 0,
    NVML_ERROR_UNINITIALIZED = 1,
    NVML_ERROR_INVALID_ARGUMENT = 2,
    NVML_ERROR_NOT_SUPPORTED = 3,
    NVML_ERROR_INSUFFICIENT_SIZE = 7,
    NVML_ERROR_DRIVER_NOT_LOADED = 9,
    NVML_ERROR_TIMEOUT = 10,
    NVML_ERROR_GPU_IS_LOST = 15,
    NVML_ERROR_ARGUMENT_VERSION_MISMATCH = 25,
    NVML_ERROR_UNKNOWN = 999,
};
enum { NVML_CLOCK_GRAPHICS, NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_CLOCK_VIDEO, NVML_CLOCK_COUNT };
#define NVML_EVENT_TYPE_XID_CRITICAL_ERROR 0x8ULL
#define NVML_CLOCKS_EVENT_REASON_GPU_IDLE 0x1ULL
#define NVML_NOT_AVAILABLE 0xFFFFFFFFu
#define NVML_MEMORY_V2 ((unsigned)sizeof(nvmlMemory_v2_t) | (2u << 24))

typedef struct device *nvmlDevice_t;
typedef struct {
    unsigned gpu, memory;
} nvmlUtilization_t;
typedef struct {
    unsigned long long total, free, used;
} nvmlMemory_t;
typedef struct {
    unsigned version;
    unsigned long long total, reserved, free, used;
} nvmlMemory_v2_t;
typedef struct {
    nvmlDevice_t device;
    unsigned long long event_type, event_data;
    unsigned gpu_instance, compute_instance;
} nvmlEventData_t;

/* ---- the state file; state.py holds the same layout ---- */

#define STATE_MAGIC 0x3155504759535542ULL /* "BUSYGPU1" read as a little-endian number */
#define XID_RING 16
#define CALL_SLOTS 16
#define MAX_DEVICES 64
#define NOT_AVAILABLE_RESULT (-1) /* the call succeeds, its values are NVML's "not available" */

struct state_header {
    uint64_t magic, count, record_size, reserved;
};
struct device_record {
    char uuid[80];
    char name[96];
    double busy_ratio;
    double reported_at; /* CLOCK_MONOTONIC seconds of the last report */
    int64_t owner;      /* pid of the process that reports; its memory goes when it goes */
    uint64_t memory_used, memory_total;
    double power_idle, power_limit; /* watts */
    double clock_ratio;             /* what throttling leaves of the highest clocks */
    uint64_t throttle_reasons;
    int64_t lost;
    uint64_t xid_count; /* XIDs ever raised; the last XID_RING of them stand in xids */
    uint64_t xids[XID_RING];
    int64_t call_results[CALL_SLOTS]; /* per call below: 0, or what it shall return */
};
_Static_assert(sizeof(struct device_record) == 520, "state.py lays out 520 bytes a device");

/* Calls that fault injection can make fail, in the order of state.py's CALLS. */
enum {
    CALL_UTILIZATION, CALL_MEMORY, CALL_POWER, CALL_POWER_LIMIT, CALL_ENERGY, CALL_TEMPERATURE,
    CALL_CLOCK, CALL_MAX_CLOCK, CALL_REASONS, CALL_NAME, CALL_UUID, CALL_REGISTER_EVENTS,
};

/* ---- devices ---- */

#define STALE_SECONDS 5.0 /* a process that stopped reporting runs no kernels */
#define AMBIENT_CELSIUS 30.0
#define CELSIUS_PER_WATT 0.075
#define THERMAL_SECONDS 15.0
#define RESERVED_BYTES (512ULL << 20)
static const unsigned HIGHEST_MHZ[NVML_CLOCK_COUNT] = {1980, 1980, 2619, 1545};
static const unsigned IDLE_MHZ[NVML_CLOCK_COUNT] = {345, 345, 2619, 765};

struct device {
    unsigned index;
    volatile struct device_record *record;
    double advanced_at, energy_joules, temperature_celsius;
};

static struct device devices[MAX_DEVICES];
static unsigned device_count;
static unsigned users; /* nvmlInit calls not yet shut down */
static void *mapping;
static size_t mapping_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static double monotonic_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int held(const struct device *device) {
    pid_t owner = (pid_t)device->record->owner;
    return owner > 0 && (kill(owner, 0) == 0 || errno == EPERM);
}

static double busy(const struct device *device) {
    double age = monotonic_seconds() - device->record->reported_at;
    return held(device) && age < STALE_SECONDS ? device->record->busy_ratio : 0.0;
}

static double power_watts(const struct device *device) {
    const volatile struct device_record *record = device->record;
    double swing = record->power_limit - record->power_idle;
    return record->power_idle + swing * busy(device) * record->clock_ratio;
}

static double settled_celsius(double watts) { return AMBIENT_CELSIUS + CELSIUS_PER_WATT * watts; }

/* Let time pass on the device. Implicit Euler stays stable however rarely it is read. */
static void advance(struct device *device) {
    pthread_mutex_lock(&lock);
    double now = monotonic_seconds();
    double elapsed = now - device->advanced_at;
    double watts = power_watts(device);
    double gap = settled_celsius(watts) - device->temperature_celsius;
    device->energy_joules += watts * elapsed;
    device->temperature_celsius += gap * elapsed / (elapsed + THERMAL_SECONDS);
    device->advanced_at = now;
    pthread_mutex_unlock(&lock);
}

static unsigned clock_mhz(const struct device *device, unsigned domain) {
    if (!held(device)) return IDLE_MHZ[domain];
    if (domain == NVML_CLOCK_MEM) return HIGHEST_MHZ[domain];
    return (unsigned)(HIGHEST_MHZ[domain] * device->record->clock_ratio + 0.5);
}

/* What `call` returns on this device before any value is looked at. */
static nvmlReturn_t outcome(struct device *device, unsigned call) {
    if (!users) return NVML_ERROR_UNINITIALIZED;
    if (!device) return NVML_ERROR_INVALID_ARGUMENT;
    if (device->record->lost) return NVML_ERROR_GPU_IS_LOST;
    advance(device);
    return (nvmlReturn_t)device->record->call_results[call];
}

/* Answer a call whose result is one number. */
#define ANSWER(device, call, target, not_available, value)                                         \
    do {                                                                                           \
        nvmlReturn_t result = outcome(device, call);                                               \
        if (result > 0) return result;                                                             \
        *(target) = result == NOT_AVAILABLE_RESULT ? (not_available) : (value);                    \
        return NVML_SUCCESS;                                                                       \
    } while (0)

/* ---- library ---- */

static nvmlReturn_t map_state(void) {
    const char *path = getenv("BUSYSIGNAL_DEVICE_STATE");
    int file = path ? open(path, O_RDONLY) : -1;
    struct stat status;
    if (file < 0) return NVML_ERROR_DRIVER_NOT_LOADED;
    if (fstat(file, &status) != 0 || status.st_size < (off_t)sizeof(struct state_header)) {
        close(file);
        return NVML_ERROR_DRIVER_NOT_LOADED;
    }
    mapping_size = (size_t)status.st_size;
    mapping = mmap(NULL, mapping_size, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    return mapping == MAP_FAILED ? NVML_ERROR_DRIVER_NOT_LOADED : NVML_SUCCESS;
}

static int state_is_ours(const struct state_header *header) {
    return header->magic == STATE_MAGIC && header->record_size == sizeof(struct device_record) &&
           header->count <= MAX_DEVICES &&
           sizeof *header + header->count * header->record_size <= mapping_size;
}

nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (users++) return NVML_SUCCESS;
    nvmlReturn_t result = map_state();
    const struct state_header *header = mapping;
    if (result == NVML_SUCCESS && !state_is_ours(header)) {
        munmap(mapping, mapping_size);
        result = NVML_ERROR_UNKNOWN;
    }
    if (result != NVML_SUCCESS) {
        users = 0;
        return result;
    }
    device_count = (unsigned)header->count;
    for (unsigned i = 0; i < device_count; i++) {
        struct device *device = &devices[i];
        device->index = i;
        device->record = (struct device_record *)(header + 1) + i;
        device->advanced_at = monotonic_seconds();
        device->energy_joules = 0;
        device->temperature_celsius = settled_celsius(power_watts(device));
    }
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

nvmlReturn_t nvmlShutdown(void) {
    if (!users) return NVML_ERROR_UNINITIALIZED;
    if (--users == 0) munmap(mapping, mapping_size);
    return NVML_SUCCESS;
}

const char *nvmlErrorString(nvmlReturn_t result) {
    switch (result) {
    case NVML_SUCCESS: return "Success";
    case NVML_ERROR_UNINITIALIZED: return "Uninitialized";
    case NVML_ERROR_INVALID_ARGUMENT: return "Invalid Argument";
    case NVML_ERROR_NOT_SUPPORTED: return "Not Supported";
    case NVML_ERROR_DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case NVML_ERROR_TIMEOUT: return "Timeout";
    case NVML_ERROR_GPU_IS_LOST: return "GPU is lost";
    default: return "Unknown Error";
    }
}

static nvmlReturn_t copy_text(char *target, unsigned size, const char *text) {
    if (strlen(text) >= size) return NVML_ERROR_INSUFFICIENT_SIZE;
    strcpy(target, text);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length) {
    return users ? copy_text(version, length, "580.126.09") : NVML_ERROR_UNINITIALIZED;
}

nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count) {
    if (!users) return NVML_ERROR_UNINITIALIZED;
    *count = device_count;
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *device) {
    if (!users) return NVML_ERROR_UNINITIALIZED;
    if (index >= device_count) return NVML_ERROR_INVALID_ARGUMENT;
    if (devices[index].record->lost) return NVML_ERROR_GPU_IS_LOST;
    *device = &devices[index];
    return NVML_SUCCESS;
}

/* ---- one device ---- */

nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length) {
    nvmlReturn_t result = outcome(device, CALL_NAME);
    return result > 0 ? result : copy_text(name, length, (const char *)device->record->name);
}

nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length) {
    nvmlReturn_t result = outcome(device, CALL_UUID);
    return result > 0 ? result : copy_text(uuid, length, (const char *)device->record->uuid);
}

nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates) {
    nvmlReturn_t result = outcome(device, CALL_UTILIZATION);
    if (result > 0) return result;
    int hidden = result == NOT_AVAILABLE_RESULT;
    rates->gpu = hidden ? NVML_NOT_AVAILABLE : (unsigned)(100 * busy(device) + 0.5);
    rates->memory = hidden ? NVML_NOT_AVAILABLE : (unsigned)(60 * busy(device) + 0.5);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
    if (memory->version != NVML_MEMORY_V2) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    nvmlReturn_t result = outcome(device, CALL_MEMORY);
    if (result > 0) return result;
    memory->total = device->record->memory_total;
    memory->reserved = RESERVED_BYTES;
    memory->used = held(device) ? device->record->memory_used : 0;
    memory->free = memory->total - memory->reserved - memory->used;
    if (result == NOT_AVAILABLE_RESULT) memory->total = memory->used = memory->free = ~0ULL;
    return NVML_SUCCESS;
}

/* The first version counts what the driver keeps for itself as used. */
nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    nvmlMemory_v2_t full = {.version = NVML_MEMORY_V2};
    nvmlReturn_t result = nvmlDeviceGetMemoryInfo_v2(device, &full);
    memory->total = full.total;
    memory->free = full.free;
    memory->used = full.used + full.reserved;
    return result;
}

nvmlReturn_t nvmlDeviceGetPowerUsage(nvmlDevice_t device, unsigned *milliwatts) {
    ANSWER(device, CALL_POWER, milliwatts, NVML_NOT_AVAILABLE,
           (unsigned)(1000 * power_watts(device)));
}

nvmlReturn_t nvmlDeviceGetEnforcedPowerLimit(nvmlDevice_t device, unsigned *milliwatts) {
    ANSWER(device, CALL_POWER_LIMIT, milliwatts, NVML_NOT_AVAILABLE,
           (unsigned)(1000 * device->record->power_limit));
}

nvmlReturn_t nvmlDeviceGetTotalEnergyConsumption(nvmlDevice_t device, unsigned long long *millijoules) {
    ANSWER(device, CALL_ENERGY, millijoules, ~0ULL,
           (unsigned long long)(1000 * device->energy_joules));
}

nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned sensor, unsigned *celsius) {
    if (sensor != 0) return NVML_ERROR_INVALID_ARGUMENT;
    ANSWER(device, CALL_TEMPERATURE, celsius, NVML_NOT_AVAILABLE,
           (unsigned)(device->temperature_celsius + 0.5));
}

nvmlReturn_t nvmlDeviceGetClockInfo(nvmlDevice_t device, unsigned domain, unsigned *megahertz) {
    if (domain >= NVML_CLOCK_COUNT) return NVML_ERROR_INVALID_ARGUMENT;
    ANSWER(device, CALL_CLOCK, megahertz, NVML_NOT_AVAILABLE, clock_mhz(device, domain));
}

nvmlReturn_t nvmlDeviceGetMaxClockInfo(nvmlDevice_t device, unsigned domain, unsigned *megahertz) {
    if (domain >= NVML_CLOCK_COUNT) return NVML_ERROR_INVALID_ARGUMENT;
    ANSWER(device, CALL_MAX_CLOCK, megahertz, NVML_NOT_AVAILABLE, HIGHEST_MHZ[domain]);
}

nvmlReturn_t nvmlDeviceGetCurrentClocksEventReasons(nvmlDevice_t device, unsigned long long *reasons) {
    ANSWER(device, CALL_REASONS, reasons, ~0ULL,
           device->record->throttle_reasons |
               (held(device) ? 0 : NVML_CLOCKS_EVENT_REASON_GPU_IDLE));
}

/* ---- XID events: a set hears what is raised after its devices were registered ---- */

struct event_set {
    uint64_t registered; /* bit per device */
    uint64_t heard[MAX_DEVICES];
};

nvmlReturn_t nvmlEventSetCreate(struct event_set **set) {
    if (!users) return NVML_ERROR_UNINITIALIZED;
    *set = calloc(1, sizeof **set);
    return *set ? NVML_SUCCESS : NVML_ERROR_UNKNOWN;
}

nvmlReturn_t nvmlEventSetFree(struct event_set *set) {
    free(set);
    return NVML_SUCCESS;
}

nvmlReturn_t nvmlDeviceGetSupportedEventTypes(nvmlDevice_t device, unsigned long long *types) {
    ANSWER(device, CALL_REGISTER_EVENTS, types, 0, NVML_EVENT_TYPE_XID_CRITICAL_ERROR);
}

nvmlReturn_t nvmlDeviceRegisterEvents(nvmlDevice_t device, unsigned long long types,
                                      struct event_set *set) {
    nvmlReturn_t result = outcome(device, CALL_REGISTER_EVENTS);
    if (result != NVML_SUCCESS) return result;
    if (types & ~NVML_EVENT_TYPE_XID_CRITICAL_ERROR) return NVML_ERROR_NOT_SUPPORTED;
    set->heard[device->index] = device->record->xid_count;
    set->registered |= 1ULL << device->index;
    return NVML_SUCCESS;
}

static int next_event(struct event_set *set, nvmlEventData_t *event) {
    for (unsigned i = 0; i < device_count; i++) {
        if (!(set->registered >> i & 1) || set->heard[i] >= devices[i].record->xid_count) continue;
        event->device = &devices[i];
        event->event_type = NVML_EVENT_TYPE_XID_CRITICAL_ERROR;
        event->event_data = devices[i].record->xids[set->heard[i]++ % XID_RING];
        event->gpu_instance = event->compute_instance = NVML_NOT_AVAILABLE;
        return 1;
    }
    return 0;
}

nvmlReturn_t nvmlEventSetWait_v2(struct event_set *set, nvmlEventData_t *event, unsigned timeout_ms) {
    const struct timespec pause = {.tv_nsec = 10 * 1000 * 1000};
    double deadline = monotonic_seconds() + timeout_ms / 1000.0;
    for (;;) {
        if (!users) return NVML_ERROR_UNINITIALIZED;
        if (next_event(set, event)) return NVML_SUCCESS;
        if (monotonic_seconds() >= deadline) return NVML_ERROR_TIMEOUT;
        nanosleep(&pause, NULL);
    }
}
