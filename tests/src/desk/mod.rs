//! Several users book, move and cancel at once. A judge decides whether their answers fit together.
//!
//! A [`Plan`] says what each user asks for, one thing after the other. [`play`] asks it of a [`Desk`], which is the house
//! behind commands or behind HTTP. It records when each question was put and when its answer came. One person with a
//! [`Pencil`] must have been able to answer the same, one question after the other. [`LinearizabilityTester`] finds out.

mod pencil;
mod plan;

use std::sync::{Arc, Mutex, PoisonError};

use stateright::semantics::{ConsistencyTester, LinearizabilityTester};

pub use self::pencil::{Asked, Label, Pencil, Said, Visit};
pub use self::plan::{Plan, SPAN, Wish, everything, plans, single};

/// What was asked and answered, and in which order.
pub type History = LinearizabilityTester<usize, Pencil>;

/// Whoever answers.
pub trait Desk: Send + Sync + 'static {
    /// The answer to what this person asks.
    fn ask(&self, person: usize, asked: Asked) -> impl Future<Output = Said> + Send;
}

/// Asks everything of a plan, of which everybody asks at their own pace.
pub async fn play(desk: Arc<impl Desk>, plan: &Plan) -> History {
    let history = Arc::new(Mutex::new(History::new(Pencil::default())));
    let people: Vec<_> = plan
        .0
        .iter()
        .cloned()
        .enumerate()
        .map(|(person, wishes)| {
            let (desk, history) = (Arc::clone(&desk), Arc::clone(&history));
            tokio::spawn(async move {
                let mut asked_for = 0;
                for wish in wishes {
                    let asked = wish.asked(person, &mut asked_for);
                    let note = |history: &Mutex<History>, answer: Option<Said>| {
                        let mut history = history.lock().unwrap_or_else(PoisonError::into_inner);
                        let noted = match answer {
                            None => history.on_invoke(person, asked.clone()),
                            Some(said) => history.on_return(person, said),
                        };
                        noted.map(|_| ()).expect("everybody waits for their answer");
                    };
                    note(&history, None);
                    let said = desk.ask(person, asked.clone()).await;
                    note(&history, Some(said));
                }
            })
        })
        .collect();
    for person in people {
        person.await.expect("nobody panics");
    }
    let history = history.lock().unwrap_or_else(PoisonError::into_inner);
    history.clone()
}
