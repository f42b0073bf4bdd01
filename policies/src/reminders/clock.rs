//! The clock by which reminders are sent.

use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

/// What time it is.
#[derive(Clone, Debug, Default)]
pub struct ReminderClock {
    ahead: Option<PathBuf>,
}

impl ReminderClock {
    /// **For tests alone**: ahead of the real time by as many seconds as stand in a file, which may change meanwhile.
    pub fn ahead_by(file: &Path) -> Self {
        Self { ahead: Some(file.to_owned()) }
    }

    /// This instant.
    pub fn now(&self) -> Timestamp {
        let now = Timestamp::now();
        let Some(file) = &self.ahead else { return now };
        let seconds = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse().ok());
        now.checked_add(SignedDuration::from_secs(seconds.unwrap_or_default())).unwrap_or(now)
    }
}
