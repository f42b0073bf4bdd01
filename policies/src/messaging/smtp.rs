//! The SMTP server: connections, and the conversation of RFC 5321 by which one e-mail is handed over. It is led step by
//! step, because it matters after which step something broke.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use std::{io, iter};

use domain::values::EmailAddress;
use lettre::message::Mailbox;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailCommand, Noop, Rcpt};
use lettre::transport::smtp::extension::ClientId;
use tokio::time::timeout;

use super::health::HealthLog;
use super::mail::Mail;
use super::settings::{Encryption, MailSettings};
use super::{Cause, DeliveryError, Outgoing, SendError, SettingsError};

/// How long the server may take for a connection and for each answer. RFC 5321 (§4.5.3.2) would wait five minutes; a
/// message that waits here is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long it may take to accept the content: RFC 5321 says ten minutes, for who gives up earlier never knows.
const PATIENCE_FOR_THE_END: Duration = Duration::from_secs(600);

/// How long a connection is kept for the next message, and how many are.
const IDLE: Duration = Duration::from_secs(20);
const MOST_IDLE: usize = 4;

/// The server that takes e-mails.
pub(super) struct SmtpServer {
    host: String,
    port: u16,
    encryption: Encryption,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    from: Mailbox,
    hello: ClientId,
    idle: Mutex<Vec<(Instant, AsyncSmtpConnection)>>,
    pub(super) health: HealthLog,
}

impl SmtpServer {
    pub(super) fn new(settings: MailSettings) -> Result<Self, SettingsError> {
        let mut tls = TlsParameters::builder(settings.host.clone());
        if let Some(path) = settings.authorities {
            let authorities = fs::read(path).map_err(|_| SettingsError::Certificates)?;
            let authorities = Certificate::from_pem(&authorities).map_err(|_| SettingsError::Certificates)?;
            tls = tls.add_root_certificate(authorities);
        }
        Ok(Self {
            tls: tls.build().map_err(|_| SettingsError::Tls)?,
            credentials: settings.login.map(|(user, password)| Credentials::new(user, (*password).clone())),
            hello: ClientId::Domain(settings.from.email.domain().to_owned()),
            host: settings.host,
            port: settings.port,
            encryption: settings.encryption,
            from: settings.from,
            idle: Mutex::default(),
            health: HealthLog::default(),
        })
    }

    pub(super) fn address(&self) -> &str {
        self.from.email.as_ref()
    }

    pub(super) async fn send<E>(
        &self,
        outgoing: &Outgoing,
        to: &EmailAddress,
        handing_over: impl Future<Output = Result<(), E>>,
    ) -> Result<(), SendError<E>> {
        let Mail { from, to, bytes } = Mail::write(outgoing, &self.from, to)?;
        let mut connection = self.connection().await?;
        // Up to here the server knows nothing of the recipient: if it refuses, it is us whom it refuses.
        answered(connection.command(MailCommand::new(Some(from), Vec::new())))
            .await
            .map_err(DeliveryError::Transient)?;
        answered(connection.command(Rcpt::new(to, Vec::new()))).await.map_err(by_status)?;
        answered(connection.command(Data)).await.map_err(by_status)?;
        // A connection that is dropped from here on ends without a full stop, so the server throws away what it got.
        handing_over.await.map_err(SendError::HandingOver)?;
        hand_over(&mut connection, &bytes).await?;
        self.keep(connection);
        Ok(())
    }

    /// A connection that was kept and still answers, or a new one. Whatever is wrong with it is not the message's fault.
    async fn connection(&self) -> Result<AsyncSmtpConnection, DeliveryError> {
        while let Some(mut connection) = self.kept() {
            if answered(connection.command(Noop)).await.is_ok() {
                return Ok(connection);
            }
        }
        let opened = timeout(PATIENCE, self.open()).await.unwrap_or(Err(Cause::TimedOut));
        opened.map_err(DeliveryError::Transient)
    }

    async fn open(&self) -> Result<AsyncSmtpConnection, Cause> {
        let server = (self.host.as_str(), self.port);
        let implicit = (self.encryption == Encryption::Implicit).then(|| self.tls.clone());
        let connection = AsyncSmtpConnection::connect_tokio1(server, None, &self.hello, implicit, None);
        let mut connection = connection.await.map_err(|error| match cause(&error) {
            Cause::ConnectionLost => Cause::Unreachable,
            cause => cause,
        })?;
        if self.encryption == Encryption::StartTls {
            connection.starttls(self.tls.clone(), &self.hello).await.map_err(|_| Cause::Encryption)?;
        }
        if let Some(credentials) = &self.credentials {
            let authenticated = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            authenticated.map_err(|error| if error.is_permanent() { Cause::Login } else { cause(&error) })?;
        }
        Ok(connection)
    }

    fn kept(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(since, _)| since.elapsed() < IDLE);
        idle.pop().map(|(_, connection)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push((Instant::now(), connection));
        }
    }
}

/// The content and the full stop that ends it. Only once all of the content is on its way is the full stop written: what
/// breaks before was certainly not accepted.
async fn hand_over(connection: &mut AsyncSmtpConnection, content: &[u8]) -> Result<(), DeliveryError> {
    let ending = AtomicBool::new(false);
    let content = iter::once(content).chain(iter::from_fn(|| {
        ending.store(true, Ordering::Relaxed);
        None
    }));
    let accepted = timeout(PATIENCE_FOR_THE_END, connection.message_iter(content)).await;
    let cause = match accepted {
        Ok(Ok(_)) => return Ok(()),
        Ok(Err(error)) => cause(&error),
        Err(_) => Cause::TimedOut,
    };
    Err(match cause {
        Cause::Refused(_) => by_status(cause),
        cause if ending.into_inner() => DeliveryError::Unknown(cause),
        cause => DeliveryError::Transient(cause),
    })
}

async fn answered<T>(step: impl Future<Output = Result<T, Error>>) -> Result<T, Cause> {
    let answer = timeout(PATIENCE, step).await.map_err(|_| Cause::TimedOut)?;
    answer.map_err(|error| cause(&error))
}

/// What is refused with 5xx will always be (RFC 5321, §4.2.1).
const fn by_status(cause: Cause) -> DeliveryError {
    match cause {
        Cause::Refused(500..=599) => DeliveryError::Permanent(cause),
        cause => DeliveryError::Transient(cause),
    }
}

fn cause(error: &Error) -> Cause {
    if let Some(status) = error.status() {
        return Cause::Refused(status.into());
    }
    let tls = |source: &(dyn std::error::Error + 'static)| {
        source.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::InvalidData)
    };
    let mut sources = iter::successors(std::error::Error::source(error), |error| error.source());
    if error.is_tls() || sources.any(tls) { Cause::Encryption } else { Cause::ConnectionLost }
}
