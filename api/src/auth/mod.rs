//! Who somebody is: [`accounts`] keeps what is needed to log in, [`passwords`] checks passwords, [`tokens`] carries the
//! outcome from request to request.

pub mod accounts;
pub mod passwords;
pub mod seed;
pub mod tokens;
