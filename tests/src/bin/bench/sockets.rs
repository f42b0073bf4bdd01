//! Live screens: from the moment that the log takes an event to the moment that a client has its frame.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt, stream};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_postgres::NoTls;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

use crate::http::Target;
use crate::load;
use crate::requests::{Operation, Practice};
use crate::servers::House;

const WRITERS: usize = 8;
/// How long the last frames may take.
const LATE: Duration = Duration::from_secs(1);

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

/// What came of a run.
pub struct Delays {
    /// From `recorded_at`, which the log writes before it commits, to the frame; of every event on every socket.
    pub micros: Vec<u64>,
    /// Frames that did not come.
    pub missing: u64,
    /// The server's memory while the sockets were open, in MB.
    pub memory_mb: f64,
}

/// Opens so many sockets, and changes patients at `rate` a second.
pub async fn run(
    house: &House,
    practice: &Arc<Practice>,
    sockets: usize,
    rate: f64,
    span: Duration,
    memory_mb: impl Fn() -> f64,
) -> Delays {
    let target = &practice.target;
    let connected = stream::iter(0..sockets).map(|_| connect(target)).buffer_unordered(32).collect::<Vec<_>>().await;
    let (stop, stopped) = watch::channel(false);
    let mut screens = JoinSet::new();
    for socket in connected {
        screens.spawn(watch_screen(socket, stopped.clone()));
    }
    let before = house.log.head().await.expect("the log answers");
    let build = practice.requests(Operation::Contact, WRITERS);
    load::arriving(target, WRITERS, rate, span, &build, |status| status == 200).await;
    tokio::time::sleep(LATE).await;
    let memory_mb = memory_mb();
    stop.send_replace(true);

    let recorded = recorded_at(house, before.to_sql()).await;
    let (mut micros, mut came) = (Vec::new(), 0_u64);
    for frames in screens.join_all().await {
        for (position, received) in frames {
            let Some(at) = recorded.get(&position) else { continue };
            micros.push(received.saturating_sub(*at));
            came += 1;
        }
    }
    Delays { micros, missing: (recorded.len() * sockets) as u64 - came, memory_mb }
}

async fn connect(target: &Target) -> Socket {
    // A thousand clients in one process: small buffers.
    let config = WebSocketConfig::default().read_buffer_size(4096).write_buffer_size(0);
    let address = format!("ws://{}/api/v1/realtime", target.address);
    let (mut socket, _) = connect_async_with_config(address, Some(config), true).await.expect("the socket opens");
    let hello = json!({"type": "authenticate", "token": target.token});
    socket.send(Message::text(hello.to_string())).await.expect("the socket takes it");
    let first = socket.next().await.expect("an answer").expect("a message");
    assert!(first.to_text().is_ok_and(|text| text.contains("\"ready\"")), "{first:?}");
    socket
}

/// The frames that come until told to stop: their position, and when they came in microseconds since 1970.
async fn watch_screen(mut socket: Socket, mut stopped: watch::Receiver<bool>) -> Vec<(u64, u64)> {
    let mut frames = Vec::new();
    loop {
        let message = tokio::select! {
            message = socket.next() => message,
            _ = stopped.wait_for(|stop| *stop) => return frames,
        };
        match message {
            Some(Ok(Message::Text(text))) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_micros() as u64;
                // Notices of people who come and go name a position as well, but no patient.
                if let Some(position) = position(&text).filter(|_| text.contains("\"patient_updated\"")) {
                    frames.push((position, now));
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return frames,
        }
    }
}

fn position(text: &str) -> Option<u64> {
    let (_, after) = text.split_once("\"position\":")?;
    let digits = after.find(|c: char| !c.is_ascii_digit())?;
    after[..digits].parse().ok()
}

/// When the log took each event after a position.
async fn recorded_at(house: &House, after: i64) -> HashMap<u64, u64> {
    let (client, driver) = house.owner.connect(NoTls).await.expect("a connection");
    tokio::spawn(driver);
    let find = "SELECT global_position, (extract(epoch FROM recorded_at) * 1000000)::bigint FROM log.events
                WHERE global_position > $1";
    let rows = client.query(find, &[&after]).await.expect("the log answers");
    rows.iter().map(|row| (row.get::<_, i64>(0).unsigned_abs(), row.get::<_, i64>(1).unsigned_abs())).collect()
}
