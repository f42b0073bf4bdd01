use std::sync::atomic::{AtomicU32, Ordering};

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use super::*;

/// Lets everything run that can run without time passing.
async fn settle() {
    sleep(Duration::from_millis(1)).await;
}

fn deaths(health: &TaskHealth) -> u32 {
    match health.state() {
        TaskState::Restarting { deaths, .. } => deaths,
        TaskState::Running | TaskState::Ended => 0,
    }
}

#[tokio::test(start_paused = true)]
async fn a_task_that_panics_is_started_again_and_keeps_its_inbox() {
    let tasks = Tasks::new(CancellationToken::new());
    let (send, inbox) = mpsc::unbounded_channel();
    let (tell, mut told) = mpsc::unbounded_channel();
    let inbox = Arc::new(tokio::sync::Mutex::new(inbox));
    let health = tasks.start("reader", move |_| {
        let (inbox, tell) = (Arc::clone(&inbox), tell.clone());
        async move {
            while let Some(number) = inbox.lock().await.recv().await {
                assert_ne!(number, 2, "two");
                let _ = tell.send(number);
            }
        }
    });
    for number in 1..=3 {
        send.send(number).unwrap();
    }
    assert_eq!((told.recv().await, told.recv().await), (Some(1), Some(3)));
    assert_eq!(deaths(&health), 1);
}

#[tokio::test(start_paused = true)]
async fn pauses_double_up_to_the_longest() {
    let stop = CancellationToken::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let (_, supervisor) = supervise("loser", stop, move |_| {
        let _ = tell.send(Instant::now());
        async { Err::<(), _>("lost") }
    });
    let _running = tokio::spawn(supervisor);
    let mut starts = Vec::new();
    while starts.len() < 12 {
        starts.push(told.recv().await.unwrap());
    }
    let pauses: Vec<_> = starts.windows(2).map(|pair| (pair[1] - pair[0]).as_millis() / 10 * 10).collect();
    assert_eq!(pauses[..4], [100, 200, 400, 800]);
    assert_eq!(pauses[9..], [30_000, 30_000]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_keeps_dying_shows_in_its_health_until_it_lives() {
    let stop = CancellationToken::new();
    let lives = Arc::new(AtomicU32::new(0));
    let (health, supervisor) = supervise("loser", stop, move |_| {
        let life = lives.fetch_add(1, Ordering::SeqCst);
        async move {
            if life < 3 {
                return Err(format!("lost life {life}"));
            }
            std::future::pending::<Result<(), String>>().await
        }
    });
    let _running = tokio::spawn(supervisor);
    assert!(health.is_running());
    settle().await;
    let TaskState::Restarting { since, .. } = health.state() else { panic!("{}", health.state()) };
    sleep(Duration::from_secs(1)).await;
    let expected = TaskState::Restarting { since, deaths: 3, last_error: "lost life 2".to_owned() };
    assert_eq!(health.state(), expected, "the fourth has not lived for long");
    assert!(!health.is_running());
    sleep(STEADY_AFTER).await;
    assert_eq!(health.state(), TaskState::Running);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_has_lived_is_started_again_at_once() {
    let stop = CancellationToken::new();
    let (tell, mut told) = mpsc::unbounded_channel();
    let (health, supervisor) = supervise("mortal", stop, move |_| {
        let _ = tell.send(Instant::now());
        sleep(STEADY_AFTER * 2)
    });
    let _running = tokio::spawn(supervisor);
    let mut last = told.recv().await.unwrap();
    for _ in 0..3 {
        let next = told.recv().await.unwrap();
        let pause = next - last - STEADY_AFTER * 2;
        assert!(pause >= FIRST_PAUSE && pause < FIRST_PAUSE * 2, "{pause:?}");
        assert_eq!(deaths(&health), 1);
        last = next;
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_shows_its_message_only_if_it_is_written_in_the_source() {
    for (patient, shown) in [(None, "no patient"), (Some("Le Goff"), "it panicked")] {
        let (health, supervisor) = supervise("clumsy", CancellationToken::new(), move |_| async move {
            match patient {
                None => panic!("no patient"),
                Some(name) => assert!(name.is_empty(), "{name} is no number"),
            }
        });
        let _running = tokio::spawn(supervisor);
        settle().await;
        let shows = matches!(health.state(), TaskState::Restarting { last_error, .. } if last_error == shown);
        assert!(shows, "{}", health.state());
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_the_future_is_made_is_survived_too() {
    let (health, supervisor) =
        supervise("clumsy", CancellationToken::new(), |_| -> std::future::Pending<()> { panic!("no future") });
    let _running = tokio::spawn(supervisor);
    sleep(Duration::from_secs(1)).await;
    assert_eq!(deaths(&health), 4);
}

#[tokio::test(start_paused = true)]
async fn stop_waits_for_the_safe_point_of_a_task() {
    let stop = CancellationToken::new();
    let tasks = Tasks::new(stop.clone());
    let health = tasks.start("careful", |stop| async move {
        stop.cancelled().await;
        sleep(Duration::from_secs(2)).await;
    });
    settle().await;
    let begun = Instant::now();
    stop.cancel();
    tasks.ended().await;
    assert_eq!(begun.elapsed().as_secs(), 2);
    assert_eq!(health.state(), TaskState::Ended);
}

#[tokio::test(start_paused = true)]
async fn stop_ends_a_pause_and_a_task_without_a_safe_point() {
    let stop = CancellationToken::new();
    let tasks = Tasks::new(stop.clone());
    let dead = tasks.start("dead", |_| async { Err::<(), _>("dead") });
    let endless =
        tasks.start("endless", |stop| stop.run_until_cancelled_owned(std::future::pending::<Result<(), String>>()));
    sleep(LONGEST_PAUSE * 4).await;
    assert!(!dead.is_running() && endless.is_running());
    let begun = Instant::now();
    stop.cancel();
    tasks.ended().await;
    assert!(begun.elapsed() < FIRST_PAUSE);
    assert_eq!((dead.state(), endless.state()), (TaskState::Ended, TaskState::Ended));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_work_is_done_cancels_its_token() {
    let stop = CancellationToken::new();
    let (health, supervisor) = supervise("once", stop, |stop| async move { stop.cancel() });
    supervisor.await;
    assert_eq!(health.state(), TaskState::Ended);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_supervisor_aborts_the_task() {
    let alive = Arc::new(());
    let held = Arc::downgrade(&alive);
    let (health, supervisor) = supervise("orphan", CancellationToken::new(), move |_| {
        let alive = Arc::clone(&alive);
        async move {
            std::future::pending::<()>().await;
            drop(alive);
        }
    });
    let running = tokio::spawn(supervisor);
    settle().await;
    running.abort();
    settle().await;
    assert_eq!(held.strong_count(), 0);
    assert_eq!(health.state(), TaskState::Ended);
}

#[tokio::test(start_paused = true)]
async fn health_lists_the_tasks_in_the_order_of_their_start() {
    let tasks = Tasks::new(CancellationToken::new());
    tasks.start("first", |_| std::future::pending::<()>());
    let (elsewhere, _supervisor) = supervise("second", CancellationToken::new(), |_| std::future::pending::<()>());
    tasks.watch(elsewhere);
    tasks.start(format!("third {}", 3), |_| async { Err::<(), _>("lost") });
    settle().await;
    let health = tasks.health();
    let names: Vec<_> = health.iter().map(TaskHealth::name).collect();
    assert_eq!(names, ["first", "second", "third 3"]);
    let shown = health.iter().map(|health| health.state().to_string()).collect::<Vec<_>>();
    assert_eq!(shown[0], "running");
    assert!(shown[2].starts_with("restarting since 20") && shown[2].ends_with("Z: lost"), "{}", shown[2]);
}
