//! What is kept of refused logins beside events. Of each account a few an hour become events, which stay for ever; all others,
//! and those on addresses that nobody has, are counted in a table by hour, address and client, and deleted after a year.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use domain::ids::UserId;
use domain::user::RefusalCause;
use domain::values::CodeValue;
use event_store_schema::Database;
use lru::LruCache;

use super::account::LoginHash;
use super::error::AccountsError;
use super::statements::{Parameters, execute};

/// Refused logins of one account that become events within an hour, on each server.
const EVENTS_AN_HOUR: u32 = 10;
const HOUR: Duration = Duration::from_secs(3600);
/// Accounts whose events are counted. If one is forgotten, some more of its refusals become events.
const COUNTED: NonZeroUsize = NonZeroUsize::new(10_000).unwrap();
/// Of one client's refusals in an hour, how many are told apart by the address that was named; the rest count as one.
const TOLD_APART: u32 = 100;
/// What stands for a client whose network address is not known.
const UNKNOWN: &str = "unknown";

/// The table, and the count of events.
pub(super) struct RefusedLogins {
    database: Database,
    events: LruCache<UserId, (Instant, u32)>,
    clients: LruCache<String, (Instant, u32)>,
    forgot_old: Option<Instant>,
}

/// Counts one more within this hour; how many there were before.
fn count<K: std::hash::Hash + Eq>(counts: &mut LruCache<K, (Instant, u32)>, key: K, now: Instant) -> u32 {
    let counted = counts.get_or_insert_mut(key, || (now, 0));
    if now.duration_since(counted.0) >= HOUR {
        *counted = (now, 0);
    }
    let before = counted.1;
    counted.1 = before.saturating_add(1);
    before
}

impl RefusedLogins {
    pub(super) fn new(database: Database) -> Self {
        Self { database, events: LruCache::new(COUNTED), clients: LruCache::new(COUNTED), forgot_old: None }
    }

    /// Whether the next refused login of this account becomes an event.
    pub(super) fn becomes_event(&mut self, user: UserId) -> bool {
        count(&mut self.events, user, Instant::now()) < EVENTS_AN_HOUR
    }

    /// Counts one that becomes no event. `user` is whose address it is, if it is anybody's.
    pub(super) async fn count(
        &mut self,
        login: LoginHash,
        user: Option<UserId>,
        cause: RefusalCause,
        origin: (Option<IpAddr>, Option<&str>),
    ) -> Result<(), AccountsError> {
        let (address, request_id) = origin;
        let now = Instant::now();
        if self.forgot_old.is_none_or(|last| now.duration_since(last) >= HOUR) {
            execute(&self.database, include_str!("../sql/refused_logins/forget_old.sql"), &[]).await?;
            self.forgot_old = Some(now);
        }
        let client = address.map_or_else(|| UNKNOWN.to_owned(), |address| address.to_string());
        // A client that tries one address after the other makes so many rows an hour, and then one.
        let many = count(&mut self.clients, client.clone(), now) >= TOLD_APART;
        let login: &[u8] = if many { &[0; 32] } else { login.bytes() };
        let (user, cause) = (user.filter(|_| !many).map(|user| user.0), cause.code());
        let parameters: Parameters<'_> = &[&login, &client, &user, &cause, &request_id];
        execute(&self.database, include_str!("../sql/refused_logins/count.sql"), parameters).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_begins_anew_after_an_hour() {
        let mut counts = LruCache::new(COUNTED);
        let now = Instant::now();
        for before in 0..20 {
            assert_eq!(count(&mut counts, 1, now), before);
        }
        assert_eq!(count(&mut counts, 2, now), 0);
        assert_eq!(count(&mut counts, 1, now + HOUR), 0);
    }
}
