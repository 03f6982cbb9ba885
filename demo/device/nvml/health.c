/* Memory errors, and the rows and pages put out of use for them. */
#include <stdio.h>
#include <string.h>

#include "device.h"

#define COUNT(names) (sizeof(names) / sizeof *(names))

static const char *const ERRORS[] = {"corrected", "uncorrected"};
static const char *const PERIODS[] = {"volatile", "aggregate"};
static const char *const LOCATIONS[] = {"l1", "l2", "dram", "register_file",
                                        "texture", "texture_shm", "cbu", "sram"};

static nvmlReturn_t read_mode(struct device *device, const char *call, unsigned *current,
                              unsigned *pending) {
    CALL(device, call);
    nvmlReturn_t result = read_u32(device, call, current);
    *pending = *current;
    return result;
}

NVML_API nvmlReturn_t nvmlDeviceGetEccMode(nvmlDevice_t device, unsigned *current,
                                           unsigned *pending) {
    return read_mode(device, "EccMode", current, pending);
}

NVML_API nvmlReturn_t nvmlDeviceGetDefaultEccMode(nvmlDevice_t device, unsigned *mode) {
    unsigned pending;
    return read_mode(device, "EccMode", mode, &pending);
}

NVML_API nvmlReturn_t nvmlDeviceGetTotalEccErrors(nvmlDevice_t device, unsigned error,
                                                  unsigned period, unsigned long long *count) {
    char key[64];
    if (error >= COUNT(ERRORS) || period >= COUNT(PERIODS)) return NVML_ERROR_INVALID_ARGUMENT;
    CALL(device, "TotalEccErrors");
    snprintf(key, sizeof key, "TotalEccErrors.%s.%s", ERRORS[error], PERIODS[period]);
    return read_u64(device, key, count);
}

NVML_API nvmlReturn_t nvmlDeviceGetMemoryErrorCounter(nvmlDevice_t device, unsigned error,
                                                      unsigned period, unsigned location,
                                                      unsigned long long *count) {
    char key[80];
    if (error >= COUNT(ERRORS) || period >= COUNT(PERIODS) || location >= COUNT(LOCATIONS))
        return NVML_ERROR_INVALID_ARGUMENT;
    CALL(device, "MemoryErrorCounter");
    snprintf(key, sizeof key, "MemoryErrorCounter.%s.%s.%s", ERRORS[error], PERIODS[period],
             LOCATIONS[location]);
    return read_u64(device, key, count);
}

NVML_API nvmlReturn_t nvmlDeviceGetDetailedEccErrors(nvmlDevice_t device, unsigned error,
                                                     unsigned period,
                                                     nvmlEccErrorCounts_t *counts) {
    unsigned long long *const targets[] = {&counts->l1, &counts->l2, &counts->dram,
                                           &counts->register_file};
    for (unsigned location = 0; location < COUNT(targets); location++) {
        nvmlReturn_t result =
            nvmlDeviceGetMemoryErrorCounter(device, error, period, location, targets[location]);
        if (result != NVML_SUCCESS) return result;
    }
    return NVML_SUCCESS;
}

/* RemappedRows = correctable=0 uncorrectable=0 pending=0 failure=0 */
NVML_API nvmlReturn_t nvmlDeviceGetRemappedRows(nvmlDevice_t device, unsigned *correctable,
                                                unsigned *uncorrectable, unsigned *pending,
                                                unsigned *failure) {
    nvmlReturn_t result;
    CALL(device, "RemappedRows");
    const char *words = read_words("RemappedRows", &result);
    if (!words) return result;
    *correctable = to_u32(attribute(words, "correctable", 0));
    *uncorrectable = to_u32(attribute(words, "uncorrectable", 0));
    *pending = to_u32(attribute(words, "pending", 0));
    *failure = to_u32(attribute(words, "failure", 0));
    return NVML_SUCCESS;
}

/* RowRemapperHistogram = max=640 high=0 partial=0 low=0 none=0 */
NVML_API nvmlReturn_t nvmlDeviceGetRowRemapperHistogram(nvmlDevice_t device,
                                                        nvmlRowRemapperHistogramValues_t *banks) {
    nvmlReturn_t result;
    CALL(device, "RowRemapperHistogram");
    const char *words = read_words("RowRemapperHistogram", &result);
    if (!words) return result;
    banks->max = to_u32(attribute(words, "max", 0));
    banks->high = to_u32(attribute(words, "high", 0));
    banks->partial = to_u32(attribute(words, "partial", 0));
    banks->low = to_u32(attribute(words, "low", 0));
    banks->none = to_u32(attribute(words, "none", 0));
    return NVML_SUCCESS;
}

/* RetiredPages = sbe=2 dbe=1: addresses are made up, one page after the other. */
NVML_API nvmlReturn_t nvmlDeviceGetRetiredPages_v2(nvmlDevice_t device, unsigned cause,
                                                   unsigned *count, unsigned long long *pages,
                                                   unsigned long long *times) {
    nvmlReturn_t result;
    if (cause > 1) return NVML_ERROR_INVALID_ARGUMENT;
    CALL(device, "RetiredPages");
    const char *words = read_words("RetiredPages", &result);
    if (!words) return result;
    unsigned room = *count, found = to_u32(attribute(words, cause ? "dbe" : "sbe", 0));
    *count = found;
    if (!pages || room < found) return found ? NVML_ERROR_INSUFFICIENT_SIZE : NVML_SUCCESS;
    for (unsigned i = 0; i < found; i++) {
        pages[i] = 0x10000ULL * (cause + 1) + 0x1000ULL * i;
        if (times) times[i] = 1700000000ULL + i;
    }
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetRetiredPages(nvmlDevice_t device, unsigned cause,
                                                unsigned *count, unsigned long long *pages) {
    return nvmlDeviceGetRetiredPages_v2(device, cause, count, pages, NULL);
}

NVML_API nvmlReturn_t nvmlDeviceGetRetiredPagesPendingStatus(nvmlDevice_t device,
                                                             unsigned *pending) {
    nvmlReturn_t result;
    CALL(device, "RetiredPages");
    const char *words = read_words("RetiredPages", &result);
    if (words) *pending = to_u32(attribute(words, "pending", 0));
    return result;
}

/* RepairStatus = channel=0 tpc=0 */
NVML_API nvmlReturn_t nvmlDeviceGetRepairStatus(nvmlDevice_t device, nvmlRepairStatus_t *status) {
    nvmlReturn_t result;
    if (status->version != VERSIONED(nvmlRepairStatus_t, 1))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    CALL(device, "RepairStatus");
    const char *words = read_words("RepairStatus", &result);
    if (!words) return result;
    status->channel_pending = to_u32(attribute(words, "channel", 0));
    status->tpc_pending = to_u32(attribute(words, "tpc", 0));
    return NVML_SUCCESS;
}

/* SramEccErrorStatus = corrected=0 parity=0 secded=0 l2=0 sm=0 pcie=0 mcu=0 other=0 exceeded=0 */
NVML_API nvmlReturn_t nvmlDeviceGetSramEccErrorStatus(nvmlDevice_t device,
                                                      nvmlEccSramErrorStatus_t *status) {
    nvmlReturn_t result;
    if (status->version != VERSIONED(nvmlEccSramErrorStatus_t, 1))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    CALL(device, "SramEccErrorStatus");
    const char *words = read_words("SramEccErrorStatus", &result);
    if (!words) return result;
    *status = (nvmlEccSramErrorStatus_t){
        .version = status->version,
        .aggregate_parity = to_u64(attribute(words, "parity", 0)),
        .aggregate_secded = to_u64(attribute(words, "secded", 0)),
        .aggregate_corrected = to_u64(attribute(words, "corrected", 0)),
        .l2 = to_u64(attribute(words, "l2", 0)),
        .sm = to_u64(attribute(words, "sm", 0)),
        .pcie = to_u64(attribute(words, "pcie", 0)),
        .mcu = to_u64(attribute(words, "mcu", 0)),
        .other = to_u64(attribute(words, "other", 0)),
        .threshold_exceeded = to_u32(attribute(words, "exceeded", 0)),
    };
    return NVML_SUCCESS;
}
