"""Arrow IPC, through arro3 (the extra ``otel-etw[arrow]``)."""

from __future__ import annotations

from io import UnsupportedOperation
from typing import Any, BinaryIO

from otel_etw.captures.columns.arrow_types import arro3, arrow_schema
from otel_etw.captures.columns.schema import COLUMNS
from otel_etw.cli.arrow_stream import BatchStream, StreamWriter

__all__ = ["ArrowFileOutput", "ArrowOutput", "ArrowStreamOutput"]

# Rows and bytes of texts in a batch of an Arrow file, where texts are not shared by rows.
_FILE_ROWS = 16_384
_FILE_BYTES = 32 << 20


class _File:
    """A file for the library, which is not told when writing fails: it has other words for that
    than the system. What it writes then is thrown away."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.failure: OSError | None = None

    def write(self, data: bytes) -> int:
        if self.failure is None:
            try:
                self._file.write(data)
            except OSError as error:
                self.failure = error
        return len(data)

    def flush(self) -> None:
        return None

    def seek(self, offset: int, whence: int = 0) -> int:
        # The library asks for files that have it, and never goes back.
        raise UnsupportedOperation("this file is written from its beginning to its end")


class ArrowOutput:
    """Hands batches to a function of the library, which runs in a thread."""

    def __init__(self, file: BinaryIO, plain_texts: bool = False) -> None:
        self._schema = arrow_schema(plain_texts)
        self._file = _File(file)
        self._writer = StreamWriter(self._schema, lambda stream: self._write(stream, self._file))

    def batch(self, batch: Any) -> None:
        self._put(batch)

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        self._writer.finish()
        self._raise_failure()

    def _put(self, batch: Any) -> None:
        self._writer.put(batch)
        self._raise_failure()

    def _raise_failure(self) -> None:
        if self._file.failure is not None:
            raise self._file.failure

    def give_up(self) -> None:
        """End the library's thread, if it runs, before the file is closed."""
        self._writer.give_up()

    def _write(self, stream: BatchStream, file: Any) -> None:
        raise NotImplementedError


class ArrowStreamOutput(ArrowOutput):
    """Arrow's IPC stream: each batch brings the dictionaries of its texts."""

    def _write(self, stream: BatchStream, file: Any) -> None:
        from arro3.io import write_ipc_stream

        write_ipc_stream(stream, file, compression="zstd")


class ArrowFileOutput(ArrowOutput):
    """Arrow's IPC file, as Feather version 2 is. Texts are plain strings: such a file has one
    dictionary for all its batches, which would have to stay in memory."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, plain_texts=True)

    def batch(self, batch: Any) -> None:
        taken = arro3().RecordBatch.from_arrow(batch)
        rows = min(_FILE_ROWS, max(1, _FILE_BYTES // (_longest_texts(taken) + 1)))
        for start in range(0, taken.num_rows, rows):
            self._put(self._plain(taken.slice(start, min(rows, taken.num_rows - start))))

    def _plain(self, batch: Any) -> Any:
        columns = [
            column.cast(self._schema.field(number).type)
            if COLUMNS[number].type.is_dictionary
            else column
            for number, column in enumerate(batch.columns)
        ]
        return arro3().RecordBatch.from_arrays(columns, schema=self._schema)

    def _write(self, stream: BatchStream, file: Any) -> None:
        from arro3.io import write_ipc

        write_ipc(stream, file, compression="zstd")


def _longest_texts(batch: Any) -> int:
    """Bytes of the texts of one row, at most."""
    core = arro3()
    total = 0
    for column, array in zip(COLUMNS, batch.columns, strict=True):
        if column.type.is_dictionary:
            texts = core.dictionary_dictionary(array)
            if texts.nbytes <= _FILE_BYTES // _FILE_ROWS:
                total += texts.nbytes
            else:
                total += max(len(text.as_py().encode()) for text in texts)
    return total
