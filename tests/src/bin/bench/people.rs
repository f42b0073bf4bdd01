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
const BIRTH_DAYS: u64 = 32_000;
/// A prime: multiplying by it shuffles all people before two are alike.
const SHUFFLE: u64 = 1_000_003;

/// A made-up patient.
pub struct Person {
    number: u64,
    pub last_name: &'static str,
    pub first_name: &'static str,
    birth_date: String,
}

impl Person {
    /// The patient of this number.
    pub fn of(number: u64) -> Self {
        let (last_names, first_names) = (names(LAST_NAMES), names(FIRST_NAMES));
        let all = last_names.len() as u64 * first_names.len() as u64 * BIRTH_DAYS;
        let mut place = number * SHUFFLE % all;
        let mut digit = |of: u64| {
            let digit = place % of;
            place /= of;
            digit
        };
        let last_name = last_names[digit(last_names.len() as u64) as usize];
        let first_name = first_names[digit(first_names.len() as u64) as usize];
        let day = i32::try_from(digit(BIRTH_DAYS)).expect("a day");
        let birth_date = jiff::civil::date(1930, 1, 1) + jiff::Span::new().days(day);
        Self { number, last_name, first_name, birth_date: birth_date.to_string() }
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

fn names(list: &'static str) -> Vec<&'static str> {
    list.split_ascii_whitespace().collect()
}
