//! A page for a patient: plain HTML that any telephone shows and any screen reader reads. It runs no script and loads
//! nothing, which the browser is told to insist on.

use std::sync::LazyLock;

use askama::Template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::digest;

const STYLE: &str = include_str!("../../templates/patient_links/style.css");

/// The style is allowed by its hash; forms go back where the page is from.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let hash = BASE64.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
    format!(
        "default-src 'none'; style-src 'sha256-{hash}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
});

/// What a page has to tell: HTTP has a status for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageKind {
    /// What the link is about.
    Found,
    /// The link was good once; nothing can be answered by it any more.
    Over,
    /// No such link.
    Unknown,
    /// An answer that no page asks for.
    NotUnderstood,
    /// The server cannot help at this moment.
    Trouble,
}

/// What a page says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What it has to tell.
    pub kind: PageKind,
    /// The practice, where it is known.
    pub practice: Option<String>,
    /// What it is about, in one line.
    pub heading: String,
    /// The day and the time.
    pub when: Option<String>,
    /// What else there is to say.
    pub paragraphs: Vec<String>,
    /// What the patient can answer.
    pub choices: Vec<Choice>,
}

/// An answer that a patient can choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// What comes back.
    pub answer: &'static str,
    /// What the button says, as an infinitive: `Confirmer ma venue`.
    pub label: &'static str,
    /// What to think of before it is pressed: it is then asked twice.
    pub warning: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "patient_links/page.html")]
struct Whole<'a> {
    page: &'a Page,
    style: &'static str,
}

impl Page {
    /// One that only says something.
    pub fn saying(kind: PageKind, heading: &str, paragraphs: &[&str]) -> Self {
        Self {
            kind,
            practice: None,
            heading: heading.to_owned(),
            when: None,
            paragraphs: paragraphs.iter().map(|&paragraph| paragraph.to_owned()).collect(),
            choices: Vec::new(),
        }
    }

    /// The same, in the name of this practice.
    #[must_use]
    pub fn of_practice(self, practice: &str) -> Self {
        Self { practice: Some(practice.to_owned()), ..self }
    }

    /// For what is no link of ours, whatever is wrong with it.
    pub fn unknown() -> Self {
        Self::saying(
            PageKind::Unknown,
            "Ce lien n’est pas valable",
            &["Vérifiez que l’adresse est complète, telle qu’elle figure dans le message que vous avez reçu."],
        )
    }

    /// For a moment at which we cannot help.
    pub fn trouble() -> Self {
        Self::saying(
            PageKind::Trouble,
            "Ce service est momentanément indisponible",
            &["Votre réponse n’a peut-être pas été enregistrée. Rouvrez ce lien dans quelques minutes pour vérifier."],
        )
    }

    /// For an answer that no page asks for.
    pub fn not_understood() -> Self {
        Self::saying(
            PageKind::NotUnderstood,
            "Cette réponse n’a pas été comprise",
            &["Rouvrez le lien du message que vous avez reçu et choisissez à nouveau."],
        )
    }
}

impl Page {
    /// The page in HTML.
    pub fn html(&self) -> Result<String, askama::Error> {
        Whole { page: self, style: STYLE }.render()
    }

    /// The `Content-Security-Policy` that the page is sent with.
    pub fn security_policy() -> &'static str {
        &POLICY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_practice_calls_itself_is_escaped() {
        let page = Page::unknown().of_practice("<script>Cabinet & Cie</script>");
        let html = page.html().unwrap();
        assert!(html.contains("&#60;script&#62;Cabinet &#38; Cie"), "{html}");
    }

    #[test]
    fn the_style_is_the_one_that_the_policy_allows() {
        let html = Page::unknown().html().unwrap();
        let style = html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).unwrap().0;
        let hash = BASE64.encode(digest::digest(&digest::SHA256, style.as_bytes()));
        assert!(POLICY.contains(&hash));
    }
}
