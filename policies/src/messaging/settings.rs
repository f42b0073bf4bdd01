//! How messages are configured, read from addresses that may hold a password: a refusal names the setting and never
//! repeats its value.

use std::path::PathBuf;

use lettre::message::Mailbox;
use url::{Host, Url};
use zeroize::Zeroizing;

use super::sms_body::BodyTemplate;

/// Which ways of reaching patients there are.
#[derive(Default)]
pub struct MessagingSettings {
    /// E-mail, if there is a server for it.
    pub mail: Option<MailSettings>,
    /// Short messages, if there is a gateway for them.
    pub sms: Option<SmsSettings>,
}

/// A setting of messages cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The server for e-mails.
    #[error(
        "MEDICALPRO_SMTP_URL is not an address of an SMTP server: smtps://user:password@host[:465] for TLS from the start, \
         smtp://user:password@host[:587] for STARTTLS, smtp://host[:25]?tls=none for neither (no login is sent then)"
    )]
    SmtpUrl,
    /// There is a server and nobody whom e-mails come from.
    #[error("with MEDICALPRO_SMTP_URL, MEDICALPRO_MAIL_FROM is required: the address that e-mails come from")]
    NoSender,
    /// The sender's address.
    #[error("MEDICALPRO_MAIL_FROM is not an e-mail address")]
    Sender,
    /// The certificates that are trusted.
    #[error("MEDICALPRO_SMTP_CA cannot be read as certificates (PEM)")]
    Certificates,
    /// The gateway for short messages.
    #[error("MEDICALPRO_SMS_URL is not an address of a gateway (https://host/path)")]
    SmsUrl,
    /// What is sent to the gateway.
    #[error("MEDICALPRO_SMS_BODY is not a JSON object in which {{to}} and {{text}} stand for recipient and text")]
    SmsBody,
    /// The token for the gateway.
    #[error("MEDICALPRO_SMS_TOKEN cannot be sent in a header")]
    SmsToken,
    /// TLS cannot be set up.
    #[error("no TLS for messages can be set up on this machine")]
    Tls,
}

/// How the connection to the SMTP server is kept from others' eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encryption {
    /// TLS from the first byte (RFC 8314).
    Implicit,
    /// TLS by STARTTLS, without which nothing is sent (RFC 3207).
    StartTls,
    /// None: for a relay on the same machine or in a network of its own.
    None,
}

/// The SMTP server, and who writes.
pub struct MailSettings {
    /// Its name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// User and password, if it wants to know who we are.
    pub login: Option<(String, Zeroizing<String>)>,
    /// Certificates of authorities that are trusted besides the machine's own.
    pub authorities: Option<PathBuf>,
    /// Whom e-mails come from.
    pub from: Mailbox,
}

impl MailSettings {
    /// From the settings as they are written; none without a server.
    pub fn read(
        url: Option<&str>,
        from: Option<&str>,
        authorities: Option<PathBuf>,
    ) -> Result<Option<Self>, SettingsError> {
        let from = from.map(|from| from.parse::<Mailbox>().map_err(|_| SettingsError::Sender)).transpose()?;
        let Some(url) = url else { return Ok(None) };
        let url = Url::parse(url).map_err(|_| SettingsError::SmtpUrl)?;
        let query: Vec<_> = url.query_pairs().collect();
        let query: Vec<_> = query.iter().map(|(name, value)| (&**name, &**value)).collect();
        let (encryption, port) = match (url.scheme(), query.as_slice()) {
            ("smtps", []) => (Encryption::Implicit, 465),
            ("smtp", [] | [("tls", "required")]) => (Encryption::StartTls, 587),
            ("smtp", [("tls", "none")]) => (Encryption::None, 25),
            _ => return Err(SettingsError::SmtpUrl),
        };
        let host = match url.host() {
            Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            Some(Host::Domain(_)) | None => return Err(SettingsError::SmtpUrl),
        };
        let decoded = |text: &str| {
            let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
            decoded.map(std::borrow::Cow::into_owned).map_err(|_| SettingsError::SmtpUrl)
        };
        let login = match (url.username(), url.password()) {
            ("", None) => None,
            // A password is never sent where everybody can read it.
            (user, Some(password)) if !user.is_empty() && encryption != Encryption::None => {
                Some((decoded(user)?, Zeroizing::new(decoded(password)?)))
            }
            (_, _) => return Err(SettingsError::SmtpUrl),
        };
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(SettingsError::SmtpUrl);
        }
        let from = from.ok_or(SettingsError::NoSender)?;
        Ok(Some(Self { host, port: url.port().unwrap_or(port), encryption, login, authorities, from }))
    }
}

/// The gateway for short messages.
pub struct SmsSettings {
    /// Where a message is posted to.
    pub url: Url,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Zeroizing<String>>,
    /// What is posted.
    pub body: BodyTemplate,
}

impl SmsSettings {
    /// From the settings as they are written; none without a gateway.
    pub fn read(url: Option<&str>, token: Option<&str>, body: &str) -> Result<Option<Self>, SettingsError> {
        let body = BodyTemplate::parse(body).ok_or(SettingsError::SmsBody)?;
        let Some(url) = url else { return Ok(None) };
        let url = Url::parse(url).map_err(|_| SettingsError::SmsUrl)?;
        let plain = matches!(url.scheme(), "http" | "https") && url.has_host() && url.password().is_none();
        if !plain || !url.username().is_empty() || url.fragment().is_some() {
            return Err(SettingsError::SmsUrl);
        }
        Ok(Some(Self { url, token: token.map(|token| Zeroizing::new(token.to_owned())), body }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<MailSettings, SettingsError> {
        MailSettings::read(Some(url), Some("Rendez-vous <rdv@cabinet.example>"), None).map(Option::unwrap)
    }

    #[test]
    fn an_address_says_how_the_server_is_spoken_to() {
        for (url, encryption, port, login) in [
            ("smtps://u:p%40ss@mail.example", Encryption::Implicit, 465, Some(("u", "p@ss"))),
            (
                "smtp://rdv%40cabinet.example:p@mail.example",
                Encryption::StartTls,
                587,
                Some(("rdv@cabinet.example", "p")),
            ),
            ("smtp://mail.example:2525/?tls=required", Encryption::StartTls, 2525, None),
            ("smtp://127.0.0.1?tls=none", Encryption::None, 25, None),
        ] {
            let settings = read(url).map_err(|error| format!("{url}: {error}")).unwrap();
            assert_eq!((settings.encryption, settings.port), (encryption, port), "{url}");
            let found = settings.login.as_ref().map(|(user, password)| (user.as_str(), password.as_str()));
            assert_eq!(found, login, "{url}");
        }
    }

    #[test]
    fn a_password_is_not_sent_without_encryption() {
        assert_eq!(read("smtp://u:p@mail.example?tls=none").err(), Some(SettingsError::SmtpUrl));
    }

    #[test]
    fn what_is_no_address_of_a_server_is_refused() {
        for url in ["", "mail.example", "http://mail.example", "smtp://", "smtps://mail.example?tls=none"] {
            assert_eq!(read(url).err(), Some(SettingsError::SmtpUrl), "{url}");
        }
        for url in ["smtp://u@mail.example", "smtp://:p@mail.example", "smtp://mail.example/path"] {
            assert_eq!(read(url).err(), Some(SettingsError::SmtpUrl), "{url}");
        }
        let sender = |from| MailSettings::read(Some("smtp://mail.example"), from, None).err();
        assert_eq!(sender(None), Some(SettingsError::NoSender));
        assert_eq!(sender(Some("nobody")), Some(SettingsError::Sender));
    }

    #[test]
    fn a_gateway_is_an_address_of_the_web_without_a_login_in_it() {
        let body = crate::messaging::sms_body::DEFAULT_BODY;
        let read = |url| SmsSettings::read(Some(url), None, body).err();
        assert_eq!(read("https://sms.example/v1/messages?account=7"), None);
        for url in ["sms.example", "ftp://sms.example", "https://u:p@sms.example/"] {
            assert_eq!(read(url), Some(SettingsError::SmsUrl), "{url}");
        }
        assert_eq!(SmsSettings::read(None, None, "{}").err(), Some(SettingsError::SmsBody));
    }
}
