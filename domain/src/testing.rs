//! An ending for given–when–then chains of `cqrs-es`.

use cqrs_es::Aggregate;
use cqrs_es::test::AggregateResultValidator;

/// How a chain ends when the command is accepted and changes nothing.
pub(crate) trait ThenNothing {
    /// Fails if the command was refused, or if an event follows from it.
    fn then_nothing_happened(self);
}

impl<A: Aggregate> ThenNothing for AggregateResultValidator<A> {
    #[track_caller]
    fn then_nothing_happened(self) {
        match self.inspect_result() {
            Ok(events) => assert!(events.is_empty(), "something happened: {events:?}"),
            Err(refusal) => panic!("refused: {refusal}"),
        }
    }
}
