/* Included first where clang stands in for Microsoft's compiler: mingw-w64's headers, seen so, place
   some attributes where neither takes them, and type pid_t as CPython's do not. */
#include <_mingw.h>
#undef __MINGW_ATTRIB_NORETURN
#define __MINGW_ATTRIB_NORETURN
#undef __MINGW_ATTRIB_DEPRECATED
#define __MINGW_ATTRIB_DEPRECATED
#undef __attribute__
#define _PID_T_
