use serde_json::{Value, json};
use system_tests::agenda::{Agenda, path, today};

/// The steps there are.
const STEPS: [&str; 6] = ["confirm", "arrive", "start", "complete", "no-show", "cancel"];

impl Life<'_> {
    async fn after(&self, steps: &[&str]) -> Value {
        let mut visit = self.0.visit("09:00", "09:30");
        visit["patientId"] = json!(self.0.another_patient(rand_number()).await);
        // It has begun, so that nobody may have come.
        visit["date"] = json!(today().yesterday().unwrap());
        visit["overrideAvailability"] = json!(true);
        visit["justification"] = json!("Saisie après la visite");
        visit["practitionerId"] = json!(self.0.another_doctor("Petit").await);
        let mut appointment = self.0.book(&visit).await;
        for step in steps {
            appointment = self.take(&appointment, step).await.expect(200).body;
        }
        appointment
    }

    async fn take(&self, appointment: &Value, step: &str) -> system_tests::server::Answer {
        if step == "cancel" {
            let path = format!("{}/cancel", path(appointment));
            return self.0.secretary().post(&path, &json!({"reason": "Empêchement"})).await;
        }
        self.0.step(appointment, step).await
    }
}

struct Life<'a>(&'a Agenda);

fn rand_number() -> usize {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static NEXT: AtomicUsize = AtomicUsize::new(100);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_allowed_where_the_life_of_an_appointment_has_it_and_nowhere_else() {
    let agenda = Agenda::new().await;
    let life = Life(&agenda);
    for (before, status, allowed) in [
        (&[][..], "scheduled", &["confirm", "arrive", "no-show", "cancel"][..]),
        (&["confirm"], "confirmed", &["arrive", "no-show", "cancel"]),
        (&["arrive"], "arrived", &["start", "no-show", "cancel"]),
        (&["arrive", "start"], "in_progress", &["complete"]),
        (&["arrive", "start", "complete"], "completed", &[]),
        (&["cancel"], "cancelled", &[]),
        (&["no-show"], "no_show", &[]),
    ] {
        let appointment = life.after(before).await;
        assert_eq!(appointment["status"], status);
        for step in STEPS.iter().filter(|step| !allowed.contains(step)) {
            let refused = life.take(&appointment, step).await.expect_problem(409, "invalid_state");
            assert!(refused.body["detail"].as_str().unwrap().contains(status), "{step}: {}", refused.text);
        }
        for step in allowed {
            let appointment = life.after(before).await;
            life.take(&appointment, step).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_called_off_frees_its_time_and_keeps_why() {
    let agenda = Agenda::new().await;
    let visit = agenda.visit("09:00", "09:30");
    let first = agenda.book(&visit).await;
    let cancel = format!("{}/cancel", path(&first));
    let cancelled = agenda.secretary().post(&cancel, &json!({"reason": "Empêchement"})).await.expect(200);
    assert_eq!(cancelled.body["cancellationReason"], "Empêchement");
    assert_eq!(cancelled.header("etag"), Some("\"2\""));
    agenda.secretary().post(&cancel, &json!({})).await.expect_problem(409, "invalid_state");
    let second = agenda.book(&visit).await;
    let request = agenda.secretary().request(reqwest::Method::DELETE, &path(&second));
    let deleted =
        system_tests::server::send(request.header("X-Change-Reason", "Vacances%20scolaires")).await.expect(200);
    assert_eq!(deleted.body["cancellationReason"], "Vacances scolaires");
    agenda.book(&visit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_failed_to_come_to_what_has_not_begun() {
    let agenda = Agenda::new().await;
    let appointment = agenda.book(&agenda.visit("09:00", "09:30")).await;
    agenda.step(&appointment, "no-show").await.expect_problem(409, "invalid_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_may_be_repeated_under_its_key_and_made_conditional() {
    let agenda = Agenda::new().await;
    let appointment = agenda.book(&agenda.visit("09:00", "09:30")).await;
    let step = |name: &str, header: &'static str, value: &'static str| {
        let path = format!("{}/{name}", path(&appointment));
        let request = agenda.secretary().request(reqwest::Method::POST, &path).header(header, value);
        system_tests::server::send(request)
    };
    step("confirm", "If-Match", "\"9\"").await.expect_problem(412, "stale_version");
    step("confirm", "Idempotency-Key", "k").await.expect(200);
    assert_eq!(step("confirm", "Idempotency-Key", "k").await.expect(200).body["status"], "confirmed");
    step("arrive", "Idempotency-Key", "k").await.expect_problem(422, "idempotency_key_reused");
    step("arrive", "If-Match", "\"2\"").await.expect(200);
}
