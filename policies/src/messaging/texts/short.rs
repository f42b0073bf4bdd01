//! Short messages: 160 letters of the GSM alphabet (3GPP TS 23.038) are one, and anything longer, or a single letter that
//! is not in it, makes two or three that are each paid for.

use jiff::Timestamp;
use unicode_normalization::UnicodeNormalization;

use super::{Offer, Sender, Visit};
use crate::french;

/// Septets in one message.
pub(super) const ONE_MESSAGE: usize = 160;

/// The basic alphabet, without what no text has; then what counts twice.
const BASIC: &str = "@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§\
                     ¿abcdefghijklmnopqrstuvwxyzäöñüà\n";
const EXTENDED: &str = "^{}\\[~]|€";

pub(super) fn reminder(sender: &Sender<'_>, visits: &[&Visit]) -> String {
    let written = |practice: &str, with: bool| match visits {
        [visit] => {
            let practitioner = visit.practitioner.as_deref().filter(|_| with);
            let practitioner = practitioner.map(|name| format!(" avec {name}")).unwrap_or_default();
            let link = visit.link.as_deref().map(|link| format!("\nConfirmer ou annuler : {link}")).unwrap_or_default();
            format!("{practice} : rappel RDV {}{practitioner}.{link}", day_and_time(visit.during.from, sender))
        }
        several => {
            let lines = several.iter().map(|visit| {
                let when = day_and_time(visit.during.from, sender);
                visit.link.as_deref().map_or(format!("\n{when}"), |link| format!("\n{when} {link}"))
            });
            format!("{practice} : rappel de vos {} RDV{}", several.len(), lines.collect::<String>())
        }
    };
    fitting(sender.practice, written)
}

pub(super) fn offer(sender: &Sender<'_>, offer: &Offer) -> String {
    let written = |practice: &str, with: bool| {
        let practitioner = offer.practitioner.as_deref().filter(|_| with);
        let practitioner = practitioner.map(|name| format!(" avec {name}")).unwrap_or_default();
        let answer =
            offer.link.as_deref().map(|link| format!("\nRépondre avant {} : {link}", time(offer.until, sender)));
        let when = day_and_time(offer.during.from, sender);
        format!("{practice} : créneau libéré {when}{practitioner}.{}", answer.unwrap_or_default())
    };
    fitting(sender.practice, written)
}

/// The fullest wording that is one message: with the practitioner, without, with less and less of the practice's name. If
/// even the shortest is more than one, there is no point in saving.
fn fitting(practice: &str, written: impl Fn(&str, bool) -> String) -> String {
    let whole = gsm(&written(practice, true));
    let letters: Vec<char> = practice.chars().collect();
    let shorter = (8..letters.len()).rev().map(|length| letters[..length].iter().collect::<String>());
    let names = std::iter::once(practice.to_owned()).chain(shorter.map(|name| format!("{}.", name.trim_end())));
    let leaner = names.map(|name| gsm(&written(&name, false)));
    let fits = |text: &String| septets(text) <= ONE_MESSAGE;
    std::iter::once(whole.clone()).chain(leaner).find(fits).unwrap_or(whole)
}

/// `mar. 24/11 à 9h30`.
fn day_and_time(instant: Timestamp, sender: &Sender<'_>) -> String {
    let shown = instant.to_zoned(sender.zone.clone());
    let weekday: String = french::weekday(shown.weekday()).chars().take(3).collect();
    format!("{weekday}. {}/{:02} à {}", shown.day(), shown.month(), time(instant, sender))
}

fn time(instant: Timestamp, sender: &Sender<'_>) -> String {
    french::clock(&instant.to_zoned(sender.zone.clone())).replacen(" h ", "h", 1).replacen(" h", "h", 1)
}

/// In letters of the GSM alphabet: what is not in it loses its accent, or becomes what stands nearest.
pub(super) fn gsm(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for letter in text.nfc() {
        match letter {
            _ if BASIC.contains(letter) || EXTENDED.contains(letter) => folded.push(letter),
            '’' | '‘' | '`' | '´' => folded.push('\''),
            '«' | '»' | '“' | '”' | '„' => folded.push('"'),
            '–' | '—' | '‑' | '‐' => folded.push('-'),
            '\u{a0}' | '\u{202f}' | '\u{2009}' | '\t' => folded.push(' '),
            'œ' => folded.push_str("oe"),
            'Œ' => folded.push_str("OE"),
            '…' => folded.push_str("..."),
            other => folded.extend(other.nfd().filter(|part| BASIC.contains(*part))),
        }
    }
    folded
}

/// How many septets a text of the GSM alphabet takes.
pub(super) fn septets(text: &str) -> usize {
    text.chars().map(|letter| if EXTENDED.contains(letter) { 2 } else { 1 }).sum()
}
