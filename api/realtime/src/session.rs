//! One socket's life: who it is, what it missed, what happens now, and why it ends.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use domain::event::RecordedEvent;
use domain::ids::{PatientId, Position};
use domain::role::Area;
use event_store_schema::{LogError, TrailError};
use futures_util::{SinkExt, StreamExt};
use poem::web::websocket::{CloseCode, Message, WebSocketStream};
use projections::push;
use tokio::sync::broadcast::{self, error::RecvError, error::TryRecvError};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use super::hub::Live;
use super::messages::{Authenticate, Notice};
use super::presence::Present;
use super::shared::Shared;
use super::traces::{PushTraces, patient_of};
use accounts::member::Member;
use accounts::tokens::{TokenError, TokenHolder};

/// Open sockets whose user is known.
pub const SOCKETS: &str = "realtime_sockets";
/// Frames of events sent.
pub const FRAMES_SENT: &str = "realtime_frames_sent_total";
/// Sockets closed because their client was too slow or did not answer.
pub const CUT_OFF: &str = "realtime_cut_off_total";

/// The longest message a client may send.
const LONGEST_MESSAGE: usize = 8 * 1024;
/// How many events of the past are read at a time.
const PAGE: u32 = 256;
/// How often it is checked that the token still holds.
const CHECK_TOKEN: Duration = Duration::from_secs(1);
/// How long a client may take to close its side.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);
/// Close codes 4000–4999 are for applications (RFC 6455, section 7.4.2): HTTP's 401, here.
const UNAUTHORIZED: CloseCode = CloseCode::Reserved(4401);

/// Why a socket ends.
#[derive(Debug)]
enum End {
    /// The client closed it, or the connection broke.
    Gone,
    /// The client does not read, or does not answer.
    Dead,
    /// The client is slower than its queue is long.
    Slow,
    ServerStops,
    NotAuthenticated,
    Token(TokenError),
    OtherUser,
    Unintelligible,
    TooLong,
    UnknownPosition,
    /// What the client was told of could not be traced.
    Untraced,
    /// The log could not be read.
    Failed,
}

impl End {
    /// What the client is told, if it can be told anything: a notice, and the close code.
    fn farewell(&self) -> Option<(Option<Notice>, CloseCode)> {
        let error = |code, detail| Some(Notice::Error { code, detail });
        Some(match self {
            Self::Gone | Self::Dead => return None,
            Self::ServerStops => (None, CloseCode::Away),
            Self::Slow => {
                let detail = "Too many frames are waiting. Connect again and name the last position that you saw.";
                (Some(Notice::SlowConsumer { detail }), CloseCode::Again)
            }
            Self::NotAuthenticated => (
                error("authentication_required", "The first message must be an access token, within 10 seconds."),
                UNAUTHORIZED,
            ),
            Self::Token(TokenError::Expired) => {
                (error("token_expired", "The access token has expired. Connect again with a new one."), UNAUTHORIZED)
            }
            Self::Token(TokenError::Invalid | TokenError::UnknownKey) => {
                (error("invalid_token", "The access token is not valid."), UNAUTHORIZED)
            }
            Self::Token(TokenError::SessionEnded) => {
                (error("session_ended", "The session has ended. Log in again."), UNAUTHORIZED)
            }
            Self::Token(TokenError::MustEnroll) => {
                (error("second_factor_enrollment_required", "A second factor has to be set up first."), UNAUTHORIZED)
            }
            Self::Token(TokenError::NotUnderstood) => (
                error("not_ready", "This release does not understand what is stored of the account. Connect again."),
                CloseCode::Again,
            ),
            Self::OtherUser => (
                error("invalid_token", "A new access token must be of the same user of the same facility."),
                UNAUTHORIZED,
            ),
            Self::Unintelligible => (
                error(
                    "malformed_message",
                    r#"Only {"type":"authenticate","token":"…"} is understood; the first may hold a "position"."#,
                ),
                CloseCode::Policy,
            ),
            Self::TooLong => (error("message_too_large", "A message is longer than 8 KiB."), CloseCode::Size),
            Self::UnknownPosition => {
                (error("unknown_position", "The log does not reach that position yet."), CloseCode::Policy)
            }
            Self::Untraced => (
                error("not_ready", "The trail of accesses does not answer. Connect again in a moment."),
                CloseCode::Again,
            ),
            Self::Failed => (error("internal_error", "Something went wrong on the server."), CloseCode::Error),
        })
    }
}

impl From<LogError> for End {
    fn from(error: LogError) -> Self {
        tracing::warn!(%error, "the past cannot be read for a realtime client");
        Self::Failed
    }
}

impl From<TrailError> for End {
    fn from(error: TrailError) -> Self {
        tracing::warn!(%error, "what a realtime client is told of cannot be traced");
        Self::Untraced
    }
}

/// One socket.
pub(super) struct Session {
    socket: WebSocketStream,
    shared: Arc<Shared>,
    traces: PushTraces,
    /// Every frame for this client up to here is sent.
    delivered: Position,
}

/// Whom a socket belongs to.
struct Login {
    member: Member,
    token: String,
}

impl Session {
    pub(super) const fn new(socket: WebSocketStream, shared: Arc<Shared>, traces: PushTraces) -> Self {
        Self { socket, shared, traces, delivered: Position::ZERO }
    }

    /// Serves the socket until it ends.
    pub(super) async fn run(mut self) {
        let Err(end) = self.serve().await;
        tracing::debug!(?end, "a realtime socket ends");
        if matches!(end, End::Slow | End::Dead) {
            metrics::counter!(CUT_OFF).increment(1);
        }
        // A client that does not take its leave is not waited for.
        let _ = timeout(CLOSE_WITHIN, self.close(&end)).await;
    }

    async fn serve(&mut self) -> Result<Infallible, End> {
        let (mut login, position) = self.authenticate().await?;
        metrics::gauge!(SOCKETS).increment(1.0);
        let _counted = Counted;
        let (live, relayed) = self.find_place(&login, position).await?;
        let _present = self.present(&login);
        self.say_ready(&login, relayed).await?;
        let mut live = self.catch_up(&login, live, relayed).await?;
        self.go_live(&mut login, &mut live).await
    }

    async fn authenticate(&mut self) -> Result<(Login, Option<Position>), End> {
        let within = self.shared.settings.authenticate_within;
        let shared = Arc::clone(&self.shared);
        let said = tokio::select! {
            said = timeout(within, self.first_message()) => said.map_err(|_| End::NotAuthenticated)??,
            () = shared.stop.cancelled() => return Err(End::ServerStops),
        };
        let member = shared.tokens.verify(&said.token).map_err(End::Token)?;
        Ok((Login { member, token: said.token }, said.position))
    }

    async fn first_message(&mut self) -> Result<Authenticate, End> {
        loop {
            if let Some(said) = self.listen().await? {
                return Ok(said);
            }
        }
    }

    /// The client's next message; none for those of the protocol itself.
    async fn listen(&mut self) -> Result<Option<Authenticate>, End> {
        match self.socket.next().await {
            Some(Ok(Message::Text(text))) if text.len() > LONGEST_MESSAGE => Err(End::TooLong),
            Some(Ok(Message::Text(text))) => Authenticate::parse(&text).map(Some).ok_or(End::Unintelligible),
            Some(Ok(Message::Binary(_))) => Err(End::Unintelligible),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(None),
            Some(Ok(Message::Close(_)) | Err(_)) | None => Err(End::Gone),
        }
    }

    /// Where the client begins: the queue of what happens from now on, and the position up to where the past goes.
    async fn find_place(
        &mut self,
        login: &Login,
        position: Option<Position>,
    ) -> Result<(broadcast::Receiver<Live>, Position), End> {
        let live = self.shared.hub.subscribe(login.member.facility_id);
        // In this order: what is not in the queue is at or before what is relayed.
        let relayed = self.shared.hub.relayed();
        self.delivered = position.unwrap_or(relayed);
        // Another server may have relayed further than this one.
        if self.delivered > relayed && self.delivered > self.shared.log.head().await? {
            return Err(End::UnknownPosition);
        }
        Ok((live, relayed))
    }

    /// Sends what the client missed, and returns the queue of what comes after it.
    async fn catch_up(
        &mut self,
        login: &Login,
        mut live: broadcast::Receiver<Live>,
        mut relayed: Position,
    ) -> Result<broadcast::Receiver<Live>, End> {
        while self.delivered < relayed {
            if self.shared.stop.is_cancelled() {
                return Err(End::ServerStops);
            }
            if relayed.get() - self.delivered.get() > u64::from(PAGE) {
                // Far behind: the queue would overflow before it is looked at. It is taken up anew for the last page.
                drop(live);
                self.send_page(login, relayed).await?;
                live = self.shared.hub.subscribe(login.member.facility_id);
                relayed = self.shared.hub.relayed();
            } else {
                self.send_page(login, relayed).await?;
            }
        }
        Ok(live)
    }

    /// Sends the next page of the past, up to this position.
    async fn send_page(&mut self, login: &Login, until: Position) -> Result<(), End> {
        let (events, reached) = {
            // The semaphore is never closed.
            let _turn = self.shared.past.acquire().await;
            self.shared.log.read_each(self.delivered, PAGE, |_| true).await?
        };
        // One that cannot be read is left out, as the relay left it out.
        let page: Vec<&RecordedEvent> = events.iter().flatten().take_while(|event| event.position <= until).collect();
        let identity = self.shared.tokens.watch(&login.token).map_err(End::Token)?;
        let own = page.iter().filter(|event| event.facility_id == login.member.facility_id);
        let mut frames: Vec<_> = own.flat_map(|event| push::frames(event)).collect();
        frames.retain(|frame| identity.permissions.access(frame.push.area()).may_read());
        let patients = frames.iter().filter_map(|frame| patient_of(&frame.push)).collect();
        let fillings = &self.shared.fillings;
        let texts = fillings.fill_all(login.member.facility_id, &frames, &identity.permissions).await;
        let texts = texts.map_err(|_| End::Failed)?;
        self.traces.record(&login.member, patients).await?;
        self.send_frames(texts).await?;
        self.delivered = if events.is_empty() { until } else { reached.min(until) };
        Ok(())
    }

    async fn go_live(&mut self, login: &mut Login, live: &mut broadcast::Receiver<Live>) -> Result<Infallible, End> {
        let shared = Arc::clone(&self.shared);
        let every = |period| {
            let mut ticks = interval_at(Instant::now() + period, period);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            ticks
        };
        let (mut checks, mut pings) = (every(CHECK_TOKEN), every(shared.settings.ping_every));
        let mut heard = true;
        loop {
            tokio::select! {
                () = shared.stop.cancelled() => return Err(End::ServerStops),
                said = self.listen() => {
                    heard = true;
                    if let Some(said) = said? {
                        self.authenticate_again(login, said).await?;
                    }
                }
                next = live.recv() => match next {
                    Ok(first) => self.send_live(login, first, live).await?,
                    Err(RecvError::Lagged(_)) => return Err(End::Slow),
                    Err(RecvError::Closed) => return Err(End::Failed),
                },
                _ = checks.tick() => {
                    shared.tokens.watch(&login.token).map_err(End::Token)?;
                }
                _ = pings.tick() => {
                    if !std::mem::replace(&mut heard, false) {
                        return Err(End::Dead);
                    }
                    self.write(vec![Message::Ping(Vec::new())]).await?;
                }
            }
        }
    }

    /// The session goes on with a new token of the same user, who may have another role by now.
    async fn authenticate_again(&mut self, login: &mut Login, said: Authenticate) -> Result<(), End> {
        if said.position.is_some() {
            return Err(End::Unintelligible);
        }
        let member = self.shared.tokens.verify(&said.token).map_err(End::Token)?;
        if (member.user_id, member.facility_id) != (login.member.user_id, login.member.facility_id) {
            return Err(End::OtherUser);
        }
        *login = Login { member, token: said.token };
        self.say_ready(login, self.delivered).await
    }

    /// Sends this one and what else waits, in one write.
    async fn send_live(&mut self, login: &Login, first: Live, live: &mut broadcast::Receiver<Live>) -> Result<(), End> {
        // As things stand now: a session that was ended a moment ago, or a role that changed, sees nothing more.
        let identity = self.shared.tokens.watch(&login.token).map_err(End::Token)?;
        let mut patients = Vec::new();
        let mut texts = self.texts_of(&identity, &first, &mut patients).await?;
        let too_slow = loop {
            match live.try_recv() {
                Ok(next) => texts.extend(self.texts_of(&identity, &next, &mut patients).await?),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break false,
                Err(TryRecvError::Lagged(_)) => break true,
            }
        };
        self.traces.record(&login.member, patients).await?;
        // What counts as delivered is sent, also to a client that is then cut off.
        self.send_frames(texts).await?;
        if too_slow { Err(End::Slow) } else { Ok(()) }
    }

    /// What this client is to see of it, if anything, and whom that tells of.
    async fn texts_of(
        &mut self,
        identity: &TokenHolder,
        live: &Live,
        patients: &mut Vec<PatientId>,
    ) -> Result<Vec<String>, End> {
        let notice = match live {
            // It came with the past already.
            Live::Event(event) if event.position <= self.delivered => return Ok(Vec::new()),
            Live::Event(event) => {
                self.delivered = event.position;
                let mut texts = Vec::with_capacity(event.frames.len());
                for frame in &event.frames {
                    if !identity.permissions.access(frame.area).may_read() {
                        continue;
                    }
                    patients.extend(frame.patient);
                    let filled = match &frame.filled {
                        Some(filled) => filled.text(&self.shared.fillings, &identity.permissions).await,
                        None => Ok(None),
                    };
                    texts.push(filled.map_err(|_| End::Failed)?.unwrap_or_else(|| frame.text.clone()));
                }
                return Ok(texts);
            }
            Live::Notice(whom, _) if !whom.is(&identity.member) => return Ok(Vec::new()),
            Live::Notice(_, notice) => notice.to_json(Some(self.delivered)),
            Live::Presence(change) => {
                let may_know = identity.permissions.access(Area::Users).may_read();
                if change.user_id == identity.member.user_id || !may_know {
                    return Ok(Vec::new());
                }
                let (user_id, role) = (change.user_id, change.role);
                let notice = if change.connected {
                    Notice::UserConnected { user_id, role }
                } else {
                    Notice::UserDisconnected { user_id, role }
                };
                notice.to_json(Some(self.delivered))
            }
        };
        Ok(vec![notice.map_err(|_| End::Failed)?])
    }

    fn present(&self, login: &Login) -> Present {
        let Member { facility_id, user_id, role, .. } = login.member;
        self.shared.presence.join(facility_id, user_id, role)
    }

    async fn say_ready(&mut self, login: &Login, live_from: Position) -> Result<(), End> {
        let Member { facility_id, user_id, role, .. } = login.member;
        let live_from = live_from.max(self.delivered);
        let ready = Notice::Ready { user_id, facility_id, role, live_from };
        let text = ready.to_json(Some(self.delivered)).map_err(|_| End::Failed)?;
        self.write(vec![Message::Text(text)]).await
    }

    async fn send_frames(&mut self, texts: Vec<String>) -> Result<(), End> {
        let count = texts.len() as u64;
        self.write(texts.into_iter().map(Message::Text).collect()).await?;
        metrics::counter!(FRAMES_SENT).increment(count);
        Ok(())
    }

    /// Writes all of them, or finds that the client does not read.
    async fn write(&mut self, messages: Vec<Message>) -> Result<(), End> {
        if messages.is_empty() {
            return Ok(());
        }
        let written = async {
            for message in messages {
                self.socket.feed(message).await?;
            }
            self.socket.flush().await
        };
        match timeout(self.shared.settings.write_within, written).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(End::Gone),
            Err(_) => Err(End::Dead),
        }
    }

    /// Says why, closes, and lets the client close its side, so that nothing said is lost with the connection.
    async fn close(&mut self, end: &End) {
        let Some((notice, code)) = end.farewell() else { return };
        let position = matches!(end, End::Slow).then_some(self.delivered);
        let told = async {
            if let Some(text) = notice.and_then(|notice| notice.to_json(position).ok()) {
                self.socket.feed(Message::Text(text)).await?;
            }
            self.socket.send(Message::Close(Some((code, String::new())))).await
        };
        if told.await.is_ok() {
            while let Some(Ok(_)) = self.socket.next().await {}
        }
    }
}

/// One open socket in the metrics, until it is dropped.
struct Counted;

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!(SOCKETS).decrement(1.0);
    }
}
