//! The first filling of empty tables. Patients are copied in as they are registered. Terms and counts are made of the rows
//! in the end, when each patient has the present name.

use std::collections::HashMap;
use std::panic::resume_unwind;
use std::pin::pin;
use std::thread;

use domain::event::RecordedEvent;
use domain::ids::{FacilityId, PatientId};
use projections_engine::{ProjectionError, Share, Transaction};
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::listing::Listing;
use super::rows::{Change, Counts, PatientRows, count, fold, known_patients, note};

/// How many blocks of the table are read at once: 32 MB.
const BLOCKS: i64 = 4_000;

/// Rows of new patients, and of those who have a row already.
#[derive(Default)]
struct Loaded {
    new: PatientRows,
    changed: PatientRows,
}

pub(super) async fn load(events: &[RecordedEvent], tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let (odd, even) = known_patients(events, tx).await?.into_iter().partition(|(id, _)| is_odd(id.0));
    // Folding costs more than reading and writing, and patients do not depend on each other.
    let halves = thread::scope(|scope| {
        let other = scope.spawn(|| fold_half(events.iter().filter(|event| is_odd(event.stream.id())), odd));
        let half = fold_half(events.iter().filter(|event| !is_odd(event.stream.id())), even);
        [half, other.join().unwrap_or_else(|panic| resume_unwind(panic))]
    });
    for half in halves {
        let Loaded { new, changed } = half?;
        if !changed.ids.is_empty() {
            changed.upsert(tx).await?;
        }
        copy(&new, tx).await?;
    }
    Ok(())
}

fn is_odd(id: Uuid) -> bool {
    id.as_u128() % 2 == 1
}

fn fold_half<'e>(
    events: impl Iterator<Item = &'e RecordedEvent>,
    known: HashMap<PatientId, Change>,
) -> Result<Loaded, ProjectionError> {
    let mut loaded = Loaded::default();
    for (id, change) in fold(events, known)? {
        let rows = if change.before.is_none() { &mut loaded.new } else { &mut loaded.changed };
        rows.push(id, &change.after, Listing::of(&change.after.patient))?;
    }
    Ok(loaded)
}

async fn copy(rows: &PatientRows, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let sink = tx.copy_in(include_str!("../../sql/patients/copy.sql")).await?;
    let (id, text, number, time) = (Type::UUID, Type::TEXT, Type::INT8, Type::TIMESTAMPTZ);
    let texts = [text.clone(), text.clone(), text.clone(), text.clone(), text];
    let rest = [Type::JSON, Type::JSON, number.clone(), number, time.clone(), time];
    let types = [vec![id.clone(), id], texts.into(), rest.into()];
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types.concat()));
    for at in 0..rows.ids.len() {
        writer
            .as_mut()
            .write(&[
                &rows.facilities[at],
                &rows.ids[at],
                &rows.statuses[at],
                &rows.last_name_keys[at],
                &rows.first_name_keys[at],
                &rows.codes[at],
                &rows.names[at],
                &rows.documents[at],
                &rows.summaries[at],
                &rows.versions[at],
                &rows.positions[at],
                &rows.created[at],
                &rows.updated[at],
            ])
            .await?;
    }
    writer.finish().await?;
    Ok(())
}

pub(super) async fn derive(share: Share, tx: &Transaction<'_>) -> Result<(), ProjectionError> {
    let listed = tx.prepare_cached(include_str!("../../sql/patients/listed.sql")).await?;
    let blocks: i64 = tx.query_one(include_str!("../../sql/patients/blocks.sql"), &[]).await?.try_get(0)?;
    let mut counts = Counts::new();
    let mut from = share.part * BLOCKS;
    while from < blocks {
        let rows = tx.query(&listed, &[&from, &(from + BLOCKS)]).await?;
        let sink = tx.copy_in(include_str!("../../sql/patients/copy_terms.sql")).await?;
        let types = [Type::UUID, Type::TEXT, Type::UUID, Type::INT2];
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for row in &rows {
            let (facility, id) = (FacilityId(row.try_get("facility_id")?), PatientId(row.try_get("patient_id")?));
            let listing = Listing::from_row(row)?;
            for term in listing.terms() {
                writer.as_mut().write(&[&facility.0, &term.place, &id.0, &term.shared]).await?;
            }
            note(&mut counts, facility, &listing, 1);
        }
        writer.finish().await?;
        from += share.of * BLOCKS;
    }
    count(&counts, tx).await
}
