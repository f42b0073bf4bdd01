//! How long before an appointment a reminder comes, as the web client writes it: `24h_before`, `90min_before`.

use crate::values::{RuleBroken, TextValue};

/// How long before an appointment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LeadTime {
    minutes: u32,
    written: String,
}

impl LeadTime {
    /// This many minutes.
    pub fn of(minutes: u32) -> Self {
        let written = match minutes {
            minutes if minutes.is_multiple_of(60) => format!("{}h_before", minutes / 60),
            minutes => format!("{minutes}min_before"),
        };
        Self { minutes, written }
    }

    /// In minutes.
    pub const fn minutes(&self) -> u32 {
        self.minutes
    }
}

impl TextValue for LeadTime {
    const MIN_LENGTH: usize = 9;
    const MAX_LENGTH: usize = 15;
    const PATTERN: Option<&'static str> = Some("^[1-9][0-9]{0,4}(?:min|h|d)_before$");
    const FORMAT: Option<&'static str> = None;
    const DESCRIPTION: &'static str =
        "How long before the appointment, in minutes, hours or days: from 15min_before to 30d_before.";
    const EXAMPLE: &'static str = "24h_before";

    fn parse(raw: &str) -> Result<Self, RuleBroken> {
        let parsed = raw.strip_suffix("_before").and_then(|lead| {
            let (digits, unit) = lead.split_at(lead.find(|c: char| !c.is_ascii_digit())?);
            let minutes = match unit {
                "min" => 1,
                "h" => 60,
                "d" => 24 * 60,
                _ => return None,
            };
            let count: u32 = digits.parse().ok().filter(|_| digits.len() <= 5 && !digits.starts_with('0'))?;
            Some(Self::of(count * minutes))
        });
        parsed.ok_or_else(|| {
            RuleBroken::new("lead_time", "The value must be a time before the appointment, such as 24h_before.")
        })
    }

    fn as_str(&self) -> &str {
        &self.written
    }
}
