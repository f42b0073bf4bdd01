//! Made-up patients: the same for the same number, and no two alike.

use domain::patient::PatientEvent;
use serde_json::{Value, json};

const LAST_NAMES: &str = "Martin Bernard Thomas Petit Robert Richard Durand Dubois Moreau Laurent Simon Michel Lefebvre \
    Leroy Roux David Bertrand Morel Fournier Girard Bonnet Dupont Lambert Fontaine Rousseau Vincent Müller Lefèvre Faure \
    André Mercier Blanc Guérin Boyer Garnier Chevalier François Legrand Gauthier Garcia Perrin Robin Clément Morin \
    Nicolas Henry Roussel Mathieu Gautier Masson Marchand Duval Denis Dumont Marie Lemaire Noël Meyer Dufour Meunier \
    Brun Blanchard Giraud Joly";
const FIRST_NAMES: &str = "Marie Jean Pierre Jeanne Michel Françoise André Monique Philippe Catherine Alain Nathalie \
    Jacques Isabelle Bernard Jacqueline Marcel Anne Daniel Sylvie Roger Martine Robert Madeleine Claude Nicole Paul \
    Suzanne Christian Hélène Henri Christine Georges Marguerite Nicolas Denise François Louise Patrick Christiane Gérard \
    Yvonne Christophe Valérie Joseph Sophie Julien Stéphanie Maurice Céline Laurent Véronique Frédéric Chantal Éric \
    Simone David Sandrine Stéphane Laure";
/// What the rarer family names are made of: one of each line.
const RARER_NAMES: [&str; 3] = [
    "Ba Be Bou Bri Ca Cha Che Cor Da De Fa Fou Gau Gre La Le Ma Mon Pe Poi Ra Ro Sa Ta Va",
    "b c d g l m n r s t v ll rr nn tt ch ss rd rt mb",
    "and ard aud eau el et ier in on ot oux ois y ault ert eron elle ey ieu as",
];
/// Of how many patients one has a first name of two parts.
const DOUBLE_FIRST_NAMES: u64 = 12;
const BIRTH_DAYS: u64 = 32_000;
/// A prime: multiplying by it shuffles the days.
const SHUFFLE: u64 = 1_000_003;
/// Steps of this part of a circle never come near where they have been.
const GOLDEN: f64 = 0.618_033_988_749_894_9;

/// A made-up patient.
///
/// Names are as common as in France: of a thousand people six are called like the first of the list (four in life), the
/// share falls with the root of the rank, and everybody has one of ten thousand.
pub struct Person {
    number: u64,
    pub last_name: String,
    pub first_name: String,
    birth_date: String,
}

impl Person {
    /// The patient of this number. Those who share a birth day have family names that lie apart, up to two million.
    pub fn of(number: u64) -> Self {
        let day = number * SHUFFLE % BIRTH_DAYS;
        let place = (share(day) + (number / BIRTH_DAYS) as f64 * GOLDEN).fract();
        let birth_date =
            jiff::civil::date(1930, 1, 1) + jiff::Span::new().days(i32::try_from(day).expect("a number of days"));
        Self { number, last_name: last_name(place), first_name: first_name(number), birth_date: birth_date.to_string() }
    }

    /// As a client sends it, with a telephone number.
    pub fn request(&self, phone: u32) -> Value {
        let mut contact = self.contact(phone);
        let address = contact.as_object_mut().and_then(|contact| contact.remove("address"));
        json!({"lastName": self.last_name, "firstName": self.first_name, "birthDate": self.birth_date, "gender": "female",
            "address": address, "contact": contact, "insurance": self.insurance()})
    }

    /// As the log holds the registration.
    pub fn registered(&self) -> PatientEvent {
        let event = json!({"PatientRegistered": {
            "patientNumber": format!("P26{:04}", self.number + 1), "confirmedDistinct": false,
            "personal": {
                "identity": {"lastName": self.last_name, "firstName": self.first_name, "birthDate": self.birth_date,
                    "gender": "female"},
                "contact": self.contact(0), "coverage": {"insurance": self.insurance()}}}});
        serde_json::from_value(event).expect("an event of this release")
    }

    fn contact(&self, phone: u32) -> Value {
        json!({"address": {"street": "12 rue de la République", "city": "Brest", "postalCode": "29200", "country": "FR"},
            "phone": format!("+336{:08}", phone % 100_000_000), "email": format!("patient{}@example.org", self.number)})
    }

    fn insurance(&self) -> Value {
        json!({"provider": "CPAM du Finistère", "number": format!("SAN{:09}", self.number), "type": "public"})
    }
}

/// The family name at a place between 0 and 1 among all people, who are ordered by how common their name is.
fn last_name(place: f64) -> String {
    let common: Vec<&str> = LAST_NAMES.split_ascii_whitespace().collect();
    // Together the first r names have 0.0064 r^0.55 of all people.
    let rank = (place / 0.0064).powf(1.0 / 0.55) as usize;
    if let Some(name) = common.get(rank) {
        return (*name).to_owned();
    }
    let mut rest = rank - common.len();
    RARER_NAMES
        .iter()
        .map(|parts| {
            let parts: Vec<&str> = parts.split_ascii_whitespace().collect();
            let part = parts[rest % parts.len()];
            rest /= parts.len();
            part
        })
        .collect()
}

fn first_name(number: u64) -> String {
    let names: Vec<&str> = FIRST_NAMES.split_ascii_whitespace().collect();
    let named = |place: f64| names[((place.powf(1.25) * names.len() as f64) as usize).min(names.len() - 1)];
    let first = named(share(!number));
    if number.is_multiple_of(DOUBLE_FIRST_NAMES) {
        format!("{first}-{}", named(share(number)))
    } else {
        first.to_owned()
    }
}

/// A number between 0 and 1, the same for the same number, and nothing like it for the next (SplitMix64).
fn share(number: u64) -> f64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}
