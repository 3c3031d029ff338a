"""Numbers and pointers that threads share without a lock: C11's atomics, and MSVC's own."""

cdef extern from *:
    """
    #ifndef OTEL_ETW_ATOMIC
    #define OTEL_ETW_ATOMIC
    #include <stddef.h>
    #if defined(_MSC_VER)
    #include <intrin.h>
    typedef volatile long otel_etw_counter;
    typedef void *volatile otel_etw_place;
    static inline long otel_etw_add(otel_etw_counter *counter, long number) {
        return _InterlockedExchangeAdd(counter, number) + number;
    }
    static inline void *otel_etw_exchange(otel_etw_place *place, void *pointer) {
        return _InterlockedExchangePointer(place, pointer);
    }
    static inline int otel_etw_offer(otel_etw_place *place, void *pointer) {
        return _InterlockedCompareExchangePointer(place, pointer, NULL) == NULL;
    }
    #else
    #include <stdatomic.h>
    typedef atomic_long otel_etw_counter;
    typedef void *_Atomic otel_etw_place;
    static inline long otel_etw_add(otel_etw_counter *counter, long number) {
        return atomic_fetch_add(counter, number) + number;
    }
    static inline void *otel_etw_exchange(otel_etw_place *place, void *pointer) {
        return atomic_exchange(place, pointer);
    }
    static inline int otel_etw_offer(otel_etw_place *place, void *pointer) {
        void *expected = NULL;
        return atomic_compare_exchange_strong(place, &expected, pointer);
    }
    #endif
    #endif
    """
    ctypedef struct Counter "otel_etw_counter":
        pass
    ctypedef struct Place "otel_etw_place":
        pass
    # The number that stands there afterwards.
    long add_to "otel_etw_add"(Counter *counter, long number) noexcept nogil
    # The pointer that stood there.
    void *exchange "otel_etw_exchange"(Place *place, void *pointer) noexcept nogil
    # Whether the place was free, and now holds the pointer.
    bint offer "otel_etw_offer"(Place *place, void *pointer) noexcept nogil


cdef inline bint begin_use(Counter *users) noexcept nogil:
    """Whether no other thread uses what these are the users of: then `end_use` must follow."""
    if add_to(users, 1) == 1:
        return True
    add_to(users, -1)
    return False


cdef inline void end_use(Counter *users) noexcept nogil:
    add_to(users, -1)
