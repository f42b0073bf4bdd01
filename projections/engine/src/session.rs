//! Sessions of the database's owner, who makes and drops tables. They are few and short, so no pool holds them.

use deadpool_postgres::ClientWrapper;
use tokio_postgres::{Config, NoTls};

/// A session of the owner. Its connection ends with it; a connection that is lost shows in the next statement.
pub async fn owner_session(owner: &Config) -> Result<ClientWrapper, tokio_postgres::Error> {
    let (client, connection) = owner.connect(NoTls).await?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a session of the owner ended");
        }
    });
    Ok(ClientWrapper::new(client, driver))
}
