//! How often somebody may ask: per address before anything else is looked at, more strictly where passwords and tokens
//! are tried, and per user once it is known who asks. Every answer says what is left (`RateLimit` and `RateLimit-Policy`,
//! draft-ietf-httpapi-ratelimit-headers); beyond it the answer is 429 with `Retry-After`.
//!
//! The limits are each server's own: they protect the server and slow down guessing, and need not be exact over several.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::UserId;
use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use lru::LruCache;
use poem::http::{HeaderName, HeaderValue, StatusCode};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

use super::client_address::ClientAddress;
use super::origins::PATIENT_LINKS;
use super::problem::{Problem, ProblemCode};
use super::request_id::RequestId;

/// The quotas' window. Within it, a caller who was silent may use all of it at once.
const WINDOW: Duration = Duration::from_secs(60);

/// How many callers are remembered, each in about 200 bytes; whoever was silent for longest is forgotten first.
const REMEMBERED: NonZeroUsize = NonZeroUsize::new(50_000).unwrap();

/// Requests a minute; none means without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RateSettings {
    /// By one user.
    pub user: Option<NonZeroU32>,
    /// From one address.
    pub address: Option<NonZeroU32>,
    /// To the operations of `auth/` and the links of patients, from one address.
    pub auth: Option<NonZeroU32>,
}

type Bucket = RateLimiter<NotKeyed, InMemoryState, DefaultClock, StateInformationMiddleware>;

/// One policy: a bucket for each of the callers that it tells apart.
struct Policy<K> {
    name: &'static str,
    quota: NonZeroU32,
    buckets: Mutex<LruCache<K, Bucket>>,
    clock: DefaultClock,
}

/// What a policy has to say of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reading {
    policy: &'static str,
    quota: u32,
    remaining: u32,
    /// Until everything is there again.
    reset: Duration,
    /// How long to wait, if there is nothing left.
    refused_for: Option<Duration>,
}

impl<K: Hash + Eq> Policy<K> {
    fn new(name: &'static str, quota: Option<NonZeroU32>) -> Option<Self> {
        let buckets = || Mutex::new(LruCache::new(REMEMBERED));
        quota.map(|quota| Self { name, quota, buckets: buckets(), clock: DefaultClock::default() })
    }

    fn charge(&self, key: K) -> Reading {
        // A bucket changes in one step: a panic elsewhere leaves it whole.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let bucket = buckets.get_or_insert(key, || {
            RateLimiter::direct_with_clock(Quota::per_minute(self.quota), self.clock.clone()).with_middleware()
        });
        let (remaining, refused_for) = match bucket.check() {
            Ok(state) => (state.remaining_burst_capacity(), None),
            Err(refusal) => (0, Some(refusal.wait_time_from(self.clock.now()))),
        };
        let used = self.quota.get().saturating_sub(remaining);
        let reset = WINDOW.mul_f64(f64::from(used) / f64::from(self.quota.get()));
        Reading { policy: self.name, quota: self.quota.get(), remaining, reset, refused_for }
    }
}

/// All policies of one server.
struct Policies {
    user: Option<Policy<UserId>>,
    address: Option<Policy<IpAddr>>,
    auth: Option<Policy<IpAddr>>,
}

/// What the policies say of the request that carries this. [`charge_user`](Self::charge_user) adds to it once the user is
/// known.
#[derive(Clone)]
pub struct RateReadings(Arc<(Arc<Policies>, Mutex<Vec<Reading>>)>);

impl RateReadings {
    fn add(&self, reading: Reading) -> Result<(), Problem> {
        self.0.1.lock().unwrap_or_else(PoisonError::into_inner).push(reading);
        match reading.refused_for {
            None => Ok(()),
            Some(wait) => {
                metrics::counter!("http_requests_rate_limited_total", "policy" => reading.policy).increment(1);
                let detail = format!("At most {} requests a minute: policy \"{}\".", reading.quota, reading.policy);
                Err(Problem::new(ProblemCode::RateLimited).because(detail).retry_after(wait))
            }
        }
    }

    fn charge_address(&self, address: IpAddr, is_auth: bool) -> Result<(), Problem> {
        let policies = &self.0.0;
        let key = network_of(address);
        let strict = policies.auth.as_ref().filter(|_| is_auth);
        [strict, policies.address.as_ref()].into_iter().flatten().try_for_each(|policy| self.add(policy.charge(key)))
    }

    /// Counts this request for the user whose it is; 429 if there were too many.
    pub fn charge_user(request: &Request, user: UserId) -> Result<(), Problem> {
        let Some(readings) = request.data::<Self>() else { return Ok(()) };
        readings.0.0.user.as_ref().map_or(Ok(()), |policy| readings.add(policy.charge(user)))
    }

    fn write(&self, response: &mut Response) {
        let readings = self.0.1.lock().unwrap_or_else(PoisonError::into_inner);
        let list = |item: &dyn Fn(&Reading) -> String| readings.iter().map(item).collect::<Vec<_>>().join(", ");
        let policy = list(&|reading| format!("\"{}\";q={};w={}", reading.policy, reading.quota, WINDOW.as_secs()));
        let state = list(&|reading| {
            let seconds = reading.refused_for.unwrap_or(reading.reset).as_secs_f64().ceil();
            format!("\"{}\";r={};t={seconds}", reading.policy, reading.remaining)
        });
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", state)] {
            if let (false, Ok(value)) = (value.is_empty(), HeaderValue::from_str(&value)) {
                response.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
    }
}

/// A client of IPv6 usually has a whole network to choose its addresses from.
fn network_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

impl<E: Endpoint> Middleware<E> for RateSettings {
    type Output = RatedEndpoint<E>;

    fn transform(&self, inner: E) -> Self::Output {
        let policies = Policies {
            user: Policy::new("user", self.user),
            address: Policy::new("address", self.address),
            auth: Policy::new("auth", self.auth),
        };
        RatedEndpoint { inner, policies: Arc::new(policies) }
    }
}

/// The endpoint of [`RateSettings`].
pub struct RatedEndpoint<E> {
    inner: E,
    policies: Arc<Policies>,
}

impl<E: Endpoint> Endpoint for RatedEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let path = request.uri().path();
        // Whoever watches the server must get through when it is busiest.
        if path.starts_with("/api/v1/health/") {
            return Ok(self.inner.call(request).await?.into_response());
        }
        let readings = RateReadings(Arc::new((Arc::clone(&self.policies), Mutex::default())));
        // Where somebody might try passwords or tokens.
        let is_auth = path.starts_with("/api/v1/auth/") || path.starts_with(PATIENT_LINKS);
        let charged = ClientAddress::of(&request).map_or(Ok(()), |address| readings.charge_address(address, is_auth));
        let mut response = match charged {
            Ok(()) => {
                request.set_data(readings.clone());
                self.inner.call(request).await?.into_response()
            }
            Err(problem) => {
                let request_id = RequestId::of_request(&request).map(str::to_owned);
                problem.answer(Some(request.original_uri().path()), request_id.as_deref())
            }
        };
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            readings.write(&mut response);
        }
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_minutes_worth_may_be_used_at_once_and_then_one_has_to_wait() {
        let policy = Policy::new("user", NonZeroU32::new(3)).unwrap();
        let user = UserId(Uuid::from_u128(1));
        let remaining: Vec<u32> = (0..3).map(|_| policy.charge(user).remaining).collect();
        assert_eq!(remaining, [2, 1, 0]);
        let refused = policy.charge(user).refused_for.unwrap();
        assert!(refused > Duration::from_secs(19) && refused <= Duration::from_secs(20), "{refused:?}");
        assert_eq!(policy.charge(UserId(Uuid::from_u128(2))).remaining, 2, "others are not concerned");
    }

    #[test]
    fn no_more_callers_are_remembered_than_there_is_room_for() {
        let policy = Policy::new("address", NonZeroU32::new(3)).unwrap();
        for number in 0..REMEMBERED.get() + 100 {
            policy.charge(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()));
        }
        assert_eq!(policy.buckets.lock().unwrap().len(), REMEMBERED.get());
    }

    #[test]
    fn the_addresses_of_an_ipv6_network_count_as_one() {
        let network = |text: &str| network_of(text.parse().unwrap());
        assert_eq!(network("2001:db8:0:1::7"), network("2001:db8:0:1:ffff::9"));
        assert_ne!(network("2001:db8:0:1::7"), network("2001:db8:0:2::7"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
