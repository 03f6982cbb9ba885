/* Load, memory, power, heat and clocks. */
#include <stdio.h>
#include <string.h>

#include "device.h"

#define COUNT(names) (sizeof(names) / sizeof *(names))

/* The value at `call.name`, with names as NVML numbers them. */
static nvmlReturn_t read_named(struct device *device, const char *call, const char *const *names,
                               unsigned count, unsigned which, unsigned *number) {
    char key[64];
    if (which >= count) return NVML_ERROR_INVALID_ARGUMENT;
    CALL(device, call);
    snprintf(key, sizeof key, "%s.%s", call, names[which]);
    return read_u32(device, key, number);
}

/* ---- utilisation ---- */

NVML_API nvmlReturn_t nvmlDeviceGetUtilizationRates(nvmlDevice_t device, nvmlUtilization_t *rates) {
    CALL(device, "UtilizationRates");
    nvmlReturn_t result = read_u32(device, "UtilizationRates.gpu", &rates->gpu);
    return result ? result : read_u32(device, "UtilizationRates.memory", &rates->memory);
}

#define ENGINE(call)                                                                               \
    NVML_API nvmlReturn_t nvmlDeviceGet##call(nvmlDevice_t device, unsigned *percent,              \
                                              unsigned *period_us) {                              \
        CALL(device, #call);                                                                       \
        *period_us = 166666;                                                                       \
        return read_u32(device, #call, percent);                                                   \
    }
ENGINE(EncoderUtilization)
ENGINE(DecoderUtilization)
ENGINE(JpgUtilization)
ENGINE(OfaUtilization)

NVML_API nvmlReturn_t nvmlDeviceGetDynamicPstatesInfo(nvmlDevice_t device,
                                                      nvmlGpuDynamicPstatesInfo_t *info) {
    CALL(device, "UtilizationRates");
    memset(info, 0, sizeof *info);
    for (unsigned i = 0; i < 2; i++) {
        const char *key = i == 0 ? "UtilizationRates.gpu" : "UtilizationRates.memory";
        info->utilization[i].present = 1;
        nvmlReturn_t result = read_u32(device, key, &info->utilization[i].percent);
        if (result != NVML_SUCCESS) return result;
    }
    return NVML_SUCCESS;
}

/* The ring buffer: ten samples in the last second, of which those after `last_seen` are told. */
NVML_API nvmlReturn_t nvmlDeviceGetSamples(nvmlDevice_t device, unsigned type,
                                           unsigned long long last_seen, unsigned *value_type,
                                           unsigned *count, nvmlSample_t *samples) {
    static const char *const TYPES[] = {"power", "gpu", "memory", "encoder", "decoder",
                                        "sm_clock", "memory_clock"};
    unsigned value, found = 0;
    nvmlReturn_t result = read_named(device, "Samples", TYPES, COUNT(TYPES), type, &value);
    if (result != NVML_SUCCESS) return result;
    unsigned long long tenth = 100000, newest = microseconds_now() / tenth * tenth;
    for (unsigned i = 0; i < 10; i++) {
        unsigned long long at = newest - (9 - i) * tenth;
        if (at <= last_seen) continue;
        if (samples && found < *count) samples[found] = (nvmlSample_t){at, {.ull = value}};
        found++;
    }
    *value_type = 1;
    if (!samples || found < *count) *count = found;
    return found ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

/* ---- memory ---- */

NVML_API nvmlReturn_t nvmlDeviceGetMemoryInfo_v2(nvmlDevice_t device, nvmlMemory_v2_t *memory) {
    if (memory->version != VERSIONED(nvmlMemory_v2_t, 2)) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    CALL(device, "MemoryInfo");
    nvmlReturn_t result = read_u64(device, "MemoryInfo.total", &memory->total);
    if (result == NVML_SUCCESS) result = read_u64(device, "MemoryInfo.used", &memory->used);
    if (result == NVML_SUCCESS) result = read_u64(device, "MemoryInfo.reserved", &memory->reserved);
    if (result != NVML_SUCCESS) return result;
    memory->free = memory->used == ~0ULL ? ~0ULL : memory->total - memory->reserved - memory->used;
    return NVML_SUCCESS;
}

/* The first version counts what the driver keeps for itself as used. */
NVML_API nvmlReturn_t nvmlDeviceGetMemoryInfo(nvmlDevice_t device, nvmlMemory_t *memory) {
    nvmlMemory_v2_t full = {.version = VERSIONED(nvmlMemory_v2_t, 2)};
    nvmlReturn_t result = nvmlDeviceGetMemoryInfo_v2(device, &full);
    memory->total = full.total;
    memory->free = full.free;
    memory->used = full.used == ~0ULL ? ~0ULL : full.used + full.reserved;
    return result;
}

NVML_API nvmlReturn_t nvmlDeviceGetBAR1MemoryInfo(nvmlDevice_t device, nvmlBAR1Memory_t *memory) {
    CALL(device, "BAR1MemoryInfo");
    nvmlReturn_t result = read_u64(device, "BAR1MemoryInfo.total", &memory->total);
    if (result == NVML_SUCCESS) result = read_u64(device, "BAR1MemoryInfo.used", &memory->used);
    memory->free = memory->total - memory->used;
    return result;
}

/* ---- calls that answer one number ---- */

#define NUMBER(call)                                                                               \
    NVML_API nvmlReturn_t nvmlDeviceGet##call(nvmlDevice_t device, unsigned *number) {             \
        CALL(device, #call);                                                                       \
        return read_u32(device, #call, number);                                                    \
    }
#define LONG_NUMBER(call)                                                                          \
    NVML_API nvmlReturn_t nvmlDeviceGet##call(nvmlDevice_t device, unsigned long long *number) {   \
        CALL(device, #call);                                                                       \
        return read_u64(device, #call, number);                                                    \
    }
NUMBER(PowerUsage)
NUMBER(EnforcedPowerLimit)
NUMBER(PowerManagementLimit)
NUMBER(PowerManagementDefaultLimit)
NUMBER(PowerManagementMode)
NUMBER(PerformanceState)
NUMBER(PowerState)
NUMBER(FanSpeed)
NUMBER(NumFans)
NUMBER(PersistenceMode)
NUMBER(ComputeMode)
NUMBER(DisplayMode)
NUMBER(DisplayActive)
NUMBER(AccountingMode)
LONG_NUMBER(TotalEnergyConsumption)
LONG_NUMBER(CurrentClocksEventReasons)
LONG_NUMBER(SupportedClocksEventReasons)

/* The names these two had before driver 535; both spellings answer. */
NVML_API nvmlReturn_t nvmlDeviceGetCurrentClocksThrottleReasons(nvmlDevice_t device,
                                                                unsigned long long *reasons) {
    return nvmlDeviceGetCurrentClocksEventReasons(device, reasons);
}

NVML_API nvmlReturn_t nvmlDeviceGetSupportedClocksThrottleReasons(nvmlDevice_t device,
                                                                  unsigned long long *reasons) {
    return nvmlDeviceGetSupportedClocksEventReasons(device, reasons);
}

NVML_API nvmlReturn_t nvmlDeviceGetFanSpeed_v2(nvmlDevice_t device, unsigned fan,
                                               unsigned *percent) {
    (void)fan;
    return nvmlDeviceGetFanSpeed(device, percent);
}

NVML_API nvmlReturn_t nvmlDeviceGetPowerManagementLimitConstraints(nvmlDevice_t device,
                                                                   unsigned *lowest,
                                                                   unsigned *highest) {
    CALL(device, "PowerManagementLimitConstraints");
    nvmlReturn_t result = read_u32(device, "PowerManagementLimitConstraints.min", lowest);
    return result ? result : read_u32(device, "PowerManagementLimitConstraints.max", highest);
}

/* ---- heat ---- */

NVML_API nvmlReturn_t nvmlDeviceGetTemperature(nvmlDevice_t device, unsigned sensor,
                                               unsigned *celsius) {
    if (sensor != 0) return NVML_ERROR_INVALID_ARGUMENT;
    CALL(device, "Temperature");
    return read_u32(device, "Temperature", celsius);
}

NVML_API nvmlReturn_t nvmlDeviceGetTemperatureV(nvmlDevice_t device, nvmlTemperature_t *told) {
    if (told->version != VERSIONED(nvmlTemperature_t, 1)) return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    return nvmlDeviceGetTemperature(device, told->sensor, (unsigned *)&told->celsius);
}

NVML_API nvmlReturn_t nvmlDeviceGetTemperatureThreshold(nvmlDevice_t device, unsigned threshold,
                                                        unsigned *celsius) {
    static const char *const NAMES[] = {"shutdown", "slowdown", "memory_max", "gpu_max",
                                        "acoustic_min", "acoustic_current", "acoustic_max", "gps"};
    return read_named(device, "TemperatureThreshold", NAMES, COUNT(NAMES), threshold, celsius);
}

NVML_API nvmlReturn_t nvmlDeviceGetMarginTemperature(nvmlDevice_t device,
                                                     nvmlMarginTemperature_t *told) {
    if (told->version != VERSIONED(nvmlMarginTemperature_t, 1))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    CALL(device, "MarginTemperature");
    return read_u32(device, "MarginTemperature", (unsigned *)&told->celsius);
}

/* ---- clocks ---- */

static const char *const DOMAINS[] = {"graphics", "sm", "memory", "video"};

#define CLOCK_BY_DOMAIN(call)                                                                      \
    NVML_API nvmlReturn_t nvmlDeviceGet##call(nvmlDevice_t device, unsigned domain,                \
                                              unsigned *megahertz) {                               \
        return read_named(device, #call, DOMAINS, COUNT(DOMAINS), domain, megahertz);              \
    }
CLOCK_BY_DOMAIN(ClockInfo)
CLOCK_BY_DOMAIN(MaxClockInfo)
CLOCK_BY_DOMAIN(ApplicationsClock)
CLOCK_BY_DOMAIN(DefaultApplicationsClock)
CLOCK_BY_DOMAIN(MaxCustomerBoostClock)

NVML_API nvmlReturn_t nvmlDeviceGetClock(nvmlDevice_t device, unsigned domain, unsigned id,
                                         unsigned *megahertz) {
    static const char *const CALLS[] = {"ClockInfo", "ApplicationsClock", "DefaultApplicationsClock",
                                        "MaxCustomerBoostClock"};
    if (id >= COUNT(CALLS)) return NVML_ERROR_INVALID_ARGUMENT;
    return read_named(device, CALLS[id], DOMAINS, COUNT(DOMAINS), domain, megahertz);
}

NVML_API nvmlReturn_t nvmlDeviceGetViolationStatus(nvmlDevice_t device, unsigned policy,
                                                   nvmlViolationTime_t *told) {
    CALL(device, "ViolationStatus");
    if (policy > 5 && policy != 10 && policy != 11) return NVML_ERROR_INVALID_ARGUMENT;
    const struct value *value = find_field(answers(), 74 + (policy > 5 ? policy - 4 : policy), 0);
    double nanoseconds;
    nvmlReturn_t result = read_value(device, value, &nanoseconds);
    if (result != NVML_SUCCESS) return result;
    *told = (nvmlViolationTime_t){microseconds_now(), to_u64(nanoseconds)};
    return NVML_SUCCESS;
}
