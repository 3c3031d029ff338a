"""Hypothesis: what crashes, disks and hands do to a file."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.support.capture_files import File


@st.composite
def damaged(draw: st.DrawFn, file: File, most: int = 3) -> File:
    """``file`` after some places of it were overwritten, cut out, or filled in."""
    for _ in range(draw(st.integers(1, most))):
        size = len(file.data)
        start = draw(st.integers(0, size))
        length = draw(st.just(0) | st.integers(1, 40) | st.integers(0, size - start))
        copied = draw(st.integers(0, size))
        by = draw(
            st.binary(max_size=40)
            | st.just(b"")
            | st.integers(1, 300).map(bytes)
            | st.sampled_from(
                [b"\n" * 50, b"\0\0\0\x06\n\x04\n\x02", b'{"resourceMetrics":[', b"}]}"]
            )
            | st.sampled_from([file.data[copied : copied + 200], file.data[copied : copied + 9]])
        )
        file.replace(start, length, by)
    return file
