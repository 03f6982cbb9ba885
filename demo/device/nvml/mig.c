/* GPUs cut into instances; each MIG device has a section of its own, [gpu 0 mig 1]. */
#include <stdio.h>
#include <string.h>

#include "device.h"

NVML_API nvmlReturn_t nvmlDeviceGetMigMode(nvmlDevice_t device, unsigned *current,
                                           unsigned *pending) {
    CALL(device, "MigMode");
    nvmlReturn_t result = read_u32(device, "MigMode", current);
    *pending = *current;
    return result;
}

NVML_API nvmlReturn_t nvmlDeviceGetMaxMigDeviceCount(nvmlDevice_t device, unsigned *count) {
    CALL(device, "MaxMigDeviceCount");
    nvmlReturn_t result = read_u32(device, "MaxMigDeviceCount", count);
    if (result == NVML_ERROR_NOT_SUPPORTED) *count = 0;
    return result == NVML_ERROR_NOT_SUPPORTED ? NVML_SUCCESS : result;
}

NVML_API nvmlReturn_t nvmlDeviceGetMigDeviceHandleByIndex(nvmlDevice_t device, unsigned index,
                                                          nvmlDevice_t *mig) {
    CALL(device, "MigDeviceHandleByIndex");
    if (index >= MAX_MIG) return NVML_ERROR_INVALID_ARGUMENT;
    *mig = mig_at(device->index, index);
    return *mig ? NVML_SUCCESS : NVML_ERROR_NOT_FOUND;
}

NVML_API nvmlReturn_t nvmlDeviceGetDeviceHandleFromMigDeviceHandle(nvmlDevice_t mig,
                                                                   nvmlDevice_t *device) {
    CALL(mig, "DeviceHandleFromMigDeviceHandle");
    *device = mig->parent;
    return mig->parent ? NVML_SUCCESS : NVML_ERROR_INVALID_ARGUMENT;
}

NVML_API nvmlReturn_t nvmlDeviceIsMigDeviceHandle(nvmlDevice_t device, unsigned *is_mig) {
    CALL(device, "IsMigDeviceHandle");
    *is_mig = device->mig >= 0;
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetGpuInstanceId(nvmlDevice_t device, unsigned *id) {
    CALL(device, "GpuInstanceId");
    return read_u32(device, "GpuInstanceId", id);
}

NVML_API nvmlReturn_t nvmlDeviceGetComputeInstanceId(nvmlDevice_t device, unsigned *id) {
    CALL(device, "ComputeInstanceId");
    return read_u32(device, "ComputeInstanceId", id);
}

/* Attributes = sms=16 copy=1 dec=1 enc=0 jpeg=1 ofa=0 gpu_slices=1 compute_slices=1 memory=16384 */
NVML_API nvmlReturn_t nvmlDeviceGetAttributes_v2(nvmlDevice_t device, nvmlDeviceAttributes_t *told) {
    nvmlReturn_t result;
    CALL(device, "Attributes");
    const char *words = read_words("Attributes", &result);
    if (!words) return result;
    *told = (nvmlDeviceAttributes_t){
        .multiprocessors = to_u32(attribute(words, "sms", 0)),
        .copy_engines = to_u32(attribute(words, "copy", 0)),
        .decoders = to_u32(attribute(words, "dec", 0)),
        .encoders = to_u32(attribute(words, "enc", 0)),
        .jpegs = to_u32(attribute(words, "jpeg", 0)),
        .ofas = to_u32(attribute(words, "ofa", 0)),
        .gpu_slices = to_u32(attribute(words, "gpu_slices", 0)),
        .compute_slices = to_u32(attribute(words, "compute_slices", 0)),
        .memory_mb = to_u64(attribute(words, "memory", 0)),
    };
    return NVML_SUCCESS;
}

/* ---- GPU instances ---- */

static int instance_has(struct device *mig, const char *key, unsigned wanted) {
    unsigned number;
    return mig && begin(mig, "GpuInstance") == NVML_SUCCESS &&
           read_u32(mig, key, &number) == NVML_SUCCESS && number == wanted;
}

/* MIG devices of one instance share its id: the first of them stands for it. */
static int is_first_of_instance(unsigned index, unsigned mig) {
    unsigned id;
    struct device *device = mig_at(index, mig);
    if (begin(device, "GpuInstance") || read_u32(device, "GpuInstanceId", &id)) return 0;
    for (unsigned i = 0; i < mig; i++)
        if (instance_has(mig_at(index, i), "GpuInstanceId", id)) return 0;
    return 1;
}

NVML_API nvmlReturn_t nvmlDeviceGetGpuInstances(nvmlDevice_t device, unsigned profile,
                                                nvmlGpuInstance_t *instances, unsigned *count) {
    CALL(device, "GpuInstances");
    *count = 0;
    for (unsigned i = 0; i < MAX_MIG; i++) {
        struct device *mig = mig_at(device->index, i);
        if (instance_has(mig, "GpuInstanceProfileId", profile) &&
            is_first_of_instance(device->index, i))
            instances[(*count)++] = mig;
    }
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetGpuInstanceById(nvmlDevice_t device, unsigned id,
                                                   nvmlGpuInstance_t *instance) {
    CALL(device, "GpuInstances");
    for (unsigned i = 0; i < MAX_MIG; i++)
        if (instance_has(mig_at(device->index, i), "GpuInstanceId", id))
            return *instance = mig_at(device->index, i), NVML_SUCCESS;
    return NVML_ERROR_NOT_FOUND;
}

NVML_API nvmlReturn_t nvmlGpuInstanceGetInfo(nvmlGpuInstance_t instance,
                                             nvmlGpuInstanceInfo_t *info) {
    CALL(instance, "GpuInstanceInfo");
    memset(info, 0, sizeof *info);
    info->device = instance->parent;
    nvmlReturn_t result = read_u32(instance, "GpuInstanceId", &info->id);
    if (result == NVML_SUCCESS) result = read_u32(instance, "GpuInstanceProfileId", &info->profile);
    const char *place = text_of(answers(), "GpuInstancePlacement");
    info->placement.start = to_u32(attribute(place, "start", 0));
    info->placement.size = to_u32(attribute(place, "size", 1));
    return result;
}

/* GpuInstanceProfileInfo.0 = id=19 slices=1 instances=7 sms=16 copy=1 dec=1 jpeg=1 memory=16384
 * name=1g.18gb, by the profile's number in nvml.h */
NVML_API nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfoV(nvmlDevice_t device, unsigned profile,
                                                           nvmlGpuInstanceProfileInfo_v2_t *info) {
    nvmlReturn_t result;
    char key[48], name[64];
    if (info->version != VERSIONED(nvmlGpuInstanceProfileInfo_v2_t, 2))
        return NVML_ERROR_ARGUMENT_VERSION_MISMATCH;
    CALL(device, "GpuInstanceProfileInfo");
    snprintf(key, sizeof key, "GpuInstanceProfileInfo.%u", profile);
    const char *words = read_words(key, &result);
    if (!words) return result;
    info->id = to_u32(attribute(words, "id", 0));
    info->p2p = 0;
    info->slices = to_u32(attribute(words, "slices", 1));
    info->instances = to_u32(attribute(words, "instances", 1));
    info->multiprocessors = to_u32(attribute(words, "sms", 0));
    info->copy_engines = to_u32(attribute(words, "copy", 0));
    info->decoders = to_u32(attribute(words, "dec", 0));
    info->encoders = to_u32(attribute(words, "enc", 0));
    info->jpegs = to_u32(attribute(words, "jpeg", 0));
    info->ofas = to_u32(attribute(words, "ofa", 0));
    info->memory_mb = to_u64(attribute(words, "memory", 0));
    attribute_text(words, "name", name, sizeof name);
    snprintf(info->name, sizeof info->name, "MIG %s", name);
    return NVML_SUCCESS;
}

NVML_API nvmlReturn_t nvmlDeviceGetGpuInstanceProfileInfo(nvmlDevice_t device, unsigned profile,
                                                          nvmlGpuInstanceProfileInfo_t *info) {
    nvmlGpuInstanceProfileInfo_v2_t full = {
        .version = VERSIONED(nvmlGpuInstanceProfileInfo_v2_t, 2)};
    nvmlReturn_t result = nvmlDeviceGetGpuInstanceProfileInfoV(device, profile, &full);
    if (result != NVML_SUCCESS) return result;
    *info = (nvmlGpuInstanceProfileInfo_t){
        full.id, full.p2p, full.slices, full.instances, full.multiprocessors, full.copy_engines,
        full.decoders, full.encoders, full.jpegs, full.ofas, full.memory_mb};
    return NVML_SUCCESS;
}
