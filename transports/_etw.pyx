"""Event Tracing for Windows, called natively: one provider's registration and its events.

The Python side and all policy are in ``etw.py``; the pure-Python twin of this module is
``etw_ctypes.py``. Sources: the Windows SDK's evntprov.h and its pages on Microsoft Learn; the event
is the Rust crate opentelemetry-etw-metrics' (`otel_etw.event`).

What ETW asks of a producer:

- The enable callback runs on any thread, and already inside EventRegister when a session waits for
  the provider. So it is plain C that touches one struct and never the interpreter, and the struct
  lives until the provider is unregistered.
- Nothing may be written before EventSetInformation has set the traits: until then ETW takes all
  three descriptors for payload.
- EventUnregister must not run beside EventWriteTransfer: the last of the threads that write does
  it when ``close`` came meanwhile. Nobody waits.
"""

cimport cython
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

from otel_etw.encoding._frames cimport Frames

cdef extern from *:
    """
    #ifndef WIN32_LEAN_AND_MEAN
    #define WIN32_LEAN_AND_MEAN
    #endif
    #if !defined(_WIN32_WINNT) || _WIN32_WINNT < 0x0A00
    #undef _WIN32_WINNT
    #define _WIN32_WINNT 0x0A00
    #endif
    #include <windows.h>
    #include <evntprov.h>

    /* Not in every evntprov.h, nor in mingw-w64's: control codes, and an EVENT_INFO_CLASS. */
    enum { OTEL_ETW_DISABLE = 0, OTEL_ETW_ENABLE = 1, OTEL_ETW_SET_TRAITS = 2 };

    /* What the callback and the writing threads share. */
    typedef struct {
        volatile LONG wanted;       /* a session takes our events */
        volatile LONG open;         /* traits are set, and nobody has closed it */
        EVENT_DESCRIPTOR event;
    } otel_etw_session;

    /* PENABLECALLBACK. A level of 0 means all levels, an any-mask of 0 all keywords whatever the
       all-mask is (EnableTraceEx2, remarks). With several sessions ETW hands over the combination
       of their settings and filters for each itself. */
    static VOID NTAPI otel_etw_enable(
        LPCGUID source, ULONG code, UCHAR level, ULONGLONG any, ULONGLONG all,
        PEVENT_FILTER_DESCRIPTOR filter, PVOID context)
    {
        otel_etw_session *session = (otel_etw_session *)context;
        ULONGLONG keyword = session->event.Keyword;
        (void)source;
        (void)filter;
        if (code == OTEL_ETW_ENABLE)
            InterlockedExchange(&session->wanted,
                (level == 0 || session->event.Level <= level)
                && (any == 0 || ((keyword & any) != 0 && (keyword & all) == all)));
        else if (code == OTEL_ETW_DISABLE)
            InterlockedExchange(&session->wanted, 0);
        /* Capture state, code 2, asks for what we do not have. */
    }
    """
    ctypedef unsigned long ULONG
    ctypedef unsigned long long ULONGLONG
    ctypedef long LONG
    ctypedef size_t ULONG_PTR
    ctypedef ULONGLONG REGHANDLE
    ctypedef struct GUID:
        pass
    ctypedef struct EVENT_DESCRIPTOR:
        unsigned short Id
        unsigned char Version, Channel, Level
        ULONGLONG Keyword
    ctypedef struct EVENT_DATA_DESCRIPTOR:
        ULONGLONG Ptr
        ULONG Size, Reserved
    ctypedef struct otel_etw_session:
        LONG wanted, open
        EVENT_DESCRIPTOR event
    ctypedef enum EVENT_INFO_CLASS:
        pass
    int OTEL_ETW_SET_TRAITS
    ctypedef void *PENABLECALLBACK
    PENABLECALLBACK otel_etw_enable
    LONG InterlockedExchange(LONG *target, LONG value) noexcept nogil
    ULONG EventRegister(
        const GUID *provider, PENABLECALLBACK callback, void *context,
        REGHANDLE *handle) noexcept nogil
    ULONG EventUnregister(REGHANDLE handle) noexcept nogil
    ULONG EventSetInformation(
        REGHANDLE handle, EVENT_INFO_CLASS kind, void *information, ULONG size) noexcept nogil
    ULONG EventWriteTransfer(
        REGHANDLE handle, const EVENT_DESCRIPTOR *event,
        const GUID *activity, const GUID *related_activity,
        ULONG count, EVENT_DATA_DESCRIPTOR *data) noexcept nogil

cdef enum:
    # EVENT_DATA_DESCRIPTOR.Type, the low byte of Reserved.
    USER_DATA = 0
    EVENT_METADATA = 1
    PROVIDER_METADATA = 2

from otel_etw.transports.etw_codes import CLOSED


@cython.final
cdef class Registration:
    """A provider registered with ETW until it is closed, or nothing refers to it.

    ``guid``: 16 bytes in memory order; ``traits``: `Provider.traits`; ``schema``: `EVENT_SCHEMA`.

    Attributes:
        register_error: EventRegister's code. Not 0: no session can ever listen.
        traits_error: EventSetInformation's code. Not 0: events go out without traits and schema, as
            the payload alone in channel 0, which is how .NET's EventSource writes them; ETW would
            else put traits and schema before the payload.
    """

    cdef otel_etw_session *session
    cdef REGHANDLE handle
    cdef bytes traits, schema
    cdef readonly ULONG register_error, traits_error
    # Guarded by ``turn``:
    cdef cython.pymutex turn
    cdef Py_ssize_t writing  # threads inside ``send``
    cdef bint registered

    def __cinit__(self):
        self.session = <otel_etw_session *>calloc(1, sizeof(otel_etw_session))
        if self.session == NULL:
            raise MemoryError("no memory for an ETW registration")

    def __init__(
        self, bytes guid not None, bytes traits not None, bytes schema not None, *,
        int event_id, int version, int channel, int level, ULONGLONG keyword,
    ):
        cdef GUID provider
        if len(guid) != sizeof(GUID):
            raise ValueError(f"a GUID has 16 bytes, not {len(guid)}")
        if self.traits is not None:
            raise TypeError("a registration is made once")
        memcpy(&provider, <const uint8_t *>guid, sizeof(GUID))
        self.traits, self.schema = traits, schema
        self.session.event.Id = event_id
        self.session.event.Version = version
        self.session.event.Channel = channel
        self.session.event.Level = level
        self.session.event.Keyword = keyword
        self._register(&provider)

    cdef int _register(self, const GUID *provider) except -1:
        cdef const uint8_t *traits = self.traits
        cdef ULONG size = <ULONG>len(self.traits)
        with nogil:
            self.register_error = EventRegister(
                provider, otel_etw_enable, self.session, &self.handle)
            if self.register_error == 0:
                self.traits_error = EventSetInformation(
                    self.handle, <EVENT_INFO_CLASS>OTEL_ETW_SET_TRAITS, <void *>traits, size)
        if self.register_error:
            return 0
        self.registered = True
        if self.traits_error:
            self.session.event.Channel = 0
        InterlockedExchange(&self.session.open, 1)
        return 0

    def __dealloc__(self):
        if self.registered:
            EventUnregister(self.handle)
        free(self.session)

    @property
    def enabled(self):
        """Whether a session takes our events: two reads of memory."""
        return self.session.wanted != 0 and self.session.open != 0

    def send(self, frames):
        """Write each frame as an event; returns (index, code) of those that were not.

        The code is EventWriteTransfer's, or `CLOSED`. The GIL is released for the whole batch.
        Frames that are not compiled are copied first.
        """
        if isinstance(frames, Frames):
            return self._send(frames)
        return self._send(Frames(frames, [0] * len(frames)))

    cdef list _send(self, Frames frames):
        cdef Py_ssize_t written
        cdef uint32_t *codes = <uint32_t *>calloc(frames.count or 1, sizeof(uint32_t))
        if codes == NULL:
            raise MemoryError(f"no memory for the codes of {frames.count} frames")
        try:
            written = 0
            if self._begin():
                try:
                    written = self._write(frames, codes)
                finally:
                    self._end()
            failed = [(index, codes[index]) for index in range(written) if codes[index]]
            return failed + [(index, CLOSED) for index in range(written, frames.count)]
        finally:
            free(codes)

    def close(self):
        """Unregister, or leave it to the last thread that writes now. May be called again."""
        cdef bint unregister = False
        InterlockedExchange(&self.session.open, 0)
        with self.turn:
            if self.writing:
                return
            unregister = self.registered
            self.registered = False
        if unregister:
            self._unregister()

    cdef bint _begin(self) except -1:
        with self.turn:
            if not self.session.open:
                return False
            self.writing += 1
        return True

    cdef int _end(self) except -1:
        cdef bint unregister = False
        with self.turn:
            self.writing -= 1
            unregister = self.registered and not self.writing and not self.session.open
            if unregister:
                self.registered = False
        if unregister:
            self._unregister()
        return 0

    cdef int _unregister(self) except -1:
        with nogil:
            EventUnregister(self.handle)
        return 0

    cdef Py_ssize_t _write(self, Frames frames, uint32_t *codes) except -1:
        """How many were handed over before somebody closed."""
        cdef EVENT_DATA_DESCRIPTOR data[3]
        cdef EVENT_DATA_DESCRIPTOR *first = data
        cdef ULONG count = 3
        cdef const uint8_t *traits = self.traits
        cdef const uint8_t *schema = self.schema
        cdef Py_ssize_t index
        cdef size_t begin
        _describe(&data[0], traits, len(self.traits), PROVIDER_METADATA)
        _describe(&data[1], schema, len(self.schema), EVENT_METADATA)
        if self.traits_error:
            first, count = &data[2], 1
        with nogil:
            for index in range(frames.count):
                if not self.session.open:
                    return index
                begin = frames.begin(index)
                _describe(&data[2], frames.data + begin, frames.frames[index].end - begin,
                          USER_DATA)
                codes[index] = EventWriteTransfer(
                    self.handle, &self.session.event, NULL, NULL, count, first)
        return frames.count


cdef void _describe(
    EVENT_DATA_DESCRIPTOR *to, const uint8_t *data, size_t size, ULONG kind
) noexcept nogil:
    to.Ptr = <ULONGLONG><ULONG_PTR>data
    to.Size = <ULONG>size
    to.Reserved = kind
