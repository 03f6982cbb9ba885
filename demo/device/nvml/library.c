/* A stand-in for libnvidia-ml.so.1 at its real ABI: names, structures and codes of nvml.h.
 *
 * What a device answers stands in a scenario file (scenario.c says how it is written; the key of a
 * call is its name without nvmlDeviceGet), named by BUSYSIGNAL_DEVICE_SCENARIO. What replicas do on
 * it and what fault injection does to it stands in the state file (state.py), named by
 * BUSYSIGNAL_DEVICE_STATE. Either is enough; with a state file alone, the scenario is the H100's.
 *
 * library.c    nvmlInitWithFlags, Init_v2, Shutdown, ErrorString; System: DriverVersion,
 *              NVMLVersion, CudaDriverVersion(_v2), ProcessName; Device: Count_v2,
 *              HandleBy{Index_v2, UUID, PciBusId_v2, Serial}
 * identity.c   Name, UUID, Serial, VbiosVersion, BoardPartNumber, InforomImageVersion,
 *              InforomVersion, GspFirmwareVersion, GspFirmwareMode, PciInfo_v3,
 *              CudaComputeCapability, Index, MinorNumber, Brand, Architecture, NumGpuCores,
 *              MemoryBusWidth, BusType, BoardId, MultiGpuBoard, IrqNum, ModuleId, C2cModeInfoV
 * readings.c   UtilizationRates, {En,De}coderUtilization, {Jpg,Ofa}Utilization, Samples,
 *              DynamicPstatesInfo, MemoryInfo(_v2), BAR1MemoryInfo, PowerUsage, power limits and
 *              their constraints, TotalEnergyConsumption, Temperature(V), TemperatureThreshold,
 *              MarginTemperature, ClockInfo, MaxClockInfo, Clock, application and boost clocks,
 *              clock event and throttle reasons (current, supported), ViolationStatus,
 *              PerformanceState, PowerState, FanSpeed(_v2), NumFans, modes (persistence, compute,
 *              display, accounting, MIG is in mig.c)
 * fields.c     FieldValues: any id, with scopes, each with its own return code and type
 * health.c     EccMode, DefaultEccMode, TotalEccErrors, MemoryErrorCounter, DetailedEccErrors,
 *              RemappedRows, RowRemapperHistogram, RetiredPages(_v2), RetiredPagesPendingStatus,
 *              RepairStatus, SramEccErrorStatus
 * links.c      PCIe generation, width, speed, replay, PcieThroughput (blocks 20 ms as the driver
 *              does); NvLink State, Version, Capability, ErrorCounter, UtilizationCounter,
 *              RemoteDeviceType, RemotePciInfo_v2; GpuFabricInfo, GpuFabricInfoV (2 and 3)
 * processes.c  Compute-, Graphics- and MPSComputeRunningProcesses (_v2, _v3), ProcessUtilization,
 *              ProcessesUtilizationInfo
 * gpm.c        GpmQueryDeviceSupport, GpmSampleAlloc, -Get, -Free, GpmMigSampleGet, GpmMetricsGet
 * mig.c        MigMode, MaxMigDeviceCount, MigDeviceHandleByIndex, DeviceHandleFromMigDeviceHandle,
 *              IsMigDeviceHandle, GpuInstanceId, ComputeInstanceId, Attributes_v2, GpuInstances,
 *              GpuInstanceById, GpuInstanceGetInfo, GpuInstanceProfileInfo(V)
 * events.c     EventSetCreate, -Wait_v2, -Free, SupportedEventTypes, RegisterEvents
 *
 * Keys of the machine (before the first section): gpus, driver, nvml, cuda; time (a fixed clock, in
 * seconds), delay_us, fail (every call returns it), reload (a new number is a reloaded driver:
 * every call returns UNINITIALIZED, or reload_error, until NVML is initialised anew), hot_plug =
 * live (the count follows the file without that), absent_symbols (left out by build_shim).
 * Keys of a device: lost, Every (an error for all its calls), delay_us, and the load: busy, clock,
 * held, idle, limit, used, total, reasons.
 */
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"

/* The exporter looks for this symbol; no config can hide that the device is simulated. */
NVML_API const int busysignal_simulated_device = 1;

static struct device devices[MAX_DEVICES];
static struct device migs[MAX_DEVICES][MAX_MIG];
static unsigned count_at_start;
static unsigned users; /* nvmlInit calls not yet shut down */
static char loaded_driver[32];

/* ---- the machine ---- */

static const struct table *machine(void) {
    const struct scenario *scenario = current_scenario();
    return scenario ? scenario->machine : NULL;
}

static nvmlReturn_t result_named(const char *key, nvmlReturn_t otherwise) {
    const struct value *value = find(machine(), key);
    return value && value->kind == A_RESULT ? value->result : otherwise;
}

nvmlReturn_t machine_result(void) {
    if (!users) return NVML_ERROR_UNINITIALIZED;
    nvmlReturn_t failing = result_named("fail", NVML_SUCCESS);
    if (failing != NVML_SUCCESS) return failing;
    if (strcmp(loaded_driver, text_of(machine(), "reload")) != 0)
        return result_named("reload_error", NVML_ERROR_UNINITIALIZED);
    return NVML_SUCCESS;
}

static unsigned count_now(void) {
    const struct scenario *scenario = current_scenario();
    return state_count() ? state_count() : scenario ? scenario->gpus : 0;
}

unsigned device_count(void) {
    return strcmp(text_of(machine(), "hot_plug"), "live") == 0 ? count_now() : count_at_start;
}

struct device *device_at(unsigned index) { return index < device_count() ? &devices[index] : NULL; }

struct device *mig_at(unsigned index, unsigned mig) {
    const struct scenario *scenario = current_scenario();
    int exists = scenario && index < MAX_DEVICES && mig < MAX_MIG && scenario->migs[index][mig];
    return exists ? &migs[index][mig] : NULL;
}

static void start_devices(void) {
    count_at_start = count_now();
    snprintf(loaded_driver, sizeof loaded_driver, "%s", text_of(machine(), "reload"));
    for (unsigned i = 0; i < MAX_DEVICES; i++) {
        start_device(&devices[i], i, NULL, -1);
        for (int mig = 0; mig < MAX_MIG; mig++) start_device(&migs[i][mig], i, &devices[i], mig);
    }
}

/* ---- the library ---- */

NVML_API nvmlReturn_t nvmlInitWithFlags(unsigned flags) {
    (void)flags;
    if (users) return users++, NVML_SUCCESS;
    nvmlReturn_t result = map_state();
    if (result != NVML_SUCCESS) return result;
    look_at_scenario(); /* after the state file, which may have more devices */
    result = current_scenario() ? result_named("fail", NVML_SUCCESS) : NVML_ERROR_DRIVER_NOT_LOADED;
    if (result != NVML_SUCCESS) return unmap_state(), result;
    start_devices();
    users = 1;
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlInit_v2(void) { return nvmlInitWithFlags(0); }

NVML_API nvmlReturn_t nvmlShutdown(void) {
    if (!users) return NVML_ERROR_UNINITIALIZED;
    if (--users == 0) unmap_state();
    return NVML_SUCCESS;
}

NVML_API const char *nvmlErrorString(nvmlReturn_t result) {
    switch (result) {
    case NVML_SUCCESS: return "Success";
    case NVML_ERROR_UNINITIALIZED: return "Uninitialized";
    case NVML_ERROR_INVALID_ARGUMENT: return "Invalid Argument";
    case NVML_ERROR_NOT_SUPPORTED: return "Not Supported";
    case NVML_ERROR_NO_PERMISSION: return "Insufficient Permissions";
    case NVML_ERROR_NOT_FOUND: return "Not Found";
    case NVML_ERROR_DRIVER_NOT_LOADED: return "Driver Not Loaded";
    case NVML_ERROR_TIMEOUT: return "Timeout";
    case NVML_ERROR_GPU_IS_LOST: return "GPU is lost";
    case NVML_ERROR_LIB_RM_VERSION_MISMATCH: return "RM has detected an NVML/RM version mismatch.";
    default: return "Unknown Error";
    }
}

static nvmlReturn_t machine_text(const char *key, char *target, unsigned size) {
    nvmlReturn_t result = machine_result();
    return result == NVML_SUCCESS ? copy_text(target, size, text_of(machine(), key)) : result;
}

NVML_API nvmlReturn_t nvmlSystemGetDriverVersion(char *version, unsigned length) {
    return machine_text("driver", version, length);
}

NVML_API nvmlReturn_t nvmlSystemGetNVMLVersion(char *version, unsigned length) {
    return machine_text("nvml", version, length);
}

NVML_API nvmlReturn_t nvmlSystemGetCudaDriverVersion_v2(int *version) {
    nvmlReturn_t result = machine_result();
    if (result == NVML_SUCCESS) *version = atoi(text_of(machine(), "cuda"));
    return result;
}

NVML_API nvmlReturn_t nvmlSystemGetCudaDriverVersion(int *version) {
    return nvmlSystemGetCudaDriverVersion_v2(version);
}

NVML_API nvmlReturn_t nvmlSystemGetProcessName(unsigned pid, char *name, unsigned length) {
    char link[64], path[1024];
    nvmlReturn_t result = machine_result();
    if (result != NVML_SUCCESS) return result;
    snprintf(link, sizeof link, "/proc/%u/exe", pid);
    long size = readlink(link, path, sizeof path - 1);
    if (size < 0) return NVML_ERROR_NOT_FOUND;
    path[size] = 0;
    return copy_text(name, length, path);
}

/* ---- handles ---- */

NVML_API nvmlReturn_t nvmlDeviceGetCount_v2(unsigned *count) {
    nvmlReturn_t result = machine_result();
    if (result == NVML_SUCCESS) *count = device_count();
    return result;
}

/* A handle is refused with what every call on the device is, or with what HandleByIndex says. */
static nvmlReturn_t handed(struct device *found, nvmlDevice_t *handle) {
    CALL(found, "HandleByIndex");
    *handle = found;
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetHandleByIndex_v2(unsigned index, nvmlDevice_t *handle) {
    return handed(device_at(index), handle);
}

static nvmlReturn_t handle_where(const char *key, const char *wanted, nvmlDevice_t *handle) {
    nvmlReturn_t result = machine_result();
    if (result != NVML_SUCCESS) return result;
    const struct scenario *scenario = current_scenario();
    for (unsigned i = 0; i < device_count(); i++) {
        const struct device *device = &devices[i];
        int is_uuid = device->record && strcmp(key, "UUID") == 0;
        const char *own = is_uuid ? (const char *)device->record->uuid
                                  : text_of(scenario->devices[i], key);
        if (strcmp(own, wanted) == 0) return handed(&devices[i], handle);
        for (unsigned mig = 0; mig < MAX_MIG; mig++)
            if (mig_at(i, mig) && strcmp(text_of(scenario->migs[i][mig], key), wanted) == 0)
                return handed(mig_at(i, mig), handle);
    }
    return NVML_ERROR_NOT_FOUND;
}

NVML_API nvmlReturn_t nvmlDeviceGetHandleByUUID(const char *uuid, nvmlDevice_t *handle) {
    return handle_where("UUID", uuid, handle);
}

NVML_API nvmlReturn_t nvmlDeviceGetHandleBySerial(const char *serial, nvmlDevice_t *handle) {
    return handle_where("Serial", serial, handle);
}

NVML_API nvmlReturn_t nvmlDeviceGetHandleByPciBusId_v2(const char *bus_id, nvmlDevice_t *handle) {
    char words[64];
    nvmlReturn_t result = machine_result();
    if (result != NVML_SUCCESS) return result;
    for (unsigned i = 0; i < device_count(); i++) {
        attribute_text(text_of(current_scenario()->devices[i], "PciInfo"), "bus_id", words,
                       sizeof words);
        if (strcasecmp(words, bus_id) == 0) return handed(&devices[i], handle);
    }
    return NVML_ERROR_NOT_FOUND;
}
