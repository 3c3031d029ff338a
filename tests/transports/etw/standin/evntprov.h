/* Stands in for evntprov.h: ETW's calls go to function pointers, which recorder.py sets. The module
   that was compiled with this exports them. */
#pragma once
#include <windows.h>

typedef ULONGLONG REGHANDLE;
typedef struct {
    USHORT Id;
    UCHAR Version, Channel, Level, Opcode;
    USHORT Task;
    ULONGLONG Keyword;
} EVENT_DESCRIPTOR;
typedef struct {
    ULONGLONG Ptr;
    ULONG Size, Reserved;
} EVENT_DATA_DESCRIPTOR;
typedef struct EVENT_FILTER_DESCRIPTOR *PEVENT_FILTER_DESCRIPTOR;
typedef VOID (NTAPI *PENABLECALLBACK)(LPCGUID source, ULONG code, UCHAR level, ULONGLONG any,
                                      ULONGLONG all, PEVENT_FILTER_DESCRIPTOR filter, PVOID context);
typedef enum { EventProviderBinaryTrackInfo } EVENT_INFO_CLASS; /* as far as old headers go */

#define EXPORTED __attribute__((visibility("default")))
EXPORTED ULONG (*standin_EventRegister)(LPCGUID, PENABLECALLBACK, PVOID, REGHANDLE *);
EXPORTED ULONG (*standin_EventSetInformation)(REGHANDLE, EVENT_INFO_CLASS, PVOID, ULONG);
EXPORTED ULONG (*standin_EventWriteTransfer)(REGHANDLE, const EVENT_DESCRIPTOR *, LPCGUID, LPCGUID,
                                             ULONG, EVENT_DATA_DESCRIPTOR *);
EXPORTED ULONG (*standin_EventUnregister)(REGHANDLE);

#define EventRegister standin_EventRegister
#define EventSetInformation standin_EventSetInformation
#define EventWriteTransfer standin_EventWriteTransfer
#define EventUnregister standin_EventUnregister
