//! Times the published crate's `transform_metrics` on a file of length-prefixed requests.
//!
//!     otlp2records-bench FILE [RUNS]
//!
//! prints a line a run: the points, and the nanoseconds of CPU of the transform alone. The file is
//! read, and cut into frames, before the clock starts; batches are dropped within it.

use arrow_array::RecordBatch;
use otlp2records::{transform_metrics, InputFormat};

fn thread_nanoseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Each frame has its length before it, 4 bytes, big-endian.
fn frames(data: &[u8]) -> Vec<&[u8]> {
    let mut found = Vec::new();
    let mut rest = data;
    while let Some((prefix, behind)) = rest.split_at_checked(4) {
        let length = u32::from_be_bytes(prefix.try_into().expect("4 bytes")) as usize;
        let (frame, behind) = behind.split_at(length);
        found.push(frame);
        rest = behind;
    }
    found
}

fn rows(batch: &Option<RecordBatch>) -> usize {
    batch.as_ref().map_or(0, RecordBatch::num_rows)
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().expect("usage: otlp2records-bench FILE [RUNS]");
    let runs = arguments.next().map_or(1, |text| text.parse().expect("a number of runs"));
    let data = std::fs::read(&path).expect("a readable file");
    let frames = frames(&data);
    for _ in 0..runs {
        let mut points = 0;
        let begin = thread_nanoseconds();
        for frame in &frames {
            let made = transform_metrics(frame, InputFormat::Protobuf).expect("a whole request");
            for batch in [&made.gauge, &made.sum, &made.histogram, &made.exp_histogram] {
                points += rows(batch);
            }
        }
        println!("{points} {}", thread_nanoseconds() - begin);
    }
}
