//! For tests of code that uses this crate: a transport that follows a script, a clock that stands still.

mod clock;
mod script;
mod transport;

use std::time::{Duration, SystemTime};

pub use self::clock::{FixedClock, NoJitter};
pub use self::script::{Expected, Reply};
pub use self::transport::{Recorded, ScriptedTransport};

use crate::{Auth, Client, Secret};

/// A client whose instance is this script: basic authentication, a clock that stands still, no chance in its waits.
///
/// ```
/// use openfactory_sn::testing::{Expected, Reply, ScriptedTransport, client};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), openfactory_sn::Error> {
/// let id = openfactory_sn::SysId::new("abc").expect("a key");
/// let instance = ScriptedTransport::new()
///     .on(Expected::get("/api/now/table/incident/abc"), Reply::fault(404, "No Record found", "…"));
/// assert!(client(&instance).dynamic_table("incident").get_opt(&id).await?.is_none());
/// instance.assert_done();
/// # Ok(())
/// # }
/// ```
///
/// # Panics
///
/// Never: what it is built from is good.
#[must_use]
pub fn client(script: &ScriptedTransport) -> Client {
    let built = Client::builder("https://instance.example.com")
        .auth(Auth::basic("integration", Secret::new("secret")))
        .transport(script.clone())
        .clock(FixedClock::at(SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600)))
        .jitter(NoJitter)
        .build();
    match built {
        Ok(client) => client,
        #[expect(clippy::panic, reason = "for tests; the parts above are good")]
        Err(error) => panic!("{error}"),
    }
}
