//! Times the published crate's `export` on the workloads of `workloads.py`.
//!
//!     otel-etw-bench WORKLOAD EXPORTS [INSTRUMENTS SERIES]
//!
//! prints one line an export: the nanoseconds of CPU that it took. Data is recorded and collected
//! anew for each, by the Rust SDK, and not counted. Off Windows the crate's write does nothing;
//! its conversion and its encoding are real.

use opentelemetry::metrics::MeterProvider as _;
use opentelemetry::KeyValue;
use opentelemetry_etw_metrics::MetricsExporter;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::metrics::data::ResourceMetrics;
use opentelemetry_sdk::metrics::exporter::PushMetricExporter;
use opentelemetry_sdk::metrics::{
    Aggregation, Instrument, PeriodicReader, SdkMeterProvider, Stream, Temporality,
};
use opentelemetry_sdk::Resource;
use std::time::Duration;

/// The crate's exporter between two looks at the clock.
struct Timed(MetricsExporter);

fn thread_nanoseconds() -> i64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut now) };
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

/// Where callgrind writes down what it counted since the last mark: see `instructions.py`.
fn mark() {
    unsafe { libc::getppid() };
}

impl PushMetricExporter for Timed {
    async fn export(&self, metrics: &ResourceMetrics) -> OTelSdkResult {
        mark();
        let begin = thread_nanoseconds();
        let result = self.0.export(metrics).await;
        let spent = thread_nanoseconds() - begin;
        mark();
        println!("{spent}");
        result
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.0.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.0.shutdown_with_timeout(timeout)
    }

    fn temporality(&self) -> Temporality {
        self.0.temporality()
    }
}

fn one(number: i64) -> Vec<KeyValue> {
    vec![KeyValue::new("datapoint key", format!("datapoint value {number}"))]
}

fn three(number: i64) -> Vec<KeyValue> {
    vec![
        KeyValue::new("host", format!("host-{number}")),
        KeyValue::new("route", "/api/v1/items"),
        KeyValue::new("method", "GET"),
    ]
}

fn five(number: i64) -> Vec<KeyValue> {
    vec![
        KeyValue::new("host", format!("host-{number}")),
        KeyValue::new("route", "/api/v1/items"),
        KeyValue::new("status", 200 + number % 5),
        KeyValue::new("cached", number % 2 == 0),
        KeyValue::new("share", number as f64 / 7.0),
    ]
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |index: usize| -> Option<i64> { arguments.get(index)?.parse().ok() };
    let workload = arguments.get(1).map_or("", String::as_str);
    // As workloads.py: instruments, series, attributes.
    let (instruments, series, attributes): (i64, i64, fn(i64) -> Vec<KeyValue>) = match workload {
        "a" => (10, 2_000, one),
        "b" => (10, 1_000, five),
        "c" => (10, 500, three),
        "d" => (10, 200, three),
        "e" => (2, 5, three),
        _ => panic!("usage: otel-etw-bench a|b|c|d|e EXPORTS [INSTRUMENTS SERIES]"),
    };
    let exports = number(2).unwrap_or(1);
    let instruments = number(3).unwrap_or(instruments);
    let series = number(4).unwrap_or(series);
    let exponential = workload == "d";

    let reader = PeriodicReader::builder(Timed(MetricsExporter::new()))
        .with_interval(Duration::from_secs(3600))
        .build();
    let provider = SdkMeterProvider::builder()
        .with_resource(Resource::builder_empty().with_attribute(KeyValue::new("service.name", "bench")).build())
        .with_reader(reader)
        .with_view(move |_: &Instrument| {
            let stream = Stream::builder().with_cardinality_limit(1_000_000);
            let stream = if exponential {
                stream.with_aggregation(Aggregation::Base2ExponentialHistogram {
                    max_size: 160,
                    max_scale: 20,
                    record_min_max: true,
                })
            } else {
                stream
            };
            stream.build().ok()
        })
        .build();
    let scope = opentelemetry::InstrumentationScope::builder("bench").with_version("1.0").build();
    let meter = provider.meter_with_scope(scope);
    let sets: Vec<_> = (0..series).map(attributes).collect();
    let names: Vec<_> = (0..instruments).map(|n| format!("instrument.{n}")).collect();

    if matches!(workload, "c" | "d") {
        let made: Vec<_> = names
            .into_iter()
            .map(|name| meter.f64_histogram(name).with_unit("1").build())
            .collect();
        for _ in 0..exports {
            for (histogram, set) in made.iter().flat_map(|m| sets.iter().map(move |s| (m, s))) {
                histogram.record(1.0, set);
                histogram.record(1.99, set);
            }
            provider.force_flush().expect("exported");
        }
    } else {
        let made: Vec<_> = names
            .into_iter()
            .map(|name| meter.u64_counter(name).with_unit("1").build())
            .collect();
        for _ in 0..exports {
            for counter in &made {
                for (number, set) in sets.iter().enumerate() {
                    counter.add(number as u64, set);
                }
            }
            provider.force_flush().expect("exported");
        }
    }
}
