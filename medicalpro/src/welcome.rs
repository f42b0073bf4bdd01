//! The greeting of a server with the demo practice: its address, the accounts, and first requests to try.

use crate::ready_file::ReadyReport;

/// The greeting of a server with a demo practice; nothing for any other.
pub fn welcome(report: &ReadyReport) -> Option<String> {
    let secretary = report.accounts.iter().find(|account| account.role == "secretary")?;
    let url = &report.url;
    let accounts: String = report
        .accounts
        .iter()
        .map(|account| format!("  {:<10} {:<40} {}\n", account.role, account.email, account.password))
        .collect();
    let (email, password) = (&secretary.email, &secretary.password);
    Some(format!(
        r#"
MedicalPro is ready at {url}   (operations: {url}/docs)

Accounts of the demo practice (made-up people; never for real patients):
{accounts}
Try, in another terminal:

TOKEN=$(curl -s {url}/api/v1/auth/login -H 'Content-Type: application/json' -d '{{"email":"{email}","password":"{password}"}}' | sed 's/.*"access_token":"\([^"]*\)".*/\1/')
curl -s "{url}/api/v1/patients?search=solenn" -H "Authorization: Bearer $TOKEN"
curl -s {url}/api/v1/patients -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' -d '{{"lastName":"Le Goff","firstName":"Zoé","birthDate":"1984-02-29","gender":"female"}}'
"#
    ))
}
