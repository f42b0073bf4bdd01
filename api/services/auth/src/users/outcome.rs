//! What becomes of commands on members of staff.

use commands::{CommandError, Executed};
use domain::ids::UserId;
use domain::user::{User, UserError};
use frame::problem::{Conflict, Problem, ProblemCode};
use projections::users::UserView;

/// A refusal as a problem. Whose an e-mail address is stays untold: it may be somebody of another practice.
pub(super) fn refusal(error: CommandError<UserError>) -> Problem {
    match error {
        CommandError::Reserved(_) => Problem::new(ProblemCode::Conflict).conflicting_with(vec![Conflict {
            resource_type: "user".to_owned(),
            rule: "same_email".to_owned(),
            fields: Some(vec!["email".to_owned()]),
            ..Conflict::default()
        }]),
        error => error.into(),
    }
}

/// The member of staff whom a command left, as the read model will hold them.
pub(super) fn view(executed: &Executed<User>) -> Result<UserView, Problem> {
    let after = &executed.after;
    let view = after.recorded.and_then(|recorded| {
        let id = UserId(executed.id);
        UserView::of(id, &after.aggregate, after.shown_version, recorded.first, recorded.last)
    });
    view.ok_or_else(|| Problem::new(ProblemCode::ResourceNotFound))
}
