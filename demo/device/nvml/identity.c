/* What does not change while the driver is loaded. */
#include <stdio.h>
#include <string.h>

#include "device.h"

static nvmlReturn_t text_call(struct device *device, const char *call, char *target, unsigned size) {
    CALL(device, call);
    return read_text(call, target, size);
}

NVML_API nvmlReturn_t nvmlDeviceGetName(nvmlDevice_t device, char *name, unsigned length) {
    CALL(device, "Name");
    if (device->record) return copy_text(name, length, (const char *)device->record->name);
    return read_text("Name", name, length);
}

NVML_API nvmlReturn_t nvmlDeviceGetUUID(nvmlDevice_t device, char *uuid, unsigned length) {
    CALL(device, "UUID");
    if (device->record) return copy_text(uuid, length, (const char *)device->record->uuid);
    return read_text("UUID", uuid, length);
}

#define TEXT(call)                                                                                 \
    NVML_API nvmlReturn_t nvmlDeviceGet##call(nvmlDevice_t device, char *text, unsigned length) {  \
        return text_call(device, #call, text, length);                                             \
    }
TEXT(Serial)
TEXT(VbiosVersion)
TEXT(BoardPartNumber)
TEXT(InforomImageVersion)

NVML_API nvmlReturn_t nvmlDeviceGetInforomVersion(nvmlDevice_t device, unsigned object, char *text,
                                                  unsigned length) {
    static const char *const OBJECTS[] = {"OEM", "ECC", "POWER"};
    char key[40];
    CALL(device, "InforomVersion");
    if (object >= sizeof OBJECTS / sizeof *OBJECTS) return NVML_ERROR_INVALID_ARGUMENT;
    snprintf(key, sizeof key, "InforomVersion.%s", OBJECTS[object]);
    return read_text(key, text, length);
}

NVML_API nvmlReturn_t nvmlDeviceGetGspFirmwareVersion(nvmlDevice_t device, char *text) {
    return text_call(device, "GspFirmwareVersion", text, 64);
}

NVML_API nvmlReturn_t nvmlDeviceGetGspFirmwareMode(nvmlDevice_t device, unsigned *enabled,
                                                   unsigned *by_default) {
    CALL(device, "GspFirmwareMode");
    nvmlReturn_t result = read_u32(device, "GspFirmwareMode", enabled);
    *by_default = *enabled;
    return result;
}

#define NUMBER(call)                                                                               \
    NVML_API nvmlReturn_t nvmlDeviceGet##call(nvmlDevice_t device, unsigned *number) {             \
        CALL(device, #call);                                                                       \
        return read_u32(device, #call, number);                                                    \
    }
NUMBER(MinorNumber)
NUMBER(Brand)
NUMBER(Architecture)
NUMBER(NumGpuCores)
NUMBER(MemoryBusWidth)
NUMBER(BusType)
NUMBER(BoardId)
NUMBER(MultiGpuBoard)
NUMBER(IrqNum)
NUMBER(ModuleId)

NVML_API nvmlReturn_t nvmlDeviceGetIndex(nvmlDevice_t device, unsigned *index) {
    CALL(device, "Index");
    *index = device->mig < 0 ? device->index : (unsigned)device->mig;
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetCudaComputeCapability(nvmlDevice_t device, int *major,
                                                         int *minor) {
    nvmlReturn_t result;
    CALL(device, "CudaComputeCapability");
    const char *text = read_words("CudaComputeCapability", &result);
    if (text && sscanf(text, "%d.%d", major, minor) != 2) return NVML_ERROR_UNKNOWN;
    return result;
}

/* PciInfo = bus_id=00000000:18:00.0 device_id=0x233010DE subsystem_id=0x16C110DE */
static nvmlReturn_t pci_info(const char *words, nvmlPciInfo_t *info) {
    memset(info, 0, sizeof *info);
    attribute_text(words, "bus_id", info->bus_id, sizeof info->bus_id);
    if (sscanf(info->bus_id, "%x:%x:%x", &info->domain, &info->bus, &info->device) != 3)
        return NVML_ERROR_UNKNOWN;
    snprintf(info->bus_id_legacy, sizeof info->bus_id_legacy, "%04x:%02x:%02x.0",
             info->domain & 0xFFFF, info->bus & 0xFF, info->device & 0x1F);
    info->device_id = (unsigned)attribute(words, "device_id", 0);
    info->subsystem_id = (unsigned)attribute(words, "subsystem_id", 0);
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetPciInfo_v3(nvmlDevice_t device, nvmlPciInfo_t *info) {
    nvmlReturn_t result;
    CALL(device, "PciInfo");
    const char *words = read_words("PciInfo", &result);
    return words ? pci_info(words, info) : result;
}

NVML_API nvmlReturn_t nvmlDeviceGetNvLinkRemotePciInfo_v2(nvmlDevice_t device, unsigned link,
                                                          nvmlPciInfo_t *info) {
    CALL(device, "NvLinkRemotePciInfo");
    const struct value *value = find_indexed(answers(), "NvLinkRemotePciInfo", link);
    if (!value) return NVML_ERROR_NOT_SUPPORTED;
    return value->kind == A_RESULT ? value->result : pci_info(value->text, info);
}

NVML_API nvmlReturn_t nvmlDeviceGetC2cModeInfoV(nvmlDevice_t device, unsigned *enabled) {
    CALL(device, "C2cModeInfo");
    return read_u32(device, "C2cModeInfo", enabled);
}
