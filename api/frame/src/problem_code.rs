//! The catalogue of everything the API can refuse: one row per `code` of a problem answer, with its status, its title,
//! what causes it and what to do about it. `docs/errors.md` is this table, written out; a test keeps the two equal.

use poem::http::StatusCode;

macro_rules! problem_codes {
    ($($variant:ident: $status:ident $code:literal, $title:literal, cause $cause:literal, cure $cure:literal;)*) => {
        /// Why a request was refused, as a stable name that programs may rely on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum ProblemCode {
            $(#[doc = $cause] $variant,)*
        }

        impl ProblemCode {
            /// Every code there is, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable name: the `code` member of the answer.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $code,)* }
            }

            /// The HTTP status it is answered with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// A short sentence that is the same for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title,)* }
            }

            /// When it happens.
            pub const fn cause(self) -> &'static str {
                match self { $(Self::$variant => $cause,)* }
            }

            /// What the caller can do about it.
            pub const fn cure(self) -> &'static str {
                match self { $(Self::$variant => $cure,)* }
            }
        }
    };
}

problem_codes! {
    MalformedRequest: BAD_REQUEST "malformed_request", "The request cannot be read",
        cause "The body is not JSON of the declared shape: broken syntax, a missing or unknown field, a wrong type, `null`, or a field given twice.",
        cure "Correct the fields named in `violations`; leave an optional field out instead of sending `null`.";
    InvalidParameter: BAD_REQUEST "invalid_parameter", "A parameter is not valid",
        cause "A path, query or header parameter is unknown, repeated, missing or malformed.",
        cure "Correct the parameters named in `violations`; `/openapi.json` declares them all.";
    AuthenticationRequired: UNAUTHORIZED "authentication_required", "Authentication is required",
        cause "The request carries no `Authorization: Bearer` header, or one that is not of that form.",
        cure "Log in with `POST /api/v1/auth/login` and send the access token.";
    InvalidToken: UNAUTHORIZED "invalid_token", "The access token is not valid",
        cause "The access token was altered, was signed with an unknown key, or is not meant for this service.",
        cure "Log in again.";
    TokenExpired: UNAUTHORIZED "token_expired", "The access token has expired",
        cause "Access tokens are valid for a short time, 15 minutes unless configured otherwise.",
        cure "Log in again, and repeat the request with the new token.";
    SessionEnded: UNAUTHORIZED "session_ended", "The session has ended",
        cause "The session was ended by its owner, an administrator or a new password, was idle for too long, or is seven days old; the account was suspended; or the refresh token is none, or was used before.",
        cure "Log in again.";
    SecondFactorRequired: UNAUTHORIZED "second_factor_required", "A code of the second factor is required",
        cause "E-mail and password are right, and the account has a second factor.",
        cure "Send the same request with `otp`: the six digits that the device shows, or a recovery code.";
    InvalidSecondFactor: UNAUTHORIZED "invalid_second_factor", "The code is not valid",
        cause "The code is wrong, too old, or was used before: every code is good once.",
        cure "Wait for the next code; check the clock of the device; or use a recovery code. Failures count like wrong passwords.";
    InvalidCredentials: UNAUTHORIZED "invalid_credentials", "E-mail or password is wrong",
        cause "No active account has this e-mail and this password. Which of them is wrong is not told, on purpose.",
        cure "Check both; after five failures the account is locked for a growing time.";
    PermissionDenied: FORBIDDEN "permission_denied", "This role may not do this",
        cause "The role of the signed-in user does not include this operation.",
        cure "Ask someone whose role does, or have the role's permissions changed by an administrator.";
    AccessReasonRequired: FORBIDDEN "access_reason_required", "A reason is required to see this",
        cause "The clinical part of a restricted patient is shown for a declared reason and purpose only, and to an auditor for a declared reason.",
        cure "Send the headers named in `violations`: why, percent-encoded, in `X-Access-Reason`, and for what in `X-Access-Purpose`. Both are traced, and the data protection officer is told.";
    OriginNotAllowed: FORBIDDEN "origin_not_allowed", "Pages of this origin may not speak to this server",
        cause "A browser sent the request for a web page whose origin is not among those configured.",
        cure "Have the origin added to `MEDICALPRO_ALLOWED_ORIGINS`, if the page is yours.";
    StepUpRequired: FORBIDDEN "step_up_required", "A fresh proof of identity is required",
        cause "This needs a login or a `POST /api/v1/auth/step-up` that is at most five minutes old.",
        cure "Ask for the password or a code, send it to `POST /api/v1/auth/step-up`, and repeat the request.";
    EnrollmentRequired: FORBIDDEN "second_factor_enrollment_required", "A second factor has to be set up first",
        cause "The practice requires a second factor of this role, and the session began without one.",
        cure "Set one up with `POST /api/v1/auth/mfa/enroll` and `mfa/confirm`; until then only `/api/v1/auth` is open.";
    RouteNotFound: NOT_FOUND "route_not_found", "There is nothing at this address",
        cause "No operation has this path.",
        cure "Check the path against `/openapi.json`.";
    ResourceNotFound: NOT_FOUND "resource_not_found", "The resource does not exist",
        cause "No resource of this kind has this identifier in the facility of the signed-in user.",
        cure "Check the identifier; search for the resource in its list.";
    MethodNotAllowed: METHOD_NOT_ALLOWED "method_not_allowed", "The method is not supported here",
        cause "The path exists, but not with this method.",
        cure "Use one of the methods in the `Allow` header.";
    RequestTimeout: REQUEST_TIMEOUT "request_timeout", "The request took too long to arrive",
        cause "The body did not arrive in full within the time allowed for it.",
        cure "Send it again over a better connection.";
    Conflict: CONFLICT "conflict", "The request conflicts with what is recorded",
        cause "Something that must be unique or exclusive is already taken; `conflicts` says by what.",
        cure "Look at the resources named in `conflicts` and decide again.";
    LikelyDuplicate: CONFLICT "likely_duplicate", "The patient seems to be registered already",
        cause "A patient with the same names and birth date, or the same INS, exists; `conflicts` holds the candidates.",
        cure "Use the existing patient, or send `confirmDistinct` with a reason if it really is another person.";
    AppointmentConflict: CONFLICT "appointment_conflict", "Somebody or something is taken at that time",
        cause "The practitioner, the patient or the room has another appointment then; `conflicts` names each of them, and when.",
        cure "Take one of the `alternatives`, or, where the practice allows overlaps of the practitioner, send `acceptOverlap` with a `justification`.";
    OutsideAvailability: CONFLICT "outside_availability", "The practitioner is not there at that time",
        cause "The time lies outside the practitioner's hours, or in a leave; `openHours` are the hours around it.",
        cure "Take a time within `openHours`, or send `overrideAvailability` with a `justification`.";
    OverlapNotAllowed: CONFLICT "overlap_not_allowed", "Appointments of this practitioner may not overlap",
        cause "`acceptOverlap` was sent, and the practitioner's booking rules allow no overlap.",
        cure "Take another time, or have the booking rules of the practitioner changed.";
    LeaveTouchesAppointments: CONFLICT "leave_touches_appointments", "The leave lies over appointments",
        cause "Appointments that are still ahead lie in the leave; `conflicts` names them, the first ones first, and `detail` says how many there are.",
        cure "Move them first, or send `confirm`: the leave is planned, and they are flagged to be rescheduled.";
    InvalidState: CONFLICT "invalid_state", "The resource's state does not allow this",
        cause "The resource is in a state from which this change is not possible; `detail` names it.",
        cure "Read the resource again and bring it into the right state first.";
    ConcurrentChange: CONFLICT "concurrent_change", "Others kept changing the resource at the same time",
        cause "The change was decided several times, and each time something else was recorded first.",
        cure "Send the request again.";
    StaleVersion: PRECONDITION_FAILED "stale_version", "The resource has changed since it was read",
        cause "`If-Match` names a version that is no longer the current one.",
        cure "Read the resource again, merge the change, and send it with the new `ETag`.";
    BodyTooLarge: PAYLOAD_TOO_LARGE "body_too_large", "The body is too large",
        cause "The body is larger than 1 MiB.",
        cure "Send less at once.";
    UnsupportedMediaType: UNSUPPORTED_MEDIA_TYPE "unsupported_media_type", "The body's media type is not supported",
        cause "`Content-Type` is missing or is not `application/json` in UTF-8, or the body has a `Content-Encoding`.",
        cure "Send plain JSON with `Content-Type: application/json`.";
    ValidationFailed: UNPROCESSABLE_ENTITY "validation_failed", "Some fields are not valid",
        cause "The body has the declared shape, but values in it break a rule.",
        cure "Correct the fields named in `violations`: each names the rule and what is wrong.";
    LinkNotGood: UNPROCESSABLE_ENTITY "link_not_good", "The link is not good any more",
        cause "The one-time link was used, is too old, or a newer one was made.",
        cure "Ask for another reset with `POST /api/v1/auth/password/forgot`, or an administrator for one or for another invitation.";
    IdempotencyKeyReused: UNPROCESSABLE_ENTITY "idempotency_key_reused", "The idempotency key was used for another request",
        cause "The same `Idempotency-Key` came with a different request before.",
        cure "Make a new key for every new request; repeat a key only with the very same request.";
    PreconditionRequired: PRECONDITION_REQUIRED "precondition_required", "`If-Match` is required",
        cause "This change may not be made blindly: the version it is based on must be named.",
        cure "Read the resource and send its `ETag` as `If-Match`.";
    TooManyAttempts: TOO_MANY_REQUESTS "too_many_attempts", "Too many failed attempts",
        cause "Five or more wrong passwords were given for this e-mail; the wait grows with each further one.",
        cure "Wait for the time given in `Retry-After`.";
    RateLimited: TOO_MANY_REQUESTS "rate_limited", "Too many requests",
        cause "More requests came from this user or this address than its quota; `RateLimit-Policy` says which quotas there are.",
        cure "Wait for the time given in `Retry-After`; `RateLimit` says at every answer how much is left.";
    InternalError: INTERNAL_SERVER_ERROR "internal_error", "Something went wrong on the server",
        cause "A fault in the server or in a service that it depends on. Details are in the server's log, under the request id.",
        cure "Try again; if it persists, report the `requestId`.";
    Overloaded: SERVICE_UNAVAILABLE "overloaded", "The server is at its limit",
        cause "More requests are waiting than the server queues.",
        cure "Wait for the time given in `Retry-After`, then send the request again.";
    TimedOut: SERVICE_UNAVAILABLE "timed_out", "The request was not answered in time",
        cause "The request took longer than the server allows. A change may have been recorded nevertheless.",
        cure "Repeat it with the same `Idempotency-Key`, which never applies a change twice.";
    NotReady: SERVICE_UNAVAILABLE "not_ready", "The server is not ready",
        cause "The server is starting or stopping, or something that it needs does not answer; `detail` names it.",
        cure "Wait for the time given in `Retry-After`; operators find the failing part in `GET /api/v1/health/ready`.";
}

impl ProblemCode {
    /// The code that answers a bare HTTP status, for errors which the HTTP library makes by itself.
    pub fn for_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::AuthenticationRequired,
            StatusCode::FORBIDDEN => Self::PermissionDenied,
            StatusCode::NOT_FOUND => Self::RouteNotFound,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Self::UnsupportedMediaType,
            StatusCode::SERVICE_UNAVAILABLE => Self::Overloaded,
            status if status.is_client_error() => Self::MalformedRequest,
            _ => Self::InternalError,
        }
    }
}

/// The page that the `type` of every problem leads to. The catalogue is text of our own; backquotes are all its markup.
pub fn explanations_page() -> String {
    let mut page =
        String::from("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Errors</title><h1>Errors</h1>");
    for code in ProblemCode::ALL {
        page.push_str(&format!(
            "<h2 id=\"{name}\">{name}</h2><p><b>{status}</b> {title}</p><p>Cause: {cause}</p><p>Cure: {cure}</p>",
            name = code.name(),
            status = code.status().as_u16(),
            title = code.title(),
            cause = code.cause(),
            cure = code.cure(),
        ));
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::fmt::Write;

    use super::*;

    fn documentation() -> String {
        let mut page = String::from(
            "# Errors\n\n\
             Every error is answered as `application/problem+json` (RFC 9457). Rely on `code`: it never changes its meaning.\n\
             `violations` names fields or parameters with the rule each breaks, `conflicts` names what is in the way,\n\
             `requestId` finds the request in the server's log.\n",
        );
        for code in ProblemCode::ALL {
            write!(
                page,
                "\n## {}\n\n{} · {}\n\n- Cause: {}\n- Cure: {}\n",
                code.name(),
                code.status().as_u16(),
                code.title(),
                code.cause(),
                code.cure()
            )
            .unwrap();
        }
        page
    }

    /// `UPDATE_DOCS=1 cargo test -p frame` writes the page anew.
    #[test]
    fn the_documentation_lists_exactly_these_codes() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(path, documentation()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(path).unwrap(), documentation(), "UPDATE_DOCS=1 writes it anew");
    }

    #[test]
    fn no_two_codes_have_the_same_name_and_all_are_errors() {
        let names: HashSet<_> = ProblemCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), ProblemCode::ALL.len());
        assert!(ProblemCode::ALL.iter().all(|code| code.status().as_u16() >= 400));
    }
}
