//! Passwords: argon2id on threads of its own. A hash takes 20 ms of a core and 19 MiB; on the asynchronous threads it
//! would hold up every other request, and without a bound a burst of logins would take all cores and memory.

use std::num::NonZeroUsize;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};
use event_store_schema::health::Finding;
use event_store_schema::tasks::{RESTARTS, STEADY_AFTER};
use rand::TryRngCore;
use rand::rngs::OsRng;
use tokio::sync::oneshot;
use zeroize::Zeroizing;

/// OWASP Password Storage Cheat Sheet (2025), argon2id: at least 19 MiB, two passes, one lane. RFC 9106 (section 4) asks for
/// more memory where there is plenty; here many may log in at once. Whoever changes these loses nobody: a password is
/// hashed anew when its owner logs in.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// What metrics and the log call the threads.
const TASK: &str = "passwords";

/// How far the threads step back, from 0 to 19.
const NICENESS: libc::c_int = 10;

/// Why a password was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// More logins are waiting than may wait.
    #[error("too many passwords are waiting to be checked")]
    Busy,
    /// The system gave no randomness or no memory, or the threads are gone.
    #[error("the password could not be processed")]
    Failed,
}

type Job = Box<dyn FnOnce(&Argon2<'static>) + Send>;

/// A bounded set of threads that hash and check passwords.
#[derive(Clone)]
pub struct Passwords {
    jobs: SyncSender<Job>,
    /// What an unknown account is checked against, so that it takes as long as a known one.
    nobody: Arc<str>,
    last_panic: Arc<Mutex<Option<Instant>>>,
}

/// What a thread works with.
#[derive(Clone)]
struct Worker {
    queue: Arc<Mutex<Receiver<Job>>>,
    argon2: Argon2<'static>,
    last_panic: Arc<Mutex<Option<Instant>>>,
}

impl Passwords {
    /// Starts `threads` threads; up to `waiting` passwords may wait for them.
    pub fn start(threads: NonZeroUsize, waiting: usize) -> Result<Self, PasswordError> {
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters()?);
        let (jobs, queue) = sync_channel(waiting);
        let last_panic = Arc::new(Mutex::new(None));
        let queue = Arc::new(Mutex::new(queue));
        let worker = Worker { queue, argon2: argon2.clone(), last_panic: Arc::clone(&last_panic) };
        for number in 0..threads.get() {
            let worker = worker.clone();
            std::thread::Builder::new()
                .name(format!("password-{number}"))
                .spawn(move || {
                    yield_to_others();
                    worker.work();
                })
                .map_err(|_| PasswordError::Failed)?;
        }
        let nobody = hash(&argon2, "nobody's password")?.into();
        Ok(Self { jobs, nobody, last_panic })
    }

    /// Whether a password made its thread panic lately. The thread goes on with the next one.
    pub fn finding(&self) -> Finding {
        let last = *self.last_panic.lock().unwrap_or_else(PoisonError::into_inner);
        match last {
            Some(moment) if moment.elapsed() < STEADY_AFTER => {
                Finding::Degraded("a thread that checks passwords panicked, and was started again".to_owned())
            }
            Some(_) | None => Finding::Good,
        }
    }

    /// The hash to keep of a password, in PHC form.
    pub async fn hash(&self, password: Zeroizing<String>) -> Result<String, PasswordError> {
        self.run(move |argon2| hash(argon2, &password)).await?
    }

    /// Whether the password is the one that `kept` is the hash of. For an account that does not exist, give `None`:
    /// the answer is `false`, and takes as long.
    pub async fn verify(&self, password: Zeroizing<String>, kept: Option<String>) -> Result<bool, PasswordError> {
        let nobody = Arc::clone(&self.nobody);
        self.run(move |argon2| {
            let parsed = PasswordHash::new(kept.as_deref().unwrap_or(&nobody)).map_err(|_| PasswordError::Failed)?;
            let matches = argon2.verify_password(password.as_bytes(), &parsed).is_ok();
            Ok(matches && kept.is_some())
        })
        .await?
    }

    /// The hashes of codes of one set, with its salt: what is stored of a recovery code.
    pub async fn hash_codes(
        &self,
        codes: Vec<Zeroizing<Vec<u8>>>,
        salt: [u8; 16],
    ) -> Result<Vec<[u8; 32]>, PasswordError> {
        self.run(move |argon2| {
            let hash = |code: &Zeroizing<Vec<u8>>| {
                let mut hash = [0; 32];
                argon2.hash_password_into(code, &salt, &mut hash).map_err(|_| PasswordError::Failed)?;
                Ok(hash)
            };
            codes.iter().map(hash).collect()
        })
        .await?
    }

    /// Whether a kept hash was made with other parameters than today's.
    pub fn is_outdated(&self, kept: &str) -> bool {
        let current = PasswordHash::new(&self.nobody).map(|hash| (hash.algorithm, hash.version, hash.params));
        let kept = PasswordHash::new(kept).map(|hash| (hash.algorithm, hash.version, hash.params));
        kept != current
    }

    async fn run<T, F>(&self, work: F) -> Result<T, PasswordError>
    where
        T: Send + 'static,
        F: FnOnce(&Argon2<'static>) -> T + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |argon2| {
            // Nobody waits any more when the client has gone: then the work is spared.
            if !answer.is_closed() {
                let _ = answer.send(work(argon2));
            }
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => PasswordError::Busy,
            TrySendError::Disconnected(_) => PasswordError::Failed,
        })?;
        answered.await.map_err(|_| PasswordError::Failed)
    }
}

fn parameters() -> Result<Params, PasswordError> {
    Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| PasswordError::Failed)
}

/// Below everything else: a storm of logins takes the processors that nobody else wants.
fn yield_to_others() {
    // SAFETY: plain integers; on Linux 0 means the calling thread alone. If it is refused, nothing is lost but politeness.
    unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICENESS) };
}

impl Worker {
    /// Until nobody can ask any more. A job that panics fails alone: its client is told so, and the thread goes on.
    fn work(&self) {
        loop {
            // The lock is held while waiting for a job, never while doing it.
            let job = self.queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(job) = job else { return };
            if catch_unwind(AssertUnwindSafe(|| job(&self.argon2))).is_err() {
                tracing::error!(task = TASK, "a thread that checks passwords panicked; it goes on with the next one");
                metrics::counter!(RESTARTS, "task" => TASK).increment(1);
                *self.last_panic.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
            }
        }
    }
}

fn hash(argon2: &Argon2<'_>, password: &str) -> Result<String, PasswordError> {
    let mut salt = [0; 16];
    OsRng.try_fill_bytes(&mut salt).map_err(|_| PasswordError::Failed)?;
    let salt = SaltString::encode_b64(&salt).map_err(|_| PasswordError::Failed)?;
    let hash = argon2.hash_password(password.as_bytes(), &salt).map_err(|_| PasswordError::Failed)?;
    Ok(hash.to_string())
}

/// A password that nobody chose: 20 characters without look-alikes, 116 bits.
pub fn random_password() -> Result<String, PasswordError> {
    // 56 characters; bytes beyond the last whole multiple of it are drawn again, so that all are equally likely.
    const ALPHABET: &[u8] = b"abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ2345678";
    let limit = 256 - 256 % ALPHABET.len();
    let mut password = String::with_capacity(20);
    while password.len() < 20 {
        let mut byte = [0];
        OsRng.try_fill_bytes(&mut byte).map_err(|_| PasswordError::Failed)?;
        let byte = usize::from(byte[0]);
        if byte < limit {
            password.push(char::from(ALPHABET[byte % ALPHABET.len()]));
        }
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one_thread() -> Passwords {
        Passwords::start(NonZeroUsize::MIN, 1).unwrap()
    }

    fn secret(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_alone() {
        let passwords = one_thread();
        let kept = passwords.hash(secret("correct horse")).await.unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_eq!(passwords.verify(secret("correct horse"), Some(kept.clone())).await, Ok(true));
        assert_eq!(passwords.verify(secret("battery"), Some(kept)).await, Ok(false));
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_outdated_and_still_matches() {
        let passwords = one_thread();
        let weaker = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let old = hash(&weaker, "correct horse").unwrap();
        assert!(passwords.is_outdated(&old));
        assert_eq!(passwords.verify(secret("correct horse"), Some(old)).await, Ok(true));
        assert!(!passwords.is_outdated(&passwords.hash(secret("correct horse")).await.unwrap()));
    }

    #[tokio::test]
    async fn an_unknown_account_has_no_password_not_even_the_dummy() {
        assert_eq!(one_thread().verify(secret("nobody's password"), None).await, Ok(false));
    }

    #[tokio::test]
    async fn a_burst_beyond_the_queue_is_turned_away() {
        let passwords = one_thread();
        let burst = (0..20).map(|_| passwords.verify(secret("x"), None));
        let outcomes = futures_util::future::join_all(burst).await;
        assert!(outcomes.contains(&Ok(false)));
        assert!(outcomes.contains(&Err(PasswordError::Busy)));
    }

    #[tokio::test]
    async fn a_password_that_makes_its_thread_panic_fails_alone_and_is_told() {
        let passwords = one_thread();
        assert_eq!(passwords.finding(), Finding::Good);
        let failed: Result<(), _> = passwords.run(|_| panic!("a fault of the hash")).await;
        assert_eq!(failed, Err(PasswordError::Failed));
        assert!(passwords.hash(secret("correct horse")).await.is_ok(), "the only thread goes on");
        assert!(matches!(passwords.finding(), Finding::Degraded(_)));
    }

    #[test]
    fn random_passwords_are_long_and_differ() {
        let (one, other) = (random_password().unwrap(), random_password().unwrap());
        assert_eq!(one.len(), 20);
        assert_ne!(one, other);
    }
}
