"""Other programs' ways to read the same files, for the cases of ``cases.py``.

They come with the group of dependencies ``bench``, but for the Rust crate in ``otlp2records/``. No
peer decodes the metrics in events: each is asked for its records, and does no more.
"""

from __future__ import annotations

from pathlib import Path


def etl_parser(path: Path) -> int:
    """Records that etl-parser gives; it wants the whole file in memory."""
    from etl.etl import IEtlFileObserver, build_from_stream

    class Counting(IEtlFileObserver):  # type: ignore[misc]
        count = 0

        def on_event_record(self, event: object) -> None:
            self.count += 1

        on_trace_record = on_perfinfo_trace = on_event_record
        on_system_trace = on_win_trace = on_event_record

    counting = Counting()
    build_from_stream(path.read_bytes()).parse(counting)
    return counting.count


def dissect_etl(path: Path) -> int:
    """Records that dissect.etl gives; of events provider, time and payload, by which one would
    look for ours."""
    from dissect.etl import ETL

    count = 0
    with path.open("rb") as file:
        for buffer in ETL(file).buffers():
            for record in buffer:
                header = record.header
                if type(header).__name__ == "EventHeader":
                    (
                        header.provider_id,
                        header.timestamp,
                        len(header.payload),
                    )  # they are made when asked for
                count += 1
    return count


def protobuf(payloads: list[bytes]) -> None:
    """The messages alone, not one field read."""
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
        ExportMetricsServiceRequest,
    )

    for payload in payloads:
        ExportMetricsServiceRequest.FromString(payload)


class Polars:
    """Text from a table that is in memory already. Its CSV has no lists, so they are left out."""

    def __init__(self, batches: list[object]) -> None:
        import polars

        frame = polars.concat([polars.DataFrame(batch) for batch in batches])
        nested = [name for name, kind in frame.schema.items() if kind.is_nested()]
        self._frame = frame.drop(nested)

    def csv(self, path: Path) -> None:
        self._frame.write_csv(path)

    def json_lines(self, path: Path) -> None:
        self._frame.write_ndjson(path)


class PyArrow:
    """As ``Polars``."""

    def __init__(self, batches: list[object]) -> None:
        import pyarrow

        table = pyarrow.Table.from_batches([pyarrow.record_batch(batch) for batch in batches])
        flat = [field.name for field in table.schema if not pyarrow.types.is_nested(field.type)]
        self._table = table.select(flat)

    def csv(self, path: Path) -> None:
        import pyarrow.csv

        pyarrow.csv.write_csv(self._table, path)
