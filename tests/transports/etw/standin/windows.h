/* Stands in for the Windows SDK where _etw.pyx is tested on another system: types of windows.h. */
#pragma once
#include <stdint.h>

#define NTAPI
#define VOID void
typedef int32_t LONG; /* Windows' long has 32 bits */
typedef uint32_t ULONG;
typedef uint64_t ULONGLONG;
typedef uintptr_t ULONG_PTR;
typedef uint16_t USHORT;
typedef uint8_t UCHAR;
typedef void *PVOID;
typedef struct { uint8_t bytes[16]; } GUID;
typedef const GUID *LPCGUID;

#define InterlockedExchange(target, value) __atomic_exchange_n(target, value, __ATOMIC_SEQ_CST)
