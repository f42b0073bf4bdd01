//! What access tokens promise, beside what the vectors of the format check.

use super::*;

fn tokens(seed: u8) -> AccessTokens {
    AccessTokens::new(&[seed; 32], SignedDuration::from_mins(15)).unwrap()
}

fn member() -> Member {
    Member {
        user_id: UserId(Uuid::from_u128(1)),
        facility_id: FacilityId(Uuid::from_u128(2)),
        role: Role::Doctor,
        session_id: Uuid::from_u128(3),
    }
}

fn grant(issued_at: Timestamp) -> AccessGrant {
    AccessGrant {
        member: member(),
        permissions: Permissions::default_of(Role::Doctor),
        id: Uuid::from_u128(4),
        issued_at,
        authenticated_at: issued_at,
        second_factor: false,
    }
}

fn verify_at(tokens: &AccessTokens, token: &str, now: Timestamp) -> Result<Member, TokenError> {
    tokens.identify_at(token, now).map(|identity| identity.member)
}

#[test]
fn a_token_says_who_it_was_issued_to_also_when_it_is_remembered() {
    let tokens = tokens(7);
    let token = tokens.issue(&member()).unwrap();
    assert_eq!(tokens.verify(&token), Ok(member()));
    assert_eq!(tokens.verify(&token), Ok(member()));
    assert_eq!(tokens.verified.read().unwrap().len(), 1);
}

#[test]
fn a_token_expires_after_its_lifetime_remembered_or_not() {
    let tokens = tokens(7);
    let issued = Timestamp::now();
    let token = tokens.issue_for(&grant(issued)).unwrap();
    assert_eq!(verify_at(&tokens, &token, issued + SignedDuration::from_secs(899)), Ok(member()));
    assert_eq!(verify_at(&tokens, &token, issued + SignedDuration::from_secs(900)), Err(TokenError::Expired));
    let elsewhere = AccessTokens::new(&[7; 32], SignedDuration::from_mins(15)).unwrap();
    assert_eq!(verify_at(&elsewhere, &token, issued + SignedDuration::from_hours(1)), Err(TokenError::Expired));
}

#[test]
fn the_same_grant_is_the_same_token() {
    let (now, tokens) = (Timestamp::now(), tokens(7));
    assert_eq!(tokens.issue_for(&grant(now)).unwrap(), tokens.issue_for(&grant(now)).unwrap());
}

#[test]
fn a_token_altered_anywhere_is_not_valid() {
    let tokens = tokens(7);
    let token = tokens.issue(&member()).unwrap();
    for at in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[at] = if altered[at] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let refused = tokens.verify(&altered);
        assert!(matches!(refused, Err(TokenError::Invalid | TokenError::UnknownKey)), "at {at}: {refused:?}");
    }
    for text in ["", "x", "v4.public.", "v4.local.AAAA", "v4.public.AAAA.BBBB"] {
        assert_eq!(tokens.verify(text), Err(TokenError::Invalid), "{text}");
    }
}

#[test]
fn a_token_of_a_key_that_is_not_known_is_refused() {
    let token = tokens(7).issue(&member()).unwrap();
    assert_eq!(tokens(8).verify(&token), Err(TokenError::UnknownKey));
}

#[test]
fn a_token_that_is_not_valid_yet_is_refused() {
    let tokens = tokens(7);
    let token = tokens.issue_for(&grant(Timestamp::now() + SignedDuration::from_mins(5))).unwrap();
    assert_eq!(tokens.verify(&token), Err(TokenError::Invalid));
}

#[test]
fn what_is_signed_with_the_same_key_for_another_purpose_is_no_access_token() {
    let tokens = tokens(7);
    let key = SigningKey::of_seed(&[7; 32]).unwrap();
    let now = Timestamp::now();
    let claims = |iss: &str, aud: &str, typ: &str| {
        let claims = serde_json::json!({
            "iss": iss, "aud": aud, "typ": typ, "sub": member().user_id, "iat": now, "nbf": now,
            "exp": now + SignedDuration::from_mins(1), "jti": Uuid::nil(), "auth_time": now, "amr": ["pwd"],
            "role": "doctor", "facility_id": member().facility_id, "session_id": member().session_id,
            "permissions": Permissions::NONE,
        });
        let token = PublicToken::sign(&key.secret, claims.to_string().as_bytes(), Some(&key.footer), None).unwrap();
        tokens.verify(&token)
    };
    assert_eq!(claims(ISSUER, AUDIENCE, PURPOSE), Ok(member()));
    for (iss, aud, typ) in [("other", AUDIENCE, PURPOSE), (ISSUER, "other", PURPOSE), (ISSUER, AUDIENCE, "refresh")] {
        assert_eq!(claims(iss, aud, typ), Err(TokenError::Invalid), "{iss} {aud} {typ}");
    }
}

/// The vectors of the PASETO standard for v4.public, through the library as this module uses it.
#[test]
fn the_vectors_of_the_standard_verify_and_the_broken_ones_do_not() {
    use pasetors::keys::{AsymmetricPublicKey, AsymmetricSecretKey};

    let vectors: serde_json::Value = serde_json::from_str(include_str!("paseto_v4_public_vectors.json")).unwrap();
    let vectors = vectors["tests"].as_array().unwrap();
    assert!(vectors.len() >= 4);
    for vector in vectors {
        let text = |name: &str| vector[name].as_str().unwrap_or_default();
        let name = text("name");
        let bytes = |name: &str| data_encoding::HEXLOWER.decode(text(name).as_bytes()).unwrap();
        let given = |name| Some(text(name).as_bytes()).filter(|bytes| !bytes.is_empty());
        let (footer, implicit) = (given("footer"), given("implicit-assertion"));
        let untrusted = UntrustedToken::<Public, V4>::try_from(text("token"));
        if vector["expect-fail"] == true {
            let verified = untrusted.ok().and_then(|untrusted| {
                let key = AsymmetricPublicKey::<V4>::from(&bytes("public-key")).ok()?;
                PublicToken::verify(&key, &untrusted, footer, implicit).ok()
            });
            assert!(verified.is_none(), "{name}");
            continue;
        }
        let key = AsymmetricPublicKey::<V4>::from(&bytes("public-key")).unwrap();
        let trusted = PublicToken::verify(&key, &untrusted.unwrap(), footer, implicit).unwrap();
        assert_eq!(trusted.payload(), text("payload"), "{name}");
        let secret = AsymmetricSecretKey::<V4>::from(&bytes("secret-key")).unwrap();
        let signed = PublicToken::sign(&secret, text("payload").as_bytes(), footer, implicit).unwrap();
        assert_eq!(signed, text("token"), "{name}");
    }
}
