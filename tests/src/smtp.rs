//! An SMTP server in the test's own process. It speaks the protocol over a real socket (RFC 5321, with STARTTLS, TLS and
//! AUTH PLAIN). It keeps what it accepted, and breaks where a test says so. No maintained crate can hang up in the middle of
//! a message, which is what these tests are about.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use mail_parser::{Message, MessageParser, MimeHeaders};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

/// How long a test waits for a message.
const PATIENCE: Duration = Duration::from_secs(20);

/// A step of a conversation at which the server can break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is told who writes.
    Sender,
    /// It is told to whom.
    Recipient,
    /// It is told that the content comes.
    Data,
    /// It has got part of the content, and not its end.
    Content,
    /// It has got the content whole, and neither kept it nor answered.
    End,
}

/// What goes wrong with the next message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is refused with this status.
    Refuse(Step, u16),
    /// It is refused with this status, after a while.
    RefuseLate(Step, u16, Duration),
    /// The connection ends.
    HangUp(Step),
    /// It is accepted and kept, and the connection ends before the answer.
    AcceptAndHangUp,
}

/// How the server wants to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// As it comes.
    Plain,
    /// By STARTTLS.
    StartTls,
    /// By TLS from the start.
    Tls,
}

/// A message that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// From whom, as the envelope says.
    pub from: String,
    /// To whom, as the envelope says.
    pub to: Vec<String>,
    /// Head and content as they came.
    pub raw: String,
}

impl Mail {
    fn parsed(&self) -> Message<'_> {
        MessageParser::default().parse(self.raw.as_bytes()).expect("it is an e-mail")
    }

    /// A header as it was meant; empty without it.
    pub fn header(&self, name: &str) -> String {
        let parsed = self.parsed();
        let text = parsed.header(name).and_then(|value| value.as_text()).map(str::to_owned);
        text.unwrap_or_default()
    }

    /// What it is about.
    pub fn subject(&self) -> String {
        self.parsed().subject().unwrap_or_default().to_owned()
    }

    /// Whom a mail program shows as the sender.
    pub fn sender_name(&self) -> String {
        let parsed = self.parsed();
        let first = parsed.from().and_then(|from| from.first());
        first.and_then(|sender| sender.name()).unwrap_or_default().to_owned()
    }

    /// Its Message-ID.
    pub fn message_id(&self) -> String {
        self.parsed().message_id().unwrap_or_default().to_owned()
    }

    /// Its text.
    pub fn text(&self) -> String {
        self.parsed().body_text(0).unwrap_or_default().replace("\r\n", "\n")
    }

    /// Its page; empty without one.
    pub fn html(&self) -> String {
        let parsed = self.parsed();
        let has_page = parsed.html_bodies().any(|part| part.is_text_html());
        if has_page { parsed.body_html(0).unwrap_or_default().into_owned() } else { String::new() }
    }

    /// Its first file: name, media type, content.
    pub fn attachment(&self) -> Option<(String, String, String)> {
        let parsed = self.parsed();
        let file = parsed.attachments().next()?;
        let name = file.attachment_name().unwrap_or_default().to_owned();
        let kind = file.content_type().map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()));
        let content = String::from_utf8(file.contents().to_vec()).expect("a text");
        Some((name, kind.unwrap_or_default(), content))
    }
}

/// A running server. It ends with the runtime of its test.
#[derive(Clone)]
pub struct MailServer(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    manner: Manner,
    acceptor: TlsAcceptor,
    certificate: String,
    login: Option<(&'static str, &'static str)>,
    mails: watch::Sender<Vec<Mail>>,
    faults: Mutex<VecDeque<Fault>>,
    connections: watch::Sender<usize>,
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}
type Lines = BufReader<Box<dyn Stream>>;

impl MailServer {
    /// Starts one on a free port that takes every message.
    pub async fn start() -> Self {
        Self::with(Manner::Plain, None).await
    }

    /// Starts one that is spoken to like this, and wants this user and password.
    pub async fn with(manner: Manner, login: Option<(&'static str, &'static str)>) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let chain = vec![CertificateDer::from(made.cert.der().to_vec())];
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()).into();
        let tls = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).expect("TLS");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let server = Self(Arc::new(Inner {
            address: listener.local_addr().expect("its address"),
            manner,
            acceptor: TlsAcceptor::from(Arc::new(tls)),
            certificate: made.cert.pem(),
            login,
            mails: watch::Sender::default(),
            faults: Mutex::default(),
            connections: watch::Sender::default(),
        }));
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepting.0.connections.send_modify(|count| *count += 1);
                let session = accepting.clone();
                // A connection that ends, however it does, is not the server's trouble.
                tokio::spawn(async move { session.welcome(Box::new(stream)).await });
            }
        });
        server
    }

    /// What `MEDICALPRO_SMTP_URL` is set to.
    pub fn url(&self) -> String {
        let port = self.0.address.port();
        let login = self.0.login.map(|(user, password)| format!("{user}:{password}@")).unwrap_or_default();
        match self.0.manner {
            Manner::Plain => format!("smtp://{login}localhost:{port}?tls=none"),
            Manner::StartTls => format!("smtp://{login}localhost:{port}"),
            Manner::Tls => format!("smtps://{login}localhost:{port}"),
        }
    }

    /// Its certificate, as PEM.
    pub fn certificate(&self) -> &str {
        &self.0.certificate
    }

    /// What goes wrong with the next messages, one each, after what is to go wrong already.
    pub fn break_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.0.faults.lock().expect("the faults").extend(faults);
    }

    /// What it has accepted so far.
    pub fn mails(&self) -> Vec<Mail> {
        self.0.mails.borrow().clone()
    }

    /// How many connections were opened to it so far.
    pub fn connections(&self) -> usize {
        *self.0.connections.borrow()
    }

    /// What it has accepted, once there are so many.
    pub async fn wait_for(&self, count: usize) -> Vec<Mail> {
        let mut seen = self.0.mails.subscribe();
        let enough = tokio::time::timeout(PATIENCE, seen.wait_for(|mails| mails.len() >= count)).await;
        match enough {
            Ok(mails) => mails.expect("the server lives").clone(),
            Err(_) => panic!("{} of {count} messages came", self.mails().len()),
        }
    }

    async fn welcome(&self, stream: Box<dyn Stream>) -> io::Result<()> {
        let stream: Box<dyn Stream> = match self.0.manner {
            Manner::Tls => Box::new(self.0.acceptor.accept(stream).await?),
            Manner::Plain | Manner::StartTls => stream,
        };
        let mut lines = BufReader::new(stream);
        say(&mut lines, "220 mail.test ready").await?;
        let (mut encrypted, mut known) = (self.0.manner == Manner::Tls, self.0.login.is_none());
        let mut envelope: Option<(String, Vec<String>)> = None;
        let mut fault = None;
        while let Some(line) = heard(&mut lines).await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let ready = known && (encrypted || self.0.manner == Manner::Plain);
            match verb.as_str() {
                "EHLO" => {
                    let offers_tls = self.0.manner == Manner::StartTls && !encrypted;
                    let starttls = if offers_tls { "250-STARTTLS\r\n" } else { "" };
                    let auth = if known { "" } else { "250-AUTH PLAIN\r\n" };
                    say(&mut lines, &format!("250-mail.test\r\n{starttls}{auth}250 PIPELINING")).await?;
                }
                "STARTTLS" => {
                    say(&mut lines, "220 go ahead").await?;
                    lines = BufReader::new(Box::new(self.0.acceptor.accept(lines.into_inner()).await?));
                    encrypted = true;
                }
                "AUTH" => {
                    let given = line.rsplit(' ').next().and_then(|given| BASE64.decode(given).ok());
                    let expected = self.0.login.map(|(user, password)| format!("\0{user}\0{password}").into_bytes());
                    known = given == expected;
                    say(&mut lines, if known { "235 welcome" } else { "535 5.7.8 who are you" }).await?;
                }
                "NOOP" | "RSET" => say(&mut lines, "250 ok").await?,
                "QUIT" => return say(&mut lines, "221 bye").await,
                _ if !ready => say(&mut lines, "530 5.7.0 not like this").await?,
                "MAIL" => {
                    fault = self.0.faults.lock().expect("the faults").pop_front();
                    if self.step(&mut lines, fault, Step::Sender).await? {
                        envelope = Some((address(&line), Vec::new()));
                        say(&mut lines, "250 ok").await?;
                    }
                }
                "RCPT" => {
                    if self.step(&mut lines, fault, Step::Recipient).await?
                        && let Some((_, recipients)) = &mut envelope
                    {
                        recipients.push(address(&line));
                        say(&mut lines, "250 ok").await?;
                    }
                }
                "DATA" => {
                    if self.step(&mut lines, fault, Step::Data).await? {
                        say(&mut lines, "354 go on").await?;
                        let (from, to) = envelope.take().unwrap_or_default();
                        self.take_content(&mut lines, fault, from, to).await?;
                    }
                }
                _ => say(&mut lines, "502 what").await?,
            }
        }
        Ok(())
    }

    async fn take_content(
        &self,
        lines: &mut Lines,
        fault: Option<Fault>,
        from: String,
        to: Vec<String>,
    ) -> io::Result<()> {
        let mut raw = String::new();
        loop {
            let Some(line) = heard(lines).await? else { return Ok(()) };
            self.step(lines, fault.filter(|fault| matches!(fault, Fault::HangUp(_))), Step::Content).await?;
            match line.strip_prefix('.') {
                Some("") => break,
                Some(stuffed) => raw.push_str(stuffed),
                None => raw.push_str(&line),
            }
            raw.push_str("\r\n");
        }
        if !self.step(lines, fault, Step::End).await? {
            return Ok(());
        }
        self.0.mails.send_modify(|mails| mails.push(Mail { from, to, raw }));
        if fault == Some(Fault::AcceptAndHangUp) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        say(lines, "250 2.0.0 kept").await
    }

    /// Breaks at this step if that is what the test wants. Whether all is well.
    async fn step(&self, lines: &mut Lines, fault: Option<Fault>, step: Step) -> io::Result<bool> {
        if let Some(Fault::RefuseLate(at, _, delay)) = fault
            && at == step
        {
            tokio::time::sleep(delay).await;
        }
        match fault {
            Some(Fault::Refuse(at, status) | Fault::RefuseLate(at, status, _)) if at == step => {
                // As real servers do, it repeats whom it refuses.
                say(lines, &format!("{status} 5.1.1 <secret@patient.example> not now")).await?;
                Ok(false)
            }
            Some(Fault::HangUp(at)) if at == step => Err(io::ErrorKind::ConnectionAborted.into()),
            Some(_) | None => Ok(true),
        }
    }
}

async fn say(lines: &mut Lines, text: &str) -> io::Result<()> {
    lines.write_all(format!("{text}\r\n").as_bytes()).await?;
    lines.flush().await
}

async fn heard(lines: &mut Lines) -> io::Result<Option<String>> {
    let mut line = String::new();
    let length = lines.read_line(&mut line).await?;
    Ok((length > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn address(line: &str) -> String {
    let bracketed = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    bracketed.map(|(address, _)| address.to_owned()).unwrap_or_default()
}
