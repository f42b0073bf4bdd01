//! What requests cost, as it is kept in `latest.json` and printed: each figure beside that of the run before.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// What one request of an operation costs, on average.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    pub requests_a_second: f64,
    /// Processor time of the program, in microseconds.
    pub program_us: f64,
    /// Processor time of all processes of PostgreSQL.
    pub postgres_us: f64,
    pub nats_us: f64,
    /// How often the program asks its allocator. None if it is built without `count-allocations`.
    pub allocations: Option<f64>,
    pub allocated_bytes: Option<f64>,
}

/// The costs of a run.
#[derive(Default)]
pub struct Costs {
    /// Name, what is asked, and cost, in the order of the table.
    rows: Vec<(String, String, Cost)>,
    former: BTreeMap<String, Cost>,
}

impl Costs {
    /// None yet, beside those that the `latest.json` of a folder holds.
    pub fn beside(folder: &Path) -> Self {
        Self { rows: Vec::new(), former: former(&std::fs::read(folder.join("latest.json")).unwrap_or_default()) }
    }

    pub fn add(&mut self, name: &str, request: &str, cost: Cost) {
        self.rows.push((name.to_owned(), request.to_owned(), cost));
    }

    /// As `latest.json` holds them: by the name of the operation.
    pub fn by_name(&self) -> BTreeMap<&str, &Cost> {
        self.rows.iter().map(|(name, _, cost)| (name.as_str(), cost)).collect()
    }

    /// A line for each operation.
    pub fn table(&self) -> String {
        let mut text = "what a request costs, and (what it cost in the run before)\n".to_owned();
        let columns =
            ["requests a second", "program, µs", "PostgreSQL, µs", "NATS, µs", "allocations", "allocated, KB"];
        let heads = columns.map(|column| format!("{column:>18}")).concat();
        let _ = writeln!(text, "{:<16} {:<34}{heads}", "operation", "request");
        for (name, request, cost) in &self.rows {
            let former = self.former.get(name).map(figures);
            let cells = figures(cost).into_iter().enumerate().map(|(column, figure)| {
                let before = former.and_then(|former| former[column]).map(|figure| format!("({})", short(figure)));
                let now = figure.map_or_else(|| "–".to_owned(), short);
                format!("{now:>9}{:>9}", before.unwrap_or_default())
            });
            let _ = writeln!(text, "{name:<16} {request:<34}{}", cells.collect::<String>());
        }
        text
    }
}

impl Cost {
    /// In a line, without the rate.
    pub fn line(&self) -> String {
        let [_, program, postgres, nats, allocations, kilobytes] =
            figures(self).map(|figure| figure.map_or_else(|| "–".to_owned(), short));
        format!(
            "a request costs µs of processor time: program {program}, PostgreSQL {postgres}, NATS {nats}; {allocations} \
             allocations, {kilobytes} KB"
        )
    }
}

/// The costs in the text of a `latest.json`. One that cannot be read is of another release, and has none.
fn former(json: &[u8]) -> BTreeMap<String, Cost> {
    #[derive(Deserialize)]
    struct Latest {
        costs: BTreeMap<String, Cost>,
    }
    serde_json::from_slice(json).map(|Latest { costs }| costs).unwrap_or_default()
}

/// The columns of the table.
fn figures(cost: &Cost) -> [Option<f64>; 6] {
    let Cost { requests_a_second, program_us, postgres_us, nats_us, allocations, allocated_bytes } = cost;
    [
        Some(*requests_a_second),
        Some(*program_us),
        Some(*postgres_us),
        Some(*nats_us),
        *allocations,
        allocated_bytes.map(|bytes| bytes / 1024.0),
    ]
}

/// Three digits or more.
fn short(figure: f64) -> String {
    if figure < 99.95 { format!("{figure:.1}") } else { format!("{figure:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(program_us: f64) -> Cost {
        Cost {
            requests_a_second: 2048.0,
            program_us,
            postgres_us: 310.25,
            nats_us: 12.0,
            allocations: None,
            allocated_bytes: None,
        }
    }

    #[test]
    fn a_cost_stands_beside_that_of_the_run_before() {
        let json = serde_json::to_vec(&serde_json::json!({"faults": [], "costs": {"contact": cost(431.0)}})).unwrap();
        let mut costs = Costs { rows: Vec::new(), former: former(&json) };
        costs.add("contact", "PUT patients/{id}", cost(420.0));
        costs.add("live", "GET health/live", cost(30.0));
        let table = costs.table();
        assert!(table.contains("420    (431)      310    (310)     12.0   (12.0)"), "{table}");
        assert!(table.contains("30.0               310"), "{table}");
    }

    #[test]
    fn a_file_without_costs_has_none_to_stand_beside() {
        assert!(former(b"").is_empty() && former(b"{\"faults\": []}").is_empty());
    }
}
