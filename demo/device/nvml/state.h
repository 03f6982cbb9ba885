/* The device state file that replicas and fault injection write; state.py holds the same layout. */
#ifndef STATE_H
#define STATE_H

#include "abi.h"

#define XID_RING 16
#define CALL_SLOTS 16

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
    int64_t call_results[CALL_SLOTS]; /* per failable call: 0, or what it shall return */
};

nvmlReturn_t map_state(void); /* NVML_SUCCESS, too, where no state file is asked for */
void unmap_state(void);
unsigned state_count(void); /* 0 without a state file */
volatile struct device_record *state_record(unsigned index); /* NULL without a state file */

int is_held(const volatile struct device_record *record);
double busy_of(const volatile struct device_record *record, double now);
nvmlReturn_t call_result(const volatile struct device_record *record, const char *call);

#endif
