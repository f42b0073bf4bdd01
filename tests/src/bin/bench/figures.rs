//! The figures of a run, what they are measured against, and how they are printed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::json;

use crate::chart;
use crate::cost_table::Costs;

/// What was measured, by name.
#[derive(Default)]
pub struct Figures {
    /// Rates a second, one of each round.
    rates: BTreeMap<String, Vec<f64>>,
    pub latency_ms: BTreeMap<String, f64>,
    pub memory_mb: BTreeMap<String, f64>,
    pub costs: Costs,
    /// What went wrong, in words.
    pub faults: Vec<String>,
    /// For what no time was left.
    pub skipped: Vec<String>,
}

/// A demand of the design.
pub struct Target {
    name: &'static str,
    value: Value,
    bound: Bound,
    /// What one would like to reach, if that is more.
    goal: Option<f64>,
}

enum Value {
    /// One rate over another.
    Rates(&'static str, &'static str),
    /// One latency over another.
    Latencies(&'static str, &'static str),
    /// A latency.
    Latency(&'static str),
    /// How long a million takes at this rate.
    SecondsForAMillion(&'static str),
}

enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// Told, not demanded.
    Told,
}

macro_rules! targets {
    ($($name:literal = $value:expr, $bound:expr $(, goal $goal:expr)?;)*) => {
        &[$(Target { name: $name, value: $value, bound: $bound, goal: targets!(@goal $($goal)?) }),*]
    };
    (@goal) => { None };
    (@goal $goal:expr) => { Some($goal) };
}

use Bound::{AtLeast, AtMost, Told};
use Value::{Latencies, Latency, Rates, SecondsForAMillion};

/// All of them, in the order of the table.
pub const TARGETS: &[Target] = targets! {
    "http_booking_32_vs_pgbench_appointment_32" = Rates("http_booking_32", "pgbench_appointment_32"), AtLeast(0.5), goal 1.0;
    "http_contact_32_vs_pgbench_patient_event_32" = Rates("http_contact_32", "pgbench_patient_event_32"), AtLeast(0.5), goal 1.0;
    "http_register_32_vs_pgbench_registration_32" = Rates("http_register_32", "pgbench_registration_32"), AtLeast(0.5), goal 1.0;
    "http_register_32_vs_pgbench_single_32" = Rates("http_register_32", "pgbench_single_32"), Told;
    "http_contact_8_vs_pgbench_patient_event_8" = Rates("http_contact_8", "pgbench_patient_event_8"), Told;
    "http_contact_1_vs_pgbench_patient_event_1" = Rates("http_contact_1", "pgbench_patient_event_1"), Told;
    "log_single_64_vs_pgbench_single_32" = Rates("log_single_64", "pgbench_single_32"), AtLeast(0.7), goal 1.0;
    "log_single_64_vs_postgres_es_32" = Rates("log_single_64", "postgres_es_32"), AtLeast(4.0);
    "log_single_32_vs_pgbench_single_32" = Rates("log_single_32", "pgbench_single_32"), Told;
    "log_single_1_vs_pgbench_single_1" = Rates("log_single_1", "pgbench_single_1"), Told;
    "log_booking_64_vs_pgbench_booking_32" = Rates("log_booking_64", "pgbench_booking_32"), Told;
    "log_booking_32_vs_pgbench_booking_32" = Rates("log_booking_32", "pgbench_booking_32"), Told;
    "log_registration_64_vs_pgbench_registration_32" = Rates("log_registration_64", "pgbench_registration_32"), Told;
    "replay_vs_copy" = Rates("replay_patients", "copy_events"), AtLeast(0.5);
    "replay_million_seconds" = SecondsForAMillion("replay_patients"), AtMost(20.0);
    "first_page_large_p95_ms" = Latency("large_first_page_p95"), AtMost(10.0);
    "deep_page_large_p95_ms" = Latency("large_deep_page_p95"), AtMost(10.0);
    "last_page_large_p95_ms" = Latency("large_last_page_p95"), AtMost(10.0);
    "search_one_word_large_p95_ms" = Latency("large_search_one_word_p95"), AtMost(10.0);
    "search_two_words_large_p95_ms" = Latency("large_search_two_words_p95"), AtMost(10.0);
    "first_page_large_vs_small" = Latencies("large_first_page_p95", "small_first_page_p95"), AtMost(1.3);
    "deep_page_large_vs_small" = Latencies("large_deep_page_p95", "small_deep_page_p95"), AtMost(1.3);
    "last_page_large_vs_small" = Latencies("large_last_page_p95", "small_last_page_p95"), AtMost(1.3);
    "search_one_word_large_vs_small" = Latencies("large_search_one_word_p95", "small_search_one_word_p95"), AtMost(1.3);
    "search_two_words_large_vs_small" = Latencies("large_search_two_words_p95", "small_search_two_words_p95"), AtMost(1.3);
    "last_page_vs_first_page" = Latencies("large_last_page_p95", "large_first_page_p95"), AtMost(1.3);
    "socket_delay_1000_p99_ms" = Latency("socket_delay_1000_p99"), AtMost(20.0);
    "socket_delay_100_p99_ms" = Latency("socket_delay_100_p99"), AtMost(20.0);
    "socket_delay_1_p99_ms" = Latency("socket_delay_1_p99"), AtMost(20.0);
    "trail_by_patient_max_ms" = Latency("trail_by_patient_max"), AtMost(1000.0);
    "trail_by_actor_max_ms" = Latency("trail_by_actor_max"), AtMost(1000.0);
    "trail_by_time_max_ms" = Latency("trail_by_time_max"), AtMost(1000.0);
    "login_storm_others_p95_ms" = Latency("login_storm_others_p95"), AtMost(50.0);
    "login_refused_unknown_vs_known" = Latencies("login_refused_unknown_p50", "login_refused_known_p50"), Told;
    "slots_all_p95_ms" = Latency("slots_all_p95"), AtMost(10.0);
    "slots_first_p95_ms" = Latency("slots_first_p95"), AtMost(10.0);
    "users_100_p95_ms" = Latency("users_100_p95"), AtMost(20.0);
};

impl Figures {
    /// None yet, beside those of the run before in this folder.
    pub fn beside(folder: &Path) -> Self {
        Self { costs: Costs::beside(folder), ..Self::default() }
    }

    /// One round's rate.
    pub fn rate(&mut self, name: impl Into<String>, rate: f64) {
        self.rates.entry(name.into()).or_default().push(rate);
    }

    /// The median of all rounds.
    fn median(&self, name: &str) -> Option<f64> {
        let mut rates = self.rates.get(name)?.clone();
        rates.sort_by(f64::total_cmp);
        let middle = rates.len() / 2;
        Some(if rates.len().is_multiple_of(2) {
            f64::midpoint(rates[middle - 1], rates[middle])
        } else {
            rates[middle]
        })
    }

    fn medians(&self) -> BTreeMap<&str, f64> {
        self.rates.keys().filter_map(|name| Some((name.as_str(), self.median(name)?))).collect()
    }

    fn value(&self, target: &Target) -> Option<f64> {
        let latency = |name: &str| self.latency_ms.get(name).copied();
        match target.value {
            Rates(over, under) => Some(self.median(over)? / self.median(under)?),
            Latencies(over, under) => Some(latency(over)? / latency(under)?),
            Latency(name) => latency(name),
            SecondsForAMillion(name) => Some(1_000_000.0 / self.median(name)?),
        }
    }

    /// The table of all targets, and all other figures.
    pub fn table(&self) -> String {
        let mut text = format!("{:<50} {:>10}  {:<18} {}\n", "measured against the design", "value", "target", "");
        for target in TARGETS {
            let Some(value) = self.value(target) else {
                let _ = writeln!(text, "{:<50} {:>10}", target.name, "–");
                continue;
            };
            let (bound, met) = match target.bound {
                AtLeast(bound) => (format!("≥ {bound}"), Some(value >= bound)),
                AtMost(bound) => (format!("≤ {bound}"), Some(value <= bound)),
                Told => (String::new(), None),
            };
            let goal = target.goal.map(|goal| format!(" (goal {goal})")).unwrap_or_default();
            let met = met.map_or("", |met| if met { "met" } else { "MISSED" });
            let _ = writeln!(text, "{:<50} {value:>10.2}  {:<18} {met}", target.name, format!("{bound}{goal}"));
        }
        if !self.costs.by_name().is_empty() {
            let _ = write!(text, "\n{}", self.costs.table());
        }
        let _ = writeln!(text, "\na second (median of the rounds)");
        for (name, rate) in self.medians() {
            let _ = writeln!(text, "{name:<50} {rate:>10.0}");
        }
        for (title, unit) in [("milliseconds", &self.latency_ms), ("memory, MB", &self.memory_mb)] {
            let _ = writeln!(text, "\n{title}");
            for (name, value) in unit {
                let _ = writeln!(text, "{name:<50} {value:>10.2}");
            }
        }
        if !self.skipped.is_empty() {
            let _ = writeln!(text, "\nno time was left for {}", self.skipped.join(", "));
        }
        for fault in &self.faults {
            let _ = writeln!(text, "FAULT: {fault}");
        }
        text
    }

    /// Replaces the costs in `latest.json`, and leaves its other figures as they are.
    pub fn save_costs(&self, folder: &Path) -> std::io::Result<()> {
        let file = folder.join("latest.json");
        let latest = std::fs::read(&file).ok().and_then(|json| serde_json::from_slice(&json).ok());
        let mut latest: serde_json::Map<String, serde_json::Value> = latest.unwrap_or_default();
        latest.insert("costs".into(), serde_json::to_value(self.costs.by_name())?);
        std::fs::write(file, serde_json::to_vec_pretty(&latest)?)
    }

    /// Writes `latest.json` and the charts.
    pub fn save(&self, folder: &Path) -> std::io::Result<()> {
        let ratios: BTreeMap<_, _> =
            TARGETS.iter().filter_map(|target| Some((target.name, self.value(target)?))).collect();
        let all = json!({"ratios": ratios, "latency_ms": self.latency_ms, "throughput": self.medians(),
            "memory_mb": self.memory_mb, "costs": self.costs.by_name(), "faults": self.faults,
            "skipped": self.skipped});
        std::fs::write(folder.join("latest.json"), serde_json::to_vec_pretty(&all)?)?;
        let rates: Vec<_> = self.medians().into_iter().collect();
        std::fs::write(folder.join("throughput.svg"), chart::bars("A second", &rates))?;
        let latencies: Vec<_> = self.latency_ms.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        std::fs::write(folder.join("latency.svg"), chart::bars("Milliseconds", &latencies))?;
        let ratios: Vec<_> = ratios.into_iter().collect();
        std::fs::write(folder.join("ratios.svg"), chart::bars("Measured against", &ratios))
    }
}
