"""Letting other threads run, without the clock's ticks and without a function that others patch."""

cdef extern from *:
    """
    #include <Python.h>
    #ifdef Py_GIL_DISABLED
    /* Other threads run anyway. */
    static void otel_etw_yield(void) {}
    #elif defined(_WIN32)
    #ifndef WIN32_LEAN_AND_MEAN
    #define WIN32_LEAN_AND_MEAN
    #endif
    #include <windows.h>
    /* Sleep() lasts until the next tick of the clock, up to 15.6 ms. */
    static void otel_etw_yield(void) {
        LARGE_INTEGER frequency, begun, now;
        QueryPerformanceFrequency(&frequency);
        QueryPerformanceCounter(&begun);
        do {
            SwitchToThread();
            QueryPerformanceCounter(&now);
        } while (now.QuadPart - begun.QuadPart < frequency.QuadPart / 20000);
    }
    #else
    #include <time.h>
    /* The shortest sleep there is: Linux adds its timer slack of 50 microseconds. */
    static void otel_etw_yield(void) {
        struct timespec shortest = {0, 1};
        nanosleep(&shortest, NULL);
    }
    #endif
    """
    void wait_a_moment "otel_etw_yield"() noexcept nogil


def yield_gil():
    """Let go of the interpreter for some 50 microseconds, which a waiting thread needs to wake up
    and take it."""
    with nogil:
        wait_a_moment()
