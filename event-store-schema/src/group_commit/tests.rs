//! What holds without a database. With one: `tests/tests/log/{order,access}.rs`.

use tokio_postgres::Config;

use super::*;
use crate::tasks::TaskState;

/// Numbers that weigh what they say. 13 cannot be put into a batch: the task dies of it.
struct Numbers;

#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Overloaded,
    Unavailable { outcome_unknown: bool },
    Refused,
}

const DEADLY: usize = 13;

impl Batched for Numbers {
    const NAME: &'static str = "numbers";
    const INBOX: usize = 4;
    const GATHERED: usize = 10;
    const STATEMENT: &'static str = "SELECT 1";
    const METRICS: (&'static str, &'static str) = ("numbers_batch_size", "numbers_seconds");

    type Request = usize;
    type Reply = ();
    type Answer = usize;
    type Error = Refusal;

    fn weight(request: &usize) -> usize {
        *request
    }

    fn next_batch(waiting: &mut VecDeque<Pending<Self>>) -> Vec<Pending<Self>> {
        assert!(waiting.iter().all(|pending| pending.request != DEADLY), "an unlucky number");
        waiting.drain(..).collect()
    }

    async fn call(&self, _: &Client, _: &Statement, _: &[Pending<Self>]) -> Result<(), tokio_postgres::Error> {
        Ok(())
    }

    async fn answer(&self, batch: Vec<Pending<Self>>, (): (), _: bool) {
        for pending in batch {
            let number = pending.request;
            pending.answer(Ok(number));
        }
    }

    fn overloaded() -> Refusal {
        Refusal::Overloaded
    }

    fn unavailable(outcome_unknown: bool) -> Refusal {
        Refusal::Unavailable { outcome_unknown }
    }

    fn refused(_: DatabaseError) -> Refusal {
        Refusal::Refused
    }
}

const TIMEOUT: Duration = Duration::from_secs(5);

/// With a database that is not there.
fn numbers() -> GroupCommit<Numbers> {
    let mut nowhere = Config::new();
    nowhere.host_path("/nonexistent/medicalpro").user("nobody");
    GroupCommit::start(Database::with_config(nowhere, 1).unwrap(), TIMEOUT, Numbers)
}

fn pending(request: usize, deadline: Instant) -> (Pending<Numbers>, oneshot::Receiver<Result<usize, Refusal>>) {
    let (answer, answered) = oneshot::channel();
    (Pending { request, deadline, answer }, answered)
}

fn requests(waiting: &VecDeque<Pending<Numbers>>) -> Vec<usize> {
    waiting.iter().map(|pending| pending.request).collect()
}

#[test]
fn no_more_is_gathered_than_a_batch_may_weigh() {
    let (send, mut inbox) = mpsc::channel(10);
    let mut waiting = VecDeque::new();
    for number in [4, 4, 4, 4] {
        assert!(send.try_send(pending(number, Instant::now()).0).is_ok());
    }
    gather(&mut waiting, &mut inbox);
    assert_eq!(requests(&waiting), [4, 4, 4], "the third is gathered while there is room");
    gather(&mut waiting, &mut inbox);
    assert_eq!(requests(&waiting), [4, 4, 4], "what waits already counts");
    waiting.truncate(1);
    gather(&mut waiting, &mut inbox);
    assert_eq!(requests(&waiting), [4, 4]);
    for number in [2, 1] {
        assert!(send.try_send(pending(number, Instant::now()).0).is_ok());
    }
    gather(&mut waiting, &mut inbox);
    assert_eq!(requests(&waiting), [4, 4, 2], "it is full to the last");
}

#[test]
fn a_request_is_answered_at_its_deadline_and_the_others_stay() {
    let now = Instant::now();
    let (late, mut late_answer) = pending(1, now);
    let (alive, mut alive_answer) = pending(2, now + TIMEOUT);
    let mut batch = vec![late, alive];
    give_up_expired(&mut batch, true);
    assert_eq!(late_answer.try_recv(), Ok(Err(Refusal::Unavailable { outcome_unknown: true })));
    assert!(alive_answer.try_recv().is_err());
    assert_eq!(batch.len(), 1);
}

#[tokio::test]
async fn what_was_never_sent_is_given_up_with_a_known_outcome() {
    let numbers = GroupCommit { timeout: Duration::from_millis(250), ..numbers() };
    let begun = Instant::now();
    let (one, other) = tokio::join!(numbers.submit(1), numbers.submit_patiently(2));
    let not_sent = Err(Refusal::Unavailable { outcome_unknown: false });
    assert_eq!((&one, &other), (&not_sent, &not_sent));
    assert!(begun.elapsed() >= Duration::from_millis(250));
    assert!(numbers.health().is_running(), "a database that is away is no death");
}

#[tokio::test]
async fn a_full_inbox_refuses_at_once_or_is_waited_for() {
    let (inbox, _never_read) = mpsc::channel(1);
    let (health, _supervisor) = supervise("numbers", CancellationToken::new(), |_| async {});
    let numbers = GroupCommit::<Numbers> { inbox, timeout: Duration::from_millis(50), health };
    let first = tokio::spawn({
        let numbers = numbers.clone();
        async move { numbers.submit(1).await }
    });
    while numbers.inbox.capacity() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(numbers.submit(2).await, Err(Refusal::Overloaded));
    let begun = Instant::now();
    assert_eq!(numbers.submit_patiently(3).await, Err(Refusal::Overloaded));
    assert!(begun.elapsed() >= Duration::from_millis(50));
    // Nobody answers: the request may have been sent.
    assert_eq!(first.await.unwrap(), Err(Refusal::Unavailable { outcome_unknown: true }));
}

#[tokio::test]
async fn a_task_that_dies_answers_what_it_held_and_its_successor_goes_on() {
    let numbers = GroupCommit { timeout: Duration::from_millis(500), ..numbers() };
    assert_eq!(numbers.submit(DEADLY).await, Err(Refusal::Unavailable { outcome_unknown: true }));
    while numbers.health().is_running() {
        tokio::task::yield_now().await;
    }
    let state = numbers.health().state();
    assert!(matches!(&state, TaskState::Restarting { last_error, .. } if last_error == "an unlucky number"), "{state}");
    assert_eq!(numbers.submit(1).await, Err(Refusal::Unavailable { outcome_unknown: false }));
}

#[tokio::test]
async fn the_task_ends_after_the_last_who_could_send() {
    let numbers = numbers();
    let health = numbers.health().clone();
    let other = numbers.clone();
    drop(numbers);
    sleep(Duration::from_millis(10)).await;
    assert!(health.is_running());
    drop(other);
    while health.state() != TaskState::Ended {
        tokio::task::yield_now().await;
    }
}
