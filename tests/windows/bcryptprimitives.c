/* Wine 8 has no bcryptprimitives.dll. Extensions written in Rust need one function of it. */

#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(PBYTE data, SIZE_T size)
{
    /* RtlGenRandom counts in 32 bits. */
    const SIZE_T most = 1 << 30;
    while (size) {
        const ULONG part = (ULONG)(size < most ? size : most);
        if (!RtlGenRandom(data, part))
            return FALSE;
        data += part;
        size -= part;
    }
    return TRUE;
}
