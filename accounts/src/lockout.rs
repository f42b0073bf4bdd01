//! What slows down guessing: failures are counted per account, and each beyond the free ones locks for twice as long, up to
//! an hour. Who logs in from a place or with a device where that account logged in before is counted on their own, so a
//! stranger who keeps an account locked does not lock out its owner (OWASP's "device cookie" defence). A new password
//! [lifts](Lockout::lift) the lock, and so does an administrator.
//!
//! Accounts that do not exist are counted and locked alike: a lock that only real ones get would tell which are real.
//! Nothing is counted on an address alone. Failures that count against a whole address lock out the colleagues who share it;
//! if only those on real accounts counted, the lock would tell which are real. How often one address may try is the frame's
//! rate limit.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::UserId;
use domain::values::TextValue;
use event_store_schema::{Cells, Database};

use super::account::{LoginHash, LookupHash};
use super::device_token::DeviceToken;
use super::error::AccountsError;
use super::statements::{Parameters, execute, query_one, query_opt};

/// Failures that are forgiven, per account, known place or known device; the one that makes it this many locks.
const FREE: i32 = 5;
/// The first lock, in seconds; each further failure doubles it, up to an hour.
const FIRST_LOCK_SECONDS: i32 = 30;
const LONGEST_LOCK_SECONDS: i32 = 3600;
/// How many devices of one account are known beside the latest.
const OTHER_DEVICES: i64 = 19;

/// The counts of failures.
#[derive(Clone)]
pub struct Lockout {
    database: Database,
    keys: Arc<dyn LookupHash>,
}

/// Somebody who may try now.
pub struct Attempt {
    place: Option<[u8; 32]>,
    device: Option<[u8; 32]>,
    /// What a failure is counted on: the account, or where it is known.
    counted: Vec<u8>,
}

/// The outcome of asking whether somebody may try.
pub enum Approach {
    /// They may.
    Open(Attempt),
    /// Not for this long.
    Locked(Duration),
}

impl Lockout {
    /// Over this database; addresses and tokens are stored as hashes of these keys.
    pub fn new(database: Database, keys: Arc<dyn LookupHash>) -> Self {
        Self { database, keys }
    }

    /// Whether this account may be tried from this address and with this device now.
    pub async fn approach(
        &self,
        login: LoginHash,
        address: Option<IpAddr>,
        device: Option<&DeviceToken>,
    ) -> Result<Approach, AccountsError> {
        let place = address.map(|address| self.hash_for(login, "login-place", &network(address)));
        let device = device.map(|device| self.hash_for(login, "login-device", device.as_str()));
        let tried: Vec<&[u8]> = [&place, &device].into_iter().flatten().map(<[u8; 32]>::as_slice).collect();
        let known = query_opt(&self.database, include_str!("../sql/lockout/known.sql"), &[&tried]).await?;
        let counted = match known {
            Some(row) => row.cell::<&[u8]>("place_hash")?.to_vec(),
            None => login.bytes().to_vec(),
        };
        let attempt = Attempt { place, device, counted };
        Ok(match self.locked_for(&attempt).await? {
            Some(wait) => Approach::Locked(wait),
            None => Approach::Open(attempt),
        })
    }

    /// Counts a failure. How long the account is locked for it, if it is.
    pub async fn failed(&self, attempt: &Attempt) -> Result<Option<Duration>, AccountsError> {
        execute(&self.database, include_str!("../sql/lockout/forget_old_failures.sql"), &[]).await?;
        let parameters: Parameters<'_> =
            &[&attempt.counted, &FREE, &f64::from(FIRST_LOCK_SECONDS), &f64::from(LONGEST_LOCK_SECONDS)];
        let row = query_one(&self.database, include_str!("../sql/lockout/count_failure.sql"), parameters).await?;
        Ok(row.cell::<Option<f64>>("locked_seconds")?.map(duration))
    }

    /// Forgets the failures after a success, and remembers place and device. `false` if it was locked meanwhile: then guesses
    /// that ran at the same time as the right one gain nothing from it.
    pub async fn succeeded(&self, attempt: &Attempt, user: UserId) -> Result<bool, AccountsError> {
        if self.locked_for(attempt).await?.is_some() {
            return Ok(false);
        }
        execute(&self.database, include_str!("../sql/lockout/forget_failures.sql"), &[&attempt.counted]).await?;
        self.remember(attempt.place, attempt.device, user).await?;
        Ok(true)
    }

    /// How long the attempt has to wait.
    pub async fn locked_for(&self, attempt: &Attempt) -> Result<Option<Duration>, AccountsError> {
        let row = query_one(&self.database, include_str!("../sql/lockout/locked_for.sql"), &[&attempt.counted]).await?;
        Ok(row.cell::<Option<f64>>("locked_seconds")?.map(duration))
    }

    /// Forgets all failures on a user's accounts, wherever they were counted. Places and devices stay known.
    pub async fn lift(&self, logins: &[LoginHash], user: UserId) -> Result<(), AccountsError> {
        let logins: Vec<&[u8]> = logins.iter().map(|login| login.bytes().as_slice()).collect();
        execute(&self.database, include_str!("../sql/lockout/lift.sql"), &[&logins, &user.0]).await?;
        Ok(())
    }

    /// Remembers the place where the owner of an account proved in another way than by a login who they are.
    pub async fn owner_was_at(
        &self,
        login: LoginHash,
        user: UserId,
        address: Option<IpAddr>,
    ) -> Result<(), AccountsError> {
        let place = address.map(|address| self.hash_for(login, "login-place", &network(address)));
        self.remember(place, None, user).await
    }

    async fn remember(
        &self,
        place: Option<[u8; 32]>,
        device: Option<[u8; 32]>,
        user: UserId,
    ) -> Result<(), AccountsError> {
        if let Some(place) = place {
            let remember = include_str!("../sql/lockout/remember_place.sql");
            execute(&self.database, remember, &[&place.as_slice(), &user.0]).await?;
        }
        if let Some(device) = device {
            let remember = include_str!("../sql/lockout/remember_device.sql");
            execute(&self.database, remember, &[&device.as_slice(), &user.0, &OTHER_DEVICES]).await?;
        }
        Ok(())
    }

    fn hash_for(&self, login: LoginHash, domain: &str, value: &str) -> [u8; 32] {
        let account: String = login.bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        self.keys.lookup_hash(domain, &format!("{account} {value}"))
    }
}

/// What one customer of a provider has: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_stands_for_what_one_customer_has() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2::1"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
