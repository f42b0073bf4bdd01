//! A gateway for short messages in the test's own process. It takes JSON over real HTTP and keeps what it accepted. If a
//! test says so, it answers otherwise.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use poem::http::StatusCode;
use poem::listener::{Acceptor, Listener, TcpListener};
use poem::{Request, Response, Server};
use serde_json::Value;
use tokio::sync::watch;

/// A request that was accepted.
#[derive(Clone, Debug, PartialEq)]
pub struct ShortMessage {
    /// What was posted.
    pub body: Value,
    /// The token that came with it, after `Bearer`.
    pub token: Option<String>,
    /// Its Idempotency-Key.
    pub key: Option<String>,
}

/// What happens to the next request instead of being accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status, and not kept.
    Answer(u16),
    /// It is kept, and the connection ends before the answer.
    AcceptAndHangUp,
}

/// A running gateway. It ends with the runtime of its test.
#[derive(Clone)]
pub struct SmsGateway(Arc<Inner>);

struct Inner {
    address: SocketAddr,
    messages: watch::Sender<Vec<ShortMessage>>,
    faults: Mutex<VecDeque<Fault>>,
}

impl SmsGateway {
    /// Starts one on a free port that takes every message.
    pub async fn start() -> Self {
        let acceptor = TcpListener::bind("127.0.0.1:0").into_acceptor().await.expect("a free port");
        let address = acceptor.local_addr().first().and_then(|local| local.as_socket_addr().copied());
        let address = address.expect("its address");
        let inner = Inner { address, messages: watch::Sender::default(), faults: Mutex::default() };
        let gateway = Self(Arc::new(inner));
        let answering = gateway.clone();
        let endpoint = poem::endpoint::make(move |request| {
            let gateway = answering.clone();
            async move { gateway.answer(request).await }
        });
        tokio::spawn(Server::new_with_acceptor(acceptor).run(endpoint));
        gateway
    }

    /// What `MEDICALPRO_SMS_URL` is set to.
    pub fn url(&self) -> String {
        format!("http://{}/messages", self.0.address)
    }

    /// What happens to the next requests, one each.
    pub fn break_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.0.faults.lock().expect("the faults").extend(faults);
    }

    /// What it has accepted so far.
    pub fn messages(&self) -> Vec<ShortMessage> {
        self.0.messages.borrow().clone()
    }

    async fn answer(&self, mut request: Request) -> Response {
        let header = |name: &str| request.header(name).map(str::to_owned);
        let token = header("authorization").and_then(|value| value.strip_prefix("Bearer ").map(str::to_owned));
        let key = header("idempotency-key");
        let Ok(body) = request.take_body().into_json().await else {
            return Response::builder().status(StatusCode::BAD_REQUEST).finish();
        };
        let fault = self.0.faults.lock().expect("the faults").pop_front();
        if let Some(Fault::Answer(status)) = fault {
            let status = StatusCode::from_u16(status).expect("a status");
            // As real gateways do, it repeats whom it refuses.
            return Response::builder().status(status).body("no message to +33600000000");
        }
        self.0.messages.send_modify(|messages| messages.push(ShortMessage { body, token, key }));
        if fault == Some(Fault::AcceptAndHangUp) {
            // Ends the task of the connection, and with it the connection, without a word.
            std::panic::resume_unwind(Box::new(()));
        }
        Response::builder().status(StatusCode::ACCEPTED).finish()
    }
}
