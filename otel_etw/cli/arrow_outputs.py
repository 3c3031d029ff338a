"""Parquet and Arrow IPC, through pyarrow (the extra ``otel-etw[arrow]``)."""

from __future__ import annotations

from typing import Any, BinaryIO

from otel_etw.captures.columns.arrow_types import arrow_schema, pyarrow
from otel_etw.captures.columns.schema import COLUMNS, Column

__all__ = ["ArrowFileOutput", "ArrowStreamOutput", "ParquetOutput"]

# Rows and bytes that are written at a time: small batches are put together.
_ROWS = 65_536
_BYTES = 16 << 20
# Rows of a batch in an Arrow file, whose texts are not shared by rows.
_FILE_ROWS = 16_384

# Columns of text that people ask Parquet for by value: of these it keeps the least and greatest.
_SOUGHT = ("MetricName", "ServiceName")
# Columns whose values do not repeat: a dictionary of them would be given up after a while.
_VARIED = {"TimeUnix", "Value", "ValueInt", "Count", "Sum", "Min", "Max"}
# Doubles whose bytes compress better one beside the other.
_DOUBLES = ("Value", "Sum", "Min", "Max")


class _Gathered:
    """Puts small batches together, and writes them when there is enough."""

    def __init__(self) -> None:
        self._pa = pyarrow()
        # The pool that it has by default keeps some 20 MB more of what was freed.
        self._pa.set_memory_pool(self._pa.system_memory_pool())
        self._batches: list[Any] = []
        self._rows = 0
        self._bytes = 0

    def batch(self, batch: Any) -> None:
        taken = self._pa.record_batch(batch)
        if self._rows and self._rows + taken.num_rows > _ROWS:
            self._write_gathered()
        self._batches.append(taken)
        self._rows += taken.num_rows
        self._bytes += taken.nbytes
        if self._rows >= _ROWS or self._bytes >= _BYTES:
            self._write_gathered()

    def settle(self) -> None:
        return None

    def finish(self) -> None:
        self._write_gathered()
        self._close()

    def _write_gathered(self) -> None:
        if self._batches:
            batches, self._batches, self._rows, self._bytes = self._batches, [], 0, 0
            table = self._pa.Table.from_batches(batches)
            if len(batches) > 1:
                table = table.unify_dictionaries().combine_chunks()
            self._write(table)

    def _write(self, table: Any) -> None:
        raise NotImplementedError

    def _close(self) -> None:
        raise NotImplementedError


class ParquetOutput(_Gathered):
    """A row group for each 65,536 rows or 16 MiB of columns, compressed with zstd."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        from pyarrow.parquet import ParquetWriter

        self._writer = ParquetWriter(
            file,
            arrow_schema(),
            compression="zstd",
            compression_level=1,
            use_dictionary=[_path(column) for column in COLUMNS if column.name not in _VARIED],
            write_statistics=[
                column.name
                for column in COLUMNS
                if column.name in _SOUGHT
                or not (column.type.is_dictionary or column.type.children)
            ],
            column_encoding=dict.fromkeys(_DOUBLES, "BYTE_STREAM_SPLIT"),
            write_batch_size=_ROWS,
        )

    def _write(self, table: Any) -> None:
        self._writer.write_table(table, row_group_size=_ROWS)

    def _close(self) -> None:
        self._writer.close()


def _path(column: Column) -> str:
    """What Parquet calls the values of a column."""
    return f"{column.name}.list.element" if column.type.children else column.name


class ArrowStreamOutput(_Gathered):
    """Arrow's IPC stream: each batch brings the dictionaries of its texts."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        options = self._pa.ipc.IpcWriteOptions(compression="zstd")
        self._writer = self._pa.ipc.new_stream(file, arrow_schema(), options=options)

    def _write(self, table: Any) -> None:
        self._writer.write_table(table)

    def _close(self) -> None:
        self._writer.close()


class ArrowFileOutput(_Gathered):
    """Arrow's IPC file, as Feather version 2 is. Texts are plain strings: such a file has one
    dictionary for all its batches, which would have to stay in memory."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        options = self._pa.ipc.IpcWriteOptions(compression="zstd")
        self._schema = arrow_schema(plain_texts=True)
        self._writer = self._pa.ipc.new_file(file, self._schema, options=options)

    def _write(self, table: Any) -> None:
        for start in range(0, table.num_rows, _FILE_ROWS):
            self._writer.write_table(table.slice(start, _FILE_ROWS).cast(self._schema))

    def _close(self) -> None:
        self._writer.close()
