"""Batches that are handed over one by one, as a stream that an Arrow library reads.

https://arrow.apache.org/docs/format/CStreamInterface.html. The library asks for each batch, and so
do we for each file: one of both has to be in another thread, and it is the library.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from ctypes import (
    CFUNCTYPE,
    Structure,
    c_char_p,
    c_int,
    c_int64,
    c_void_p,
    memmove,
    memset,
    py_object,
    pythonapi,
    sizeof,
)
from ctypes import addressof as address_of
from errno import EIO
from typing import Any

__all__ = ["BatchStream", "StreamWriter"]


class _Schema(Structure):
    _fields_ = (
        *(("format", c_char_p), ("name", c_char_p), ("metadata", c_void_p), ("flags", c_int64)),
        *(("n_children", c_int64), ("children", c_void_p), ("dictionary", c_void_p)),
        *(("release", c_void_p), ("private_data", c_void_p)),
    )


class _Array(Structure):
    _fields_ = (
        *(("length", c_int64), ("null_count", c_int64), ("offset", c_int64)),
        *(("n_buffers", c_int64), ("n_children", c_int64), ("buffers", c_void_p)),
        *(("children", c_void_p), ("dictionary", c_void_p)),
        *(("release", c_void_p), ("private_data", c_void_p)),
    )


_Get = CFUNCTYPE(c_int, c_void_p, c_void_p)
_LastError = CFUNCTYPE(c_void_p, c_void_p)
_Release = CFUNCTYPE(None, c_void_p)


class _Stream(Structure):
    _fields_ = (
        ("get_schema", _Get),
        ("get_next", _Get),
        ("get_last_error", _LastError),
        ("release", _Release),
        ("private_data", c_void_p),
    )


_new_capsule = pythonapi.PyCapsule_New
_new_capsule.restype = py_object
_new_capsule.argtypes = [c_void_p, c_char_p, c_void_p]
_pointer_of = pythonapi.PyCapsule_GetPointer
_pointer_of.restype = c_void_p
_pointer_of.argtypes = [py_object, c_char_p]


class BatchStream:
    """An object with ``__arrow_c_stream__``, whose batches are what a function returns.

    ``schema`` has ``__arrow_c_schema__``, batches have ``__arrow_c_array__``, None is the end. What
    the function raises, the reading library is told as an error, and ``failure`` keeps it. It must
    be kept alive until the library has read it.
    """

    def __init__(self, schema: Any, next_batch: Callable[[], Any]) -> None:
        self.failure: BaseException | None = None
        self._schema = schema
        self._next_batch = next_batch
        self._stream = _Stream(
            _Get(self._get_schema),
            _Get(self._get_next),
            _LastError(lambda stream: None),
            _Release(self._release),
            None,
        )

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        # No destructor: nothing of it outlives this object.
        return _new_capsule(address_of(self._stream), b"arrow_array_stream", None)

    def _get_schema(self, stream: int, place: int) -> int:
        return self._given(
            place, lambda: self._schema.__arrow_c_schema__(), b"arrow_schema", _Schema
        )

    def _get_next(self, stream: int, place: int) -> int:
        def exported() -> Any:
            batch = self._next_batch()
            return None if batch is None else batch.__arrow_c_array__()[1]

        return self._given(place, exported, b"arrow_array", _Array)

    def _given(
        self, place: int, export: Callable[[], Any], name: bytes, kind: type[Structure]
    ) -> int:
        """Move what a capsule holds to its place: it then belongs to who asked for it."""
        try:
            capsule = export()
            memset(place, 0, sizeof(kind))
            if capsule is not None:
                exported = _pointer_of(capsule, name)
                memmove(place, exported, sizeof(kind))
                kind.from_address(exported).release = None
        except BaseException as error:
            self.failure = error
            return EIO
        return 0

    def _release(self, stream: int) -> None:
        # That it is NULL says that it was released.
        memset(stream + _Stream.release.offset, 0, sizeof(c_void_p))


class StreamWriter:
    """Runs a function that reads a `BatchStream` in a thread of its own, and feeds it.

    One batch waits at most while another is written.
    """

    def __init__(self, schema: Any, write: Callable[[BatchStream], object]) -> None:
        self._change = threading.Condition()
        self._batch: Any = None
        self._is_last = self._is_given_up = self._is_done = False
        self._failure: BaseException | None = None
        self._stream = BatchStream(schema, self._wait_for_batch)
        self._thread = threading.Thread(target=self._run, args=(write,), daemon=True)
        self._thread.start()

    def put(self, batch: Any) -> None:
        """Hand over a batch as soon as the one before is taken. Raises what writing raised."""
        with self._change:
            self._change.wait_for(lambda: self._batch is None or self._is_done)
            self._raise_failure()
            self._batch = batch
            self._change.notify_all()

    def finish(self) -> None:
        """Wait until all is written. Raises what writing raised."""
        with self._change:
            self._is_last = True
            self._change.notify_all()
            self._change.wait_for(lambda: self._is_done)
            self._raise_failure()
        self._thread.join()

    def give_up(self) -> None:
        """End the thread, if it has not ended, without the rest: the file is as if that was all."""
        with self._change:
            self._is_given_up = True
            self._change.notify_all()
        self._thread.join()

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _wait_for_batch(self) -> Any:
        with self._change:
            self._change.wait_for(
                lambda: self._batch is not None or self._is_last or self._is_given_up
            )
            if self._is_given_up:
                return None
            batch, self._batch = self._batch, None
            self._change.notify_all()
            return batch

    def _run(self, write: Callable[[BatchStream], object]) -> None:
        failure: BaseException | None = None
        try:
            write(self._stream)
        except BaseException as error:
            failure = self._stream.failure or error
        with self._change:
            self._failure = failure
            self._is_done = True
            self._change.notify_all()
