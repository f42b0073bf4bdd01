//! What slows down guessing: failures are counted per account and per address, and each beyond the free ones locks for
//! twice as long, up to an hour. Whoever logs in from a place where that account logged in before is counted on their own,
//! so a stranger who keeps an account locked does not lock out its owner (OWASP's "device cookie" defence, by address).
//!
//! Accounts that do not exist are counted and locked alike: a lock that only real ones get would tell which are real.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use domain::ids::UserId;
use event_store_schema::{Cells, Database};

use super::account::{LoginHash, LookupHash};
use super::error::AccountsError;
use super::statements::{Parameters, execute, query, query_one};

/// Failures that are forgiven, per account or known place; the one that makes it this many locks.
const FREE_PER_ACCOUNT: i32 = 5;
/// The same per address: a whole practice may share one.
const FREE_PER_ADDRESS: i32 = 20;
/// The first lock, in seconds; each further failure doubles it, up to an hour.
const FIRST_LOCK_SECONDS: i32 = 30;
const LONGEST_LOCK_SECONDS: i32 = 3600;

/// The counts of failures.
#[derive(Clone)]
pub struct Lockout {
    database: Database,
    keys: Arc<dyn LookupHash>,
}

/// Somebody who may try now.
pub struct Attempt {
    account: [u8; 32],
    place: Option<[u8; 32]>,
    /// What a failure is counted on, and how many are free.
    counted: Vec<(Vec<u8>, i32)>,
}

/// The outcome of asking whether somebody may try.
pub enum Approach {
    /// They may.
    Open(Attempt),
    /// Not for this long.
    Locked(Duration),
}

impl Lockout {
    /// Over this database; addresses are stored as hashes of these keys.
    pub fn new(database: Database, keys: Arc<dyn LookupHash>) -> Self {
        Self { database, keys }
    }

    /// Whether this account may be tried from this address now.
    pub async fn approach(&self, login: LoginHash, address: Option<IpAddr>) -> Result<Approach, AccountsError> {
        let account = *login.bytes();
        let network = address.map(network);
        let place = network.as_deref().map(|network| self.place(&account, network));
        let known = match place {
            Some(place) => self.is_known(&place).await?,
            None => false,
        };
        let mut counted = Vec::with_capacity(2);
        match place.filter(|_| known) {
            Some(place) => counted.push((place.to_vec(), FREE_PER_ACCOUNT)),
            None => {
                counted.push((account.to_vec(), FREE_PER_ACCOUNT));
                let bucket = network.map(|network| self.keys.lookup_hash("login-address", &network).to_vec());
                counted.extend(bucket.map(|bucket| (bucket, FREE_PER_ADDRESS)));
            }
        }
        let attempt = Attempt { account, place, counted };
        Ok(match self.locked_for(&attempt).await? {
            Some(wait) => Approach::Locked(wait),
            None => Approach::Open(attempt),
        })
    }

    /// Counts a failure. How long the account is locked for it, if it is.
    pub async fn failed(&self, attempt: &Attempt) -> Result<Option<Duration>, AccountsError> {
        execute(&self.database, include_str!("../sql/lockout/forget_old_failures.sql"), &[]).await?;
        let (buckets, free): (Vec<&[u8]>, Vec<i32>) =
            attempt.counted.iter().map(|(bucket, free)| (bucket.as_slice(), *free)).unzip();
        let parameters: Parameters<'_> =
            &[&buckets, &free, &f64::from(FIRST_LOCK_SECONDS), &f64::from(LONGEST_LOCK_SECONDS)];
        for row in query(&self.database, include_str!("../sql/lockout/count_failure.sql"), parameters).await? {
            if attempt.is_of_account(row.cell("bucket")?) {
                return Ok(row.cell::<Option<f64>>("locked_seconds")?.map(duration));
            }
        }
        Ok(None)
    }

    /// Forgets the failures of the account after a success, and remembers the place. `false` if it was locked meanwhile:
    /// then guesses that ran at the same time as the right one gain nothing from it. The address's own count stays, else
    /// whoever has one account could try all others.
    pub async fn succeeded(&self, attempt: &Attempt, user: UserId) -> Result<bool, AccountsError> {
        if self.locked_for(attempt).await?.is_some() {
            return Ok(false);
        }
        let account: Vec<&[u8]> = attempt.counted.iter().map(|(bucket, _)| bucket.as_slice()).collect();
        let account: Vec<&[u8]> = account.into_iter().filter(|bucket| attempt.is_of_account(bucket)).collect();
        execute(&self.database, include_str!("../sql/lockout/forget_failures.sql"), &[&account]).await?;
        if let Some(place) = &attempt.place {
            let remember = include_str!("../sql/lockout/remember_place.sql");
            execute(&self.database, remember, &[&place.as_slice(), &user.0]).await?;
        }
        Ok(true)
    }

    /// How long the attempt has to wait.
    pub async fn locked_for(&self, attempt: &Attempt) -> Result<Option<Duration>, AccountsError> {
        let buckets: Vec<&[u8]> = attempt.counted.iter().map(|(bucket, _)| bucket.as_slice()).collect();
        let row = query_one(&self.database, include_str!("../sql/lockout/locked_for.sql"), &[&buckets]).await?;
        Ok(row.cell::<Option<f64>>("locked_seconds")?.map(duration))
    }

    /// No place is known any more, after the password was reset: whoever had it may have been there.
    pub async fn forget_places(&self, user: UserId) -> Result<(), AccountsError> {
        execute(&self.database, include_str!("../sql/lockout/forget_places.sql"), &[&user.0]).await?;
        Ok(())
    }

    fn place(&self, account: &[u8; 32], network: &str) -> [u8; 32] {
        let account: String = account.iter().map(|byte| format!("{byte:02x}")).collect();
        self.keys.lookup_hash("login-place", &format!("{account} {network}"))
    }

    async fn is_known(&self, place: &[u8; 32]) -> Result<bool, AccountsError> {
        let statement = include_str!("../sql/lockout/is_known_place.sql");
        Ok(query_one(&self.database, statement, &[&place.as_slice()]).await?.cell("known")?)
    }
}

impl Attempt {
    /// Whether this count is the account's, or the account's at a known place, and not the address's.
    fn is_of_account(&self, bucket: &[u8]) -> bool {
        bucket == self.account || self.place.is_some_and(|place| bucket == place)
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
