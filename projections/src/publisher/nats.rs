//! The connection to NATS, and the names used there.

use std::time::Duration;

use async_nats::connection::State;
use async_nats::{Client, ConnectOptions, Event, ServerAddr};
use domain::ids::FacilityId;

/// JetStream of older servers ignores or refuses what is asked of it here.
const OLDEST_SERVER: (u32, u32) = (2, 10);

/// How long the start waits for a server that may be coming up.
const FIRST_CONNECTION: Duration = Duration::from_secs(3);

/// Why a NATS server cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NatsError {
    /// The address cannot be understood. It is not repeated, since it may hold a password.
    #[error("the address of NATS is not of the form nats://[user:password@]host[:port]")]
    Address,
    /// Something other than the address is wrong.
    #[error("cannot connect to NATS: {0}")]
    Connect(String),
    /// The server is too old.
    #[error("NATS server {found} is too old: {}.{} or later is needed", OLDEST_SERVER.0, OLDEST_SERVER.1)]
    TooOld {
        /// Its version.
        found: String,
    },
    /// The server runs without JetStream.
    #[error("the NATS server runs without JetStream: start it with `-js`, or configure `jetstream`")]
    NoJetStream,
}

/// Whether the client has a connection at this moment.
pub(super) fn is_connected(client: &Client) -> bool {
    client.connection_state() == State::Connected
}

/// Names on NATS. Installations that share a NATS account need different prefixes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NatsNames {
    prefix: String,
}

impl Default for NatsNames {
    fn default() -> Self {
        Self { prefix: "medicalpro".to_owned() }
    }
}

impl NatsNames {
    /// The kinds of subjects that there are.
    pub const KINDS: [&str; 4] = ["events", "nudge", "presence", "conflicts"];

    /// Names under this prefix: lower-case letters, digits, `-` and `_`. None if there is anything else in it.
    pub fn with_prefix(prefix: &str) -> Option<Self> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        (!prefix.is_empty() && prefix.chars().all(fits)).then(|| Self { prefix: prefix.to_owned() })
    }

    /// The JetStream stream: `MEDICALPRO`.
    pub fn stream(&self) -> String {
        self.prefix.to_ascii_uppercase()
    }

    /// All subjects of the stream: `medicalpro.>`.
    pub fn events(&self) -> String {
        format!("{}.>", self.prefix)
    }

    /// Where one kind of event of one practice goes: `medicalpro.<facility>.patient.patient_registered`.
    pub fn event(&self, facility: FacilityId, aggregate: &str, event: &str) -> String {
        format!("{}.{facility}.{aggregate}.{event}", self.prefix)
    }

    /// Where servers tell each other that the log has grown. Not in the stream.
    pub fn nudge(&self) -> String {
        format!("{}-nudge", self.prefix)
    }

    /// Where servers tell each other who is connected, all practices. Not in the stream.
    pub fn presence(&self) -> String {
        format!("{}-presence.*", self.prefix)
    }

    /// Where servers tell each other who of one practice is connected.
    pub fn presence_of(&self, facility: FacilityId) -> String {
        format!("{}-presence.{facility}", self.prefix)
    }

    /// Where servers tell each other of changes that came too late, all practices. Not in the stream.
    pub fn conflicts(&self) -> String {
        format!("{}-conflicts.*", self.prefix)
    }

    /// Where servers tell each other of changes that came too late in one practice.
    pub fn conflicts_of(&self, facility: FacilityId) -> String {
        format!("{}-conflicts.{facility}", self.prefix)
    }

    /// The type of an event in its CloudEvents envelope: `medicalpro.patient.patient_registered`.
    pub(super) fn event_type(&self, aggregate: &str, event: &str) -> String {
        format!("{}.{aggregate}.{event}", self.prefix)
    }
}

/// Connects, and goes on trying for ever in the background if NATS is away. A server that answers and cannot be used is
/// an error.
pub async fn connect(url: &str) -> Result<Client, NatsError> {
    let address: ServerAddr = url.parse().map_err(|_| NatsError::Address)?;
    let mut options = ConnectOptions::new()
        .name("medicalpro")
        .retry_on_initial_connect()
        .connection_timeout(Duration::from_secs(3))
        .ping_interval(Duration::from_secs(10))
        .event_callback(|event| async move {
            match event {
                Event::Connected => tracing::info!("connected to NATS"),
                Event::Disconnected => tracing::warn!("the connection to NATS is lost"),
                event => tracing::warn!(%event, "NATS"),
            }
        });
    if let (Some(user), Some(password)) = (address.username(), address.password()) {
        options = options.user_and_password(user.to_owned(), password.to_owned());
    } else if let Some(token) = address.username() {
        options = options.token(token.to_owned());
    }
    let client = options.connect(address).await.map_err(|error| NatsError::Connect(error.to_string()))?;
    // Completes when the connection is up: what is sent before waits in the client.
    match tokio::time::timeout(FIRST_CONNECTION, client.flush()).await {
        Ok(Ok(())) => check_server(&client)?,
        Ok(Err(_)) | Err(_) => tracing::warn!("NATS does not answer; trying again in the background"),
    }
    Ok(client)
}

/// Refuses a server that is too old, or without JetStream.
pub(super) fn check_server(client: &Client) -> Result<(), NatsError> {
    let server = client.server_info();
    if !is_new_enough(&server.version) {
        return Err(NatsError::TooOld { found: server.version });
    }
    if server.jetstream { Ok(()) } else { Err(NatsError::NoJetStream) }
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map_while(|part| part.parse::<u32>().ok());
    matches!((parts.next(), parts.next()), (Some(major), Some(minor)) if (major, minor) >= OLDEST_SERVER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_before_2_10_are_too_old() {
        for version in ["2.10.0", "2.10.0-beta.1", "2.15.1", "3.0.0", "10.1.2"] {
            assert!(is_new_enough(version), "{version}");
        }
        for version in ["2.9.10", "1.4.1", "2", "", "banana"] {
            assert!(!is_new_enough(version), "{version}");
        }
    }

    #[test]
    fn a_prefix_that_would_change_the_meaning_of_a_subject_is_refused() {
        assert!(NatsNames::with_prefix("test-7").is_some());
        for prefix in ["", "a.b", "a>", "*", "a b", "É", "Medical"] {
            assert_eq!(NatsNames::with_prefix(prefix), None, "{prefix}");
        }
    }

    #[test]
    fn what_servers_tell_each_other_is_not_in_the_stream() {
        let names = NatsNames::default();
        assert_eq!((names.stream().as_str(), names.events().as_str()), ("MEDICALPRO", "medicalpro.>"));
        for subject in [names.nudge(), names.presence(), names.presence_of(FacilityId(uuid::Uuid::nil()))] {
            assert!(!subject.starts_with("medicalpro."), "{subject}");
        }
    }
}
