//! Several servers on one database: what one wrote the others see, what one decided the others respect, and one of them
//! at a time leads each projection.

mod decisions;
mod leadership;
mod writes;

use domain::role::Role;
use system_tests::fleet::Fleet;
use system_tests::practice::Practice;
use system_tests::server::Client;
use tokio::sync::OnceCell;

/// Two servers for the tests that leave them as they are.
async fn two_servers() -> &'static Fleet {
    static TWO: OnceCell<Fleet> = OnceCell::const_new();
    TWO.get_or_init(|| Fleet::start(2)).await
}

/// A new practice, and its secretary as a client of each of the two servers.
async fn practice() -> (Practice, Client, Client) {
    let fleet = two_servers().await;
    let practice = fleet.open_practice().await;
    let client = practice.client(Role::Secretary);
    let (one, other) = (client.of(fleet.url(0)), client.of(fleet.url(1)));
    (practice, one, other)
}
