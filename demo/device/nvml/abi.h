/* nvml.h as far as this library answers it: types, return codes, structures, version words. */
#ifndef ABI_H
#define ABI_H

#include <stdint.h>

#define NVML_API __attribute__((visibility("default")))

typedef int nvmlReturn_t;
enum {
    NVML_SUCCESS = 0,
    NVML_ERROR_UNINITIALIZED = 1,
    NVML_ERROR_INVALID_ARGUMENT = 2,
    NVML_ERROR_NOT_SUPPORTED = 3,
    NVML_ERROR_NO_PERMISSION = 4,
    NVML_ERROR_NOT_FOUND = 6,
    NVML_ERROR_INSUFFICIENT_SIZE = 7,
    NVML_ERROR_DRIVER_NOT_LOADED = 9,
    NVML_ERROR_TIMEOUT = 10,
    NVML_ERROR_FUNCTION_NOT_FOUND = 13,
    NVML_ERROR_GPU_IS_LOST = 15,
    NVML_ERROR_RESET_REQUIRED = 16,
    NVML_ERROR_LIB_RM_VERSION_MISMATCH = 18,
    NVML_ERROR_IN_USE = 19,
    NVML_ERROR_MEMORY = 20,
    NVML_ERROR_NO_DATA = 21,
    NVML_ERROR_ARGUMENT_VERSION_MISMATCH = 25,
    NVML_ERROR_DEPRECATED = 26,
    NVML_ERROR_NOT_READY = 27,
    NVML_ERROR_GPU_NOT_FOUND = 28,
    NVML_ERROR_UNKNOWN = 999,
};

#define NVML_NOT_AVAILABLE 0xFFFFFFFFu
#define VERSIONED(type, number) ((unsigned)sizeof(type) | ((unsigned)(number) << 24))

typedef struct device *nvmlDevice_t;
typedef struct device *nvmlGpuInstance_t; /* an instance is told by its first MIG device */
typedef struct gpm_sample *nvmlGpmSample_t;
typedef struct event_set *nvmlEventSet_t;

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
    unsigned long long total, free, used;
} nvmlBAR1Memory_t;
typedef struct {
    nvmlDevice_t device;
    unsigned long long event_type, event_data;
    unsigned gpu_instance, compute_instance;
} nvmlEventData_t;
typedef union {
    double d;
    unsigned ui;
    unsigned long ul;
    unsigned long long ull;
    long long sll;
    int si;
    unsigned short us;
} nvmlValue_t;
typedef struct {
    unsigned id, scope;
    long long timestamp, latency_us;
    int type;
    nvmlReturn_t result;
    nvmlValue_t value;
} nvmlFieldValue_t;
typedef struct {
    unsigned long long timestamp;
    nvmlValue_t value;
} nvmlSample_t;
typedef struct {
    unsigned pid;
    unsigned long long memory;
    unsigned gpu_instance, compute_instance;
} nvmlProcessInfo_t;
typedef struct {
    unsigned pid;
    unsigned long long timestamp;
    unsigned sm, memory, encoder, decoder;
} nvmlProcessUtilizationSample_t;
typedef struct {
    unsigned long long timestamp;
    unsigned pid, sm, memory, encoder, decoder, jpeg, ofa;
} nvmlProcessUtilizationInfo_t;
typedef struct {
    unsigned version, count;
    unsigned long long last_seen;
    nvmlProcessUtilizationInfo_t *samples;
} nvmlProcessesUtilizationInfo_t;
typedef struct {
    char bus_id_legacy[16];
    unsigned domain, bus, device, device_id, subsystem_id;
    char bus_id[32];
} nvmlPciInfo_t;
typedef struct {
    unsigned long long l1, l2, dram, register_file;
} nvmlEccErrorCounts_t;
typedef struct {
    unsigned max, high, partial, low, none;
} nvmlRowRemapperHistogramValues_t;
typedef struct {
    unsigned version, channel_pending, tpc_pending;
} nvmlRepairStatus_t;
typedef struct {
    unsigned version;
    unsigned long long aggregate_parity, aggregate_secded, aggregate_corrected;
    unsigned long long volatile_parity, volatile_secded, volatile_corrected;
    unsigned long long l2, sm, pcie, mcu, other; /* uncorrected, aggregate, by where */
    unsigned threshold_exceeded;
} nvmlEccSramErrorStatus_t;
typedef struct {
    unsigned long long reference_ns, violation_ns;
} nvmlViolationTime_t;
typedef struct {
    unsigned version, sensor;
    int celsius;
} nvmlTemperature_t;
typedef struct {
    unsigned version;
    int celsius;
} nvmlMarginTemperature_t;
typedef struct {
    unsigned char cluster[16];
    nvmlReturn_t status;
    unsigned clique, state;
} nvmlGpuFabricInfo_t;
typedef struct {
    unsigned version;
    unsigned char cluster[16];
    nvmlReturn_t status;
    unsigned clique, state, health;
} nvmlGpuFabricInfo_v2_t;
typedef struct {
    unsigned version;
    unsigned char cluster[16];
    nvmlReturn_t status;
    unsigned clique, state, health;
    unsigned char summary;
} nvmlGpuFabricInfo_v3_t;
typedef struct {
    unsigned version, supported;
} nvmlGpmSupport_t;
typedef struct {
    unsigned id;
    nvmlReturn_t result;
    double value;
    const char *names[3]; /* short, long, unit */
} nvmlGpmMetric_t;
typedef struct {
    unsigned version, count;
    nvmlGpmSample_t first, second;
    nvmlGpmMetric_t metrics[];
} nvmlGpmMetricsGet_t;
typedef struct {
    unsigned multiprocessors, copy_engines, decoders, encoders, jpegs, ofas;
    unsigned gpu_slices, compute_slices;
    unsigned long long memory_mb;
} nvmlDeviceAttributes_t;
typedef struct {
    unsigned start, size;
} nvmlGpuInstancePlacement_t;
typedef struct {
    nvmlDevice_t device;
    unsigned id, profile;
    nvmlGpuInstancePlacement_t placement;
} nvmlGpuInstanceInfo_t;
typedef struct {
    unsigned id, p2p, slices, instances, multiprocessors, copy_engines;
    unsigned decoders, encoders, jpegs, ofas;
    unsigned long long memory_mb;
} nvmlGpuInstanceProfileInfo_t;
typedef struct {
    unsigned version, id, p2p, slices, instances, multiprocessors, copy_engines;
    unsigned decoders, encoders, jpegs, ofas;
    unsigned long long memory_mb;
    char name[96];
} nvmlGpuInstanceProfileInfo_v2_t;
typedef struct {
    unsigned flags;
    struct {
        unsigned present, percent, increasing_threshold, decreasing_threshold;
    } utilization[8];
} nvmlGpuDynamicPstatesInfo_t;

/* A structure of another size would be read beside itself; version words hold these sizes, too. */
#define SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type)
SIZE(nvmlMemory_v2_t, 40);
SIZE(nvmlEventData_t, 32);
SIZE(nvmlFieldValue_t, 40);
SIZE(nvmlSample_t, 16);
SIZE(nvmlProcessInfo_t, 24);
SIZE(nvmlProcessUtilizationSample_t, 32);
SIZE(nvmlProcessUtilizationInfo_t, 40);
SIZE(nvmlProcessesUtilizationInfo_t, 24);
SIZE(nvmlPciInfo_t, 68);
SIZE(nvmlEccErrorCounts_t, 32);
SIZE(nvmlRowRemapperHistogramValues_t, 20);
SIZE(nvmlEccSramErrorStatus_t, 104);
SIZE(nvmlGpuFabricInfo_t, 28);
SIZE(nvmlGpuFabricInfo_v2_t, 36);
SIZE(nvmlGpuFabricInfo_v3_t, 40);
SIZE(nvmlGpmMetric_t, 40);
SIZE(nvmlDeviceAttributes_t, 40);
SIZE(nvmlGpuInstanceInfo_t, 24);
SIZE(nvmlGpuInstanceProfileInfo_t, 48);
SIZE(nvmlGpuInstanceProfileInfo_v2_t, 152);
SIZE(nvmlGpuDynamicPstatesInfo_t, 132);

#endif
