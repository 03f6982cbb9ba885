/* PCIe, NVLink and the fabric. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "device.h"

#define NUMBER(call)                                                                               \
    NVML_API nvmlReturn_t nvmlDeviceGet##call(nvmlDevice_t device, unsigned *number) {             \
        CALL(device, #call);                                                                       \
        return read_u32(device, #call, number);                                                    \
    }
NUMBER(CurrPcieLinkGeneration)
NUMBER(CurrPcieLinkWidth)
NUMBER(MaxPcieLinkGeneration)
NUMBER(MaxPcieLinkWidth)
NUMBER(GpuMaxPcieLinkGeneration)
NUMBER(PcieReplayCounter)
NUMBER(PcieSpeed)
NUMBER(PcieLinkMaxSpeed)

/* The driver watches the bus for 20 ms each time, and so does this. */
NVML_API nvmlReturn_t nvmlDeviceGetPcieThroughput(nvmlDevice_t device, unsigned counter,
                                                  unsigned *kib_per_second) {
    const struct timespec watch = {.tv_nsec = 20 * 1000 * 1000};
    CALL(device, "PcieThroughput");
    if (counter > 1) return NVML_ERROR_INVALID_ARGUMENT;
    nanosleep(&watch, NULL);
    return read_u32(device, counter ? "PcieThroughput.rx" : "PcieThroughput.tx", kib_per_second);
}

/* ---- NVLink: a link's own value, or that of all links ---- */

static nvmlReturn_t begin_link(struct device *device, const char *call, unsigned link) {
    double links;
    CALL(device, call);
    nvmlReturn_t result = read_value(device, find_field(answers(), 91, 0), &links);
    if (result != NVML_SUCCESS) return result;
    return link < links ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

static nvmlReturn_t read_link(struct device *device, const char *call, unsigned link,
                              unsigned *number) {
    double read;
    nvmlReturn_t result = begin_link(device, call, link);
    if (result == NVML_SUCCESS) result = read_value(device, find_indexed(answers(), call, link), &read);
    if (result == NVML_SUCCESS) *number = to_u32(read);
    return result;
}

NVML_API nvmlReturn_t nvmlDeviceGetNvLinkState(nvmlDevice_t device, unsigned link,
                                               unsigned *active) {
    return read_link(device, "NvLinkState", link, active);
}

NVML_API nvmlReturn_t nvmlDeviceGetNvLinkVersion(nvmlDevice_t device, unsigned link,
                                                 unsigned *version) {
    return read_link(device, "NvLinkVersion", link, version);
}

NVML_API nvmlReturn_t nvmlDeviceGetNvLinkRemoteDeviceType(nvmlDevice_t device, unsigned link,
                                                          unsigned *type) {
    return read_link(device, "NvLinkRemoteDeviceType", link, type);
}

NVML_API nvmlReturn_t nvmlDeviceGetNvLinkCapability(nvmlDevice_t device, unsigned link,
                                                    unsigned capability, unsigned *has) {
    (void)capability;
    return read_link(device, "NvLinkCapability", link, has);
}

/* Replay, recovery and CRC FLIT errors are fields, too; CRC data and ECC go by the keys here. */
NVML_API nvmlReturn_t nvmlDeviceGetNvLinkErrorCounter(nvmlDevice_t device, unsigned link,
                                                      unsigned counter, unsigned long long *count) {
    static const unsigned FIELDS[] = {161, 162, 163};
    double read;
    nvmlReturn_t result = begin_link(device, "NvLinkErrorCounter", link);
    if (result != NVML_SUCCESS) return result;
    if (counter > 4) return NVML_ERROR_INVALID_ARGUMENT;
    const struct value *value = counter < 3 ? find_field(answers(), FIELDS[counter], link)
                                            : find_indexed(answers(), "NvLinkErrorCounter", link);
    result = read_value(device, value, &read);
    if (result == NVML_SUCCESS) *count = to_u64(read);
    return result;
}

/* Deprecated by NVIDIA; answered as its drivers still do, in KiB. */
NVML_API nvmlReturn_t nvmlDeviceGetNvLinkUtilizationCounter(nvmlDevice_t device, unsigned link,
                                                            unsigned counter,
                                                            unsigned long long *received,
                                                            unsigned long long *sent) {
    double rx, tx;
    (void)counter;
    nvmlReturn_t result = begin_link(device, "NvLinkUtilizationCounter", link);
    if (result == NVML_SUCCESS) result = read_value(device, find_field(answers(), 139, link), &rx);
    if (result == NVML_SUCCESS) result = read_value(device, find_field(answers(), 138, link), &tx);
    if (result != NVML_SUCCESS) return result;
    *received = to_u64(rx);
    *sent = to_u64(tx);
    return NVML_SUCCESS;
}

/* ---- GpuFabricInfo = state=3 status=0 clique=0 health=0x15555 summary=1 cluster=<32 hex> ---- */

static nvmlReturn_t fabric(struct device *device, nvmlGpuFabricInfo_v3_t *info) {
    nvmlReturn_t result;
    char cluster[33];
    CALL(device, "GpuFabricInfo");
    const char *words = read_words("GpuFabricInfo", &result);
    if (!words) return result;
    attribute_text(words, "cluster", cluster, sizeof cluster);
    for (unsigned i = 0; i < 16; i++) {
        unsigned byte = 0;
        sscanf(cluster + 2 * (2 * i < strlen(cluster) ? i : 0), "%2x", &byte);
        info->cluster[i] = (unsigned char)byte;
    }
    info->status = (nvmlReturn_t)attribute(words, "status", 0);
    info->clique = to_u32(attribute(words, "clique", 0));
    info->state = to_u32(attribute(words, "state", 0));
    info->health = to_u32(attribute(words, "health", 0));
    info->summary = (unsigned char)attribute(words, "summary", 0);
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetGpuFabricInfo(nvmlDevice_t device, nvmlGpuFabricInfo_t *info) {
    nvmlGpuFabricInfo_v3_t full = {0};
    nvmlReturn_t result = fabric(device, &full);
    if (result != NVML_SUCCESS) return result;
    memcpy(info->cluster, full.cluster, sizeof info->cluster);
    info->status = full.status;
    info->clique = full.clique;
    info->state = full.state;
    return NVML_SUCCESS;
}

/* Version 3 is version 2 with one member more. */
NVML_API nvmlReturn_t nvmlDeviceGetGpuFabricInfoV(nvmlDevice_t device, void *info) {
    nvmlGpuFabricInfo_v3_t full = {.version = *(unsigned *)info};
    unsigned is_second = full.version == VERSIONED(nvmlGpuFabricInfo_v2_t, 2);
    if (!is_second && full.version != VERSIONED(nvmlGpuFabricInfo_v3_t, 3))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    nvmlReturn_t result = fabric(device, &full);
    if (result != NVML_SUCCESS) return result;
    memcpy(info, &full, is_second ? sizeof(nvmlGpuFabricInfo_v2_t) : sizeof full);
    return NVML_SUCCESS;
}
